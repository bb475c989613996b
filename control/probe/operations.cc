#include "control/probe/operations.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "control/probe/audit.h"
#include "control/probe/record_tail.h"
#include "control/probe/self_check.h"
#include "control/wall_reading.h"
#include "proto/base/similar.h"

namespace weir {

namespace {

std::int64_t clocks_apart_ns(const WallReading& reading) {
  return static_cast<std::int64_t>(reading.wall_ns - reading.mono_ns);
}

}  // namespace

Operations::Operations(std::vector<std::string> monitors, const ProbePhase& phase, ProbeSignals& signals,
                       StatusSource& status)
    : monitors_(std::move(monitors)),
      phase_(phase),
      signals_(signals),
      status_(status),
      clocks_apart_ns_(clocks_apart_ns(read_wall_clock())) {
  for (const std::string& name : monitors_) names_.add(name);
}

tl::expected<std::unique_ptr<TailReader>, std::string> Operations::tail(const v1::TailRequest& request,
                                                                        std::function<void()> wake) {
  RecordTail::Wish wish;
  wish.last = request.last();
  wish.follow = request.follow();
  if (wish.last > RecordTap::kKept) {
    return tl::unexpected(fmt::format("-n {}: expected 0 to {}", wish.last, RecordTap::kKept));
  }
  if (!request.monitor().empty()) {
    const auto found = std::find(monitors_.begin(), monitors_.end(), request.monitor());
    if (monitors_.empty()) {
      return tl::unexpected(fmt::format("--monitor {}: the configuration names no monitor", request.monitor()));
    }
    if (found == monitors_.end()) {
      const std::vector<std::string_view> names(monitors_.begin(), monitors_.end());
      return tl::unexpected(fmt::format("--monitor '{}': there is none of this name; there are {}{}", request.monitor(),
                                        fmt::join(monitors_, ", "), did_you_mean(request.monitor(), names)));
    }
    wish.monitor = static_cast<unsigned>(found - monitors_.begin());
  }
  auto filter = RecordFilter::make(request.filter());
  if (!filter) return tl::unexpected("--filter " + filter.error());
  wish.filter = std::move(*filter);
  return std::make_unique<RecordTail>(tap_, names_, std::move(wish), std::move(wake));
}

v1::SelfCheckReply Operations::self_check() {
  const WallReading now = read_wall_clock();
  v1::SelfCheckReply reply;
  *reply.add_items() = check_rss(status_.rss());
  *reply.add_items() = check_skew(status_.status());
  *reply.add_items() = check_clock(clocks_apart_ns_, clocks_apart_ns(now));
  *reply.add_items() = check_loopback(tap_.open(std::nullopt, [] {})->before(), now.wall_ns);
  reply.set_ok(std::none_of(reply.items().begin(), reply.items().end(),
                            [](const v1::SelfCheckItem& item) { return item.outcome() == "failed"; }));
  return reply;
}

tl::expected<void, std::string> Operations::drain(std::string_view who) {
  auto done = try_drain(who);
  if (!done) audit(spdlog::level::warn, fmt::format("{} asks weir to drain: refused: {}", who, done.error()));
  return done;
}

tl::expected<void, std::string> Operations::try_drain(std::string_view who) {
  const Activity now = phase_.get();
  if (now.phase == Phase::starting) return tl::unexpected("weir is " + now.text() + "; there is nothing to drain yet");
  if (now.phase == Phase::stopping) return tl::unexpected("weir is " + now.text() + "; that exports every flow, too");
  if (now.phase != Phase::running) return {};
  audit(spdlog::level::info, fmt::format("{} asks weir to drain", who));
  signals_.ask(ProbeSignals::Event::drain);
  return {};
}

tl::expected<void, std::string> Operations::stop(std::string_view who) {
  const Activity now = phase_.get();
  if (now.phase == Phase::starting) {
    const std::string why = "weir is " + now.text() + "; SIGTERM stops it at once";
    audit(spdlog::level::warn, fmt::format("{} asks weir to stop: refused: {}", who, why));
    return tl::unexpected(why);
  }
  stop_asked_ = true;
  if (now.phase == Phase::stopping) return {};
  audit(spdlog::level::info, fmt::format("{} asks weir to stop", who));
  signals_.ask(ProbeSignals::Event::stop);
  return {};
}

}  // namespace weir
