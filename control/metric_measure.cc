#include "control/metric_measure.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <random>

#include "control/config/metric_list.h"
#include "dataplane/flow/flow_shard.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;

/// One worker's shard without a source: counts packets of `flows` TCP flows in random order for kLong: ACKs of what was
/// acknowledged, since each flow's next sequence number would have to be looked up. nullopt: there was no memory for
/// its table.
std::optional<double> nanoseconds_per_packet(const Metrics& metrics, std::uint32_t flows) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLong{400};
  WorkerCounters counters;
  RecordRing ring(ring_lines(1024));
  const KeyHash hash(KeyHash::random_seed());
  FlowTimeouts timeouts;
  timeouts.idle_ns = timeouts.active_ns = kMaxTimeoutNs;  // nothing ends while it is measured
  FlowShard shard(flows + flows / 3, hash, timeouts, counters, ring, RingFull::lose, WhenFull::evict, metrics);
  if (!shard.ok()) return std::nullopt;
  std::mt19937 random(1);
  ParsedPacket packets[FlowShard::kBurst]{};
  PacketFacts facts[FlowShard::kBurst]{};
  for (std::size_t i = 0; i < FlowShard::kBurst; ++i) {
    packets[i].time_ns = packets[i].effective_ns = kStartNs;
    packets[i].frame_octets = packets[i].ip_octets = 52;
    packets[i].tcp_flags = kTcpAck;
    facts[i].ttl = 64;
    facts[i].window_plus_1 = 1001;
    facts[i].tcp_options = 0x102;
    facts[i].timestamps = true;
    facts[i].timestamp_value = facts[i].timestamp_echo = 1;
  }
  const auto burst = [&](auto&& flow_of) {
    for (std::size_t i = 0; i < FlowShard::kBurst; ++i) {
      const std::uint32_t flow = flow_of();
      packets[i].key.address[0] = std::uint64_t{flow} << 32 | 1;
      packets[i].key.set_tail(static_cast<std::uint16_t>(flow), 443, kProtocolTcp, 4);
    }
    shard.prepare(packets);
    shard.process(packets, metrics.any() ? facts : nullptr);
  };
  std::uint32_t next = 0;
  while (next < flows) burst([&] { return next++; });
  std::uint64_t count = 0;
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  while (now - begin < kLong) {
    for (unsigned i = 0; i < 64; ++i) {
      burst([&] { return static_cast<std::uint32_t>((std::uint64_t{random()} * flows) >> 32); });
    }
    count += 64 * FlowShard::kBurst;
    now = Clock::now();
  }
  return std::chrono::duration<double, std::nano>(now - begin).count() / static_cast<double>(count);
}

/// The least of what was measured: what disturbs a measurement only adds to it.
void keep_least(std::optional<double>& least, std::optional<double> measured) {
  if (measured && (!least || *measured < *least)) least = measured;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (const std::size_t colon = line.find(": "); line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "an unnamed processor";
}

}  // namespace

MetricCosts measure_metrics() {
  MetricCosts result{processor_name(), {}};
  const auto add = [&](std::string name, const Metrics& metrics) {
    MetricCost cost{std::move(name), {}, {}};
    for (unsigned turn = 0; turn < 3; ++turn) {
      keep_least(cost.nanoseconds, nanoseconds_per_packet(metrics, 10'000));
      keep_least(cost.many_flows_ns, nanoseconds_per_packet(metrics, 1'000'000));
    }
    result.costs.push_back(std::move(cost));
  };
  add("none", Metrics());
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    add(std::string(Metrics::kInfos[i].name), Metrics(std::uint32_t{1} << i));
  }
  add("all", Metrics(Metrics::kAll));
  return result;
}

std::string measured_text(const MetricCosts& costs) {
  const auto time = [](std::optional<double> ns) { return ns ? fmt::format("{:.1f}", *ns) : std::string("no memory"); };
  const auto more = [](std::optional<double> ns, std::optional<double> none) {
    return ns && none ? fmt::format("{:+.1f}", *ns - *none) : std::string();
  };
  TextTable table("lrrrr");
  table.row({"--metrics", "10 k flows", "more", "1 M flows", "more"});
  const MetricCost& none = costs.costs.front();
  for (const MetricCost& cost : costs.costs) {
    table.row({cost.metrics, time(cost.nanoseconds), more(cost.nanoseconds, none.nanoseconds), time(cost.many_flows_ns),
               more(cost.many_flows_ns, none.many_flows_ns)});
  }
  return "Nanoseconds to count one packet on one core of " + costs.processor +
         ",\nin tables of 10 000 and of a million TCP flows, without receiving and parsing it:\n" + table.text(0);
}

}  // namespace weir
