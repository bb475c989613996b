#include "proto/encode/uptime_window.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kDay = 86'400 * kSecond;

constexpr std::uint64_t floor_to_second(std::uint64_t time_ns) {
  return time_ns - time_ns % kSecond;
}
// 2^64 ns is in 2554; a time of the last second before is rounded down instead of around.
constexpr std::uint64_t ceil_to_second(std::uint64_t time_ns) {
  const std::uint64_t part = time_ns % kSecond;
  if (part == 0) return time_ns;
  const std::uint64_t floor = time_ns - part;
  return floor > UINT64_MAX - kSecond ? floor : floor + kSecond;
}
constexpr std::uint64_t day_before(std::uint64_t time_ns) {
  const std::uint64_t second = floor_to_second(time_ns);
  return second - std::min(second, kDay);
}

}  // namespace

UptimeWindow::UptimeWindow(HeaderTime header_time, std::uint64_t start_ns) : header_time_(header_time) {
  if (start_ns == 0) return;
  boot_ns_ = day_before(start_ns);
  boot_ms_ = boot_ns_ / 1'000'000;
  known_ = true;
}

void UptimeWindow::move(const TimeSpan& span, std::uint64_t now_ns) {
  known_ = true;
  // Tried in this order: a day of slack and the present; a day of slack; no slack; last, a record that is too long.
  if (header_time_ == HeaderTime::now) {
    boot_ns_ = day_before(std::min(span.start_ns, now_ns));
    if (holds(span) && now_ns - boot_ns_ <= kWindow - kDay) return;
  }
  boot_ns_ = day_before(span.start_ns);
  if (holds(span)) return;
  boot_ns_ = floor_to_second(span.start_ns);
  if (holds(span)) return;
  boot_ns_ = ceil_to_second(span.end_ns) - kWindow;
}

bool UptimeWindow::open(const TimeSpan& span, std::uint64_t now_ns) {
  // Boot moves by the clock, a day before the uptime is full, so that now_ns fits when the datagram is finished.
  const bool full = header_time_ == HeaderTime::now && now_ns > boot_ns_ && now_ns - boot_ns_ > kWindow - kDay;
  if (holds(span) && !(full && span.end_ns + kDay > now_ns)) return false;
  const bool moved = known_;
  move(span, now_ns);
  boot_ms_ = boot_ns_ / 1'000'000;
  return moved;
}

std::uint64_t UptimeWindow::header_ns(std::uint64_t latest_ns, std::uint64_t now_ns) const {
  // Both header fields take one whole second, not before the end of any record and not past the window.
  const std::uint64_t latest = std::max(std::min(ceil_to_second(latest_ns), boot_ns_ + kWindow), boot_ns_);
  if (header_time_ == HeaderTime::records) return latest;
  return std::max(latest, std::min(floor_to_second(now_ns), boot_ns_ + kWindow));
}

}  // namespace weir
