#include "control/probe/rates.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "proto/base/counts.h"

namespace weir {
namespace {

WorkerRate rate_between(const WorkerCounters& then, const WorkerCounters& now, double seconds) {
  const PacketCount received = without(now.received, then.received);
  const auto per_second = [seconds](std::uint64_t count) {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(count) / seconds));
  };
  WorkerRate rate;
  rate.packets_per_second = per_second(received.packets);
  rate.frame_bits_per_second = 8 * per_second(received.octets);
  const std::uint64_t polls = without(now.polls, then.polls);
  if (polls != 0) {
    rate.asleep = std::min(1.0, static_cast<double>(without(now.waited_ns, then.waited_ns)) / 1e9 / seconds);
    rate.busy =
        (1 - rate.asleep) * static_cast<double>(without(now.busy_polls, then.busy_polls)) / static_cast<double>(polls);
  }
  return rate;
}

}  // namespace

std::uint64_t Rates::packets_per_second() const {
  std::uint64_t sum = 0;
  for (const WorkerRate& worker : workers) sum += worker.packets_per_second;
  return sum;
}

std::uint64_t Rates::frame_bits_per_second() const {
  std::uint64_t sum = 0;
  for (const WorkerRate& worker : workers) sum += worker.frame_bits_per_second;
  return sum;
}

Rates rates_between(const Moment& before, const Moment& latest) {
  Rates rates;
  const double seconds = std::chrono::duration<double>(latest.at - before.at).count();
  const std::size_t count = latest.counters.size();
  if (before.counters.size() != count || !(seconds > 0)) return rates;
  std::uint64_t sum = 0;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    rates.workers.push_back(rate_between(before.counters[i], latest.counters[i], seconds));
    const std::uint64_t packets = without(latest.counters[i].received.packets, before.counters[i].received.packets);
    rates.workers[i].share = static_cast<double>(packets);
    sum += packets;
    most = std::max(most, packets);
  }
  if (sum == 0) return rates;
  for (WorkerRate& worker : rates.workers) worker.share /= static_cast<double>(sum);
  rates.skew = static_cast<double>(most) * static_cast<double>(count) / static_cast<double>(sum);
  return rates;
}

}  // namespace weir
