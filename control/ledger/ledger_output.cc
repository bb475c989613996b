#include "control/ledger/ledger_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "control/final_error.h"
#include "proto/base/unique_fd.h"
#include "proto/record/message_json.h"
#include "proto/schema/report_text.h"

namespace weir {
namespace {

/// How long a pipe may be full: somebody who stopped reading standard output must not hold up the end of weir.
constexpr int kPatienceMs = 2000;

/// Writes all of `text`; false with errno set if that failed, EAGAIN where a pipe stayed full.
bool write_all(int fd, const std::string& text) {
  struct stat status {};
  const bool waits = fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
  std::size_t done = 0;
  while (done < text.size()) {
    std::size_t count = text.size() - done;
    if (waits) {
      // What poll() calls writable takes so many octets without waiting.
      count = std::min<std::size_t>(count, PIPE_BUF);
      pollfd room{fd, POLLOUT, 0};
      if (poll(&room, 1, kPatienceMs) == 0) {
        errno = EAGAIN;
        return false;
      }
    }
    const ssize_t written = write(fd, text.data() + done, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    done += static_cast<std::size_t>(written);
  }
  return true;
}

bool write_ledger(const std::string& file, const std::string& text) {
  if (file == "-") return write_all(STDOUT_FILENO, text);
  UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  // Check close() as well: some file systems report a full disk only there.
  return fd.valid() && write_all(fd.get(), text) && close(fd.release()) == 0;
}

/// Losses before the exporters; those of an exporter have a line of their own when it is closed.
bool has_losses(const v1::Ledger& ledger) {
  return std::any_of(ledger.lost().begin(), ledger.lost().end(),
                     [](const auto& one) { return one.second.records() != 0; });
}

/// "90 counted in 3 flow records, 10 filtered out (--filter)"; of a ledger or a monitor's.
template <typename Ledger>
std::string counted_summary(const Ledger& ledger) {
  std::string text =
      fmt::format("{} counted in {} flow records", ledger.counted().packets(), ledger.drained().records());
  const auto add = [&text](const v1::Count& count, const char* what) {
    if (count.packets() != 0) text += fmt::format(", {} {}", count.packets(), what);
  };
  if constexpr (requires { ledger.frame_filtered_out(); }) {
    add(ledger.frame_filtered_out(), "filtered out (--frame-filter)");
  }
  add(ledger.filtered_out(), "filtered out (--filter)");
  add(ledger.sampled_out(), "sampled out");
  add(ledger.duplicate(), "duplicate (--pair)");
  add(ledger.handover_full(), "lost (handover_full)");
  return text;
}

/// "5 rejected (3 ether_type_arp, 2 ip_version), 5 of them saved in rejects.pcapng"
std::string rejected_summary(const v1::Ledger& ledger) {
  // Sort by size, greatest first, then by name.
  std::vector<std::pair<std::uint64_t, std::string>> rejects;
  std::uint64_t rejected = 0;
  for (const auto& [name, count] : ledger.rejects()) {
    rejected += count.packets();
    if (count.packets() != 0) rejects.emplace_back(count.packets(), name);
  }
  std::sort(rejects.begin(), rejects.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  std::string text = fmt::format("{} rejected", rejected);
  for (std::size_t i = 0; i < rejects.size(); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? " (" : ", ", rejects[i].first, rejects[i].second);
  }
  if (!rejects.empty()) text += ")";
  if (ledger.has_saved_rejects()) {
    const v1::SavedRejects& saved = ledger.saved_rejects();
    text += fmt::format(", {} of them saved in {}", saved.saved().packets(), saved.file());
    for (const auto& [name, count] : saved.unsaved()) {
      if (count.packets() != 0) text += fmt::format(", {} not ({})", count.packets(), name);
    }
  }
  return text;
}

}  // namespace

std::string ledger_summary(const v1::Ledger& ledger) {
  std::string text = fmt::format("{} packets: ", ledger.received().packets());
  if (ledger.has_input() && !ledger.input().samples_packets()) {
    text = fmt::format("{} raw records of {}", ledger.input().records(), text);
  }
  if (ledger.monitors().empty()) {
    text += counted_summary(ledger) + ", " + rejected_summary(ledger);
  } else {  // what is no monitor's comes before them
    text += rejected_summary(ledger);
    if (const auto& out = ledger.frame_filtered_out(); out.packets() != 0) {
      text += fmt::format(", {} filtered out (--frame-filter)", out.packets());
    }
    for (const auto& monitor : ledger.monitors()) {
      text += fmt::format("; {}: {}", monitor.name(), counted_summary(monitor));
    }
  }
  if (const std::uint64_t clamped = ledger.input().times_clamped(); clamped != 0) {
    text += fmt::format("; {} times lie in the future and count as now", clamped);
  }
  return text + "; the ledger balances";
}

bool check_ledger_file(const std::string& file) {
  if (file.empty() || file == "-") return true;
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) {
    final_error(fmt::format("--ledger {}: {}", file, std::strerror(errno)));
    return false;
  }
  return true;
}

int file_ledger(const v1::Ledger& ledger, const std::string& file) {
  int code = ledger.balanced() ? 0 : 1;
  if (!file.empty() && !write_ledger(file, message_json(ledger) + "\n")) {
    final_error(fmt::format("--ledger {}: {}", file, errno == EAGAIN ? "nobody reads the pipe" : std::strerror(errno)));
    code = 1;
  }
  return code;
}

int report_ledger(const v1::Ledger& ledger, const std::string& file) {
  const std::string text = ledger_text(ledger);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return file_ledger(ledger, file);
}

int summarise_ledger(const v1::Ledger& ledger, const std::string& file) {
  if (!ledger.balanced() || has_losses(ledger)) return report_ledger(ledger, file);
  if (const auto& late = ledger.clock_as_reordered(); late.packets() != 0) {
    spdlog::warn(
        "{} packets were stamped too far back for reordering, too often for a clock that was set back: they "
        "count as reordered (clock_as_reordered)",
        late.packets());
  }
  spdlog::info("{}", ledger_summary(ledger));
  return file_ledger(ledger, file);
}

}  // namespace weir
