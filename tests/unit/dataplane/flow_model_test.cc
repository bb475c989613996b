// The shard against a model that has neither table, wheel nor bursts: a map and the rules as text says them, under
// random packets. The records must be the same to the octet, whatever the burst size, and whenever timers get to run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <tuple>
#include <vector>

#include "dataplane/flow/flow_shard.h"
#include "dataplane/offline_meter.h"
#include "tests/support/meter.h"

namespace weir::test::flow_model_test {
namespace {

struct ModelPacket {
  unsigned client;  // which conversation
  bool from_client;
  bool ipv6;
  bool tcp;
  std::uint8_t flags;
  std::uint32_t octets;
  std::uint64_t raw_ns;
  std::uint64_t effective_ns;

  [[nodiscard]] ParsedPacket parsed() const {
    const std::string a = (ipv6 ? "2001:db8::1:" : "10.0.0.") + std::to_string(1 + client % 50);
    const std::string b = ipv6 ? "2001:db8::9" : "10.0.9.9";
    const auto port = static_cast<std::uint16_t>(1024 + client);
    FlowPacket packet = flow_packet();
    if (from_client) {
      packet.from(a, port).to(b, 443);
    } else {
      packet.from(b, 443).to(a, port);
    }
    tcp ? packet.tcp(flags) : packet.udp();
    ParsedPacket out = packet.octets(octets).packet();
    out.time_ns = raw_ns;
    out.effective_ns = effective_ns;
    return out;
  }
};

/// What is compared of a record.
using Row = std::tuple<unsigned, bool, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                       std::uint64_t, std::uint64_t, std::uint64_t, unsigned, unsigned, unsigned>;

class Model {
 public:
  explicit Model(const FlowTimeouts& timeouts) : timeouts_(timeouts) {}

  void add(const ModelPacket& packet) {
    const std::uint64_t now = packet.effective_ns;
    std::optional<Flow>& flow = flows_[{packet.client, packet.ipv6}];
    if (flow) {
      const std::uint64_t allowed = allowed_gap(*flow);
      const bool silent = now - flow->last > allowed;
      const bool reopens =
          flow->closed(timeouts_) && packet.tcp && (packet.flags & kFlagSyn) != 0 && (packet.flags & kFlagAck) == 0;
      end_if_over(packet.client, packet.ipv6, *flow, now);
      if (silent) {
        flow.reset();
      } else if (reopens) {
        report(packet.client, packet.ipv6, *flow, EndReason::end_of_flow);
        flow.reset();
      }
    }
    if (!flow) {
      flow = Flow{};
      // Who sends a SYN/ACK was asked.
      const bool syn_ack = packet.tcp && packet.flags == (kFlagSyn | kFlagAck);
      flow->client_first = packet.from_client != syn_ack;
    } else if (flow->closed(timeouts_)) {
      // A packet that comes late in the linger doubles it, until three gaps like this one fit in.
      while (flow->doublings < 7 && allowed_gap(*flow) < std::min(3 * (now - flow->last), timeouts_.idle_ns))
        ++flow->doublings;
    }
    if (flow->packets[0] + flow->packets[1] == 0) flow->start = now;
    const unsigned d = packet.from_client == flow->client_first ? 0 : 1;
    flow->first[d] = flow->packets[d] == 0 ? packet.raw_ns : std::min(flow->first[d], packet.raw_ns);
    flow->greatest[d] = flow->packets[d] == 0 ? packet.raw_ns : std::max(flow->greatest[d], packet.raw_ns);
    ++flow->packets[d];
    flow->octets[d] += packet.octets;
    flow->flags[d] |= packet.tcp ? packet.flags : 0;
    flow->seen[d] = true;
    flow->last = now;
    if (packet.tcp) {
      if ((packet.flags & kFlagFin) != 0) flow->fin[d] = true;
      if ((packet.flags & kFlagRst) != 0) flow->rst = true;
    }
  }

  std::vector<Row> finish(std::uint64_t now) {
    for (auto& [key, flow] : flows_) {
      if (!flow) continue;
      end_if_over(key.first, key.second, *flow, now);
      report(key.first, key.second, *flow, EndReason::forced_end);
    }
    std::sort(rows_.begin(), rows_.end());
    return rows_;
  }

 private:
  struct Flow {
    bool client_first = true;
    std::uint64_t start = 0;
    std::uint64_t last = 0;
    std::uint64_t packets[2] = {};
    std::uint64_t octets[2] = {};
    std::uint64_t first[2] = {};
    std::uint64_t greatest[2] = {};
    unsigned flags[2] = {};
    bool seen[2] = {};
    bool fin[2] = {};
    bool rst = false;
    unsigned doublings = 0;

    [[nodiscard]] bool closed(const FlowTimeouts& timeouts) const {
      if (!timeouts.tcp_close) return false;
      return rst || (fin[0] && fin[1]) || (fin[0] && !seen[1]) || (fin[1] && !seen[0]);
    }
  };

  [[nodiscard]] std::uint64_t allowed_gap(const Flow& flow) const {
    if (!flow.closed(timeouts_)) return timeouts_.idle_ns;
    std::uint64_t linger = timeouts_.linger_ns;
    for (unsigned i = 0; i < flow.doublings; ++i) linger *= 2;
    return std::min(linger, timeouts_.idle_ns);
  }

  /// Reports the flow if a timeout was over by `now`.
  void end_if_over(unsigned client, bool ipv6, Flow& flow, std::uint64_t now) {
    if (flow.packets[0] + flow.packets[1] == 0) return;
    const bool closed = flow.closed(timeouts_);
    const std::uint64_t idle_end = flow.last + allowed_gap(flow) + 1;
    const std::uint64_t active_end = flow.start + timeouts_.active_ns;
    if (now < std::min(idle_end, active_end)) return;
    EndReason reason = closed ? EndReason::end_of_flow : EndReason::idle_timeout;
    if (active_end <= idle_end) reason = EndReason::active_timeout;
    report(client, ipv6, flow, reason);
  }

  void report(unsigned client, bool ipv6, Flow& flow, EndReason reason) {
    if (flow.packets[0] + flow.packets[1] == 0) return;
    const auto stamp = [&](const std::uint64_t(&stamps)[2], unsigned d) {
      return flow.packets[d] == 0 ? 0 : stamps[d];
    };
    rows_.emplace_back(client * 2 + (ipv6 ? 1 : 0), flow.client_first, flow.packets[0], flow.packets[1], flow.octets[0],
                       flow.octets[1], stamp(flow.first, 0), stamp(flow.first, 1), stamp(flow.greatest, 0),
                       stamp(flow.greatest, 1), flow.flags[0], flow.flags[1], static_cast<unsigned>(reason));
    for (unsigned d = 0; d < 2; ++d) flow.packets[d] = flow.octets[d] = flow.flags[d] = 0;
  }

  FlowTimeouts timeouts_;
  std::map<std::pair<unsigned, bool>, std::optional<Flow>> flows_;
  std::vector<Row> rows_;
};

std::vector<Row> rows_of(const std::vector<FlowRecord>& records) {
  std::vector<Row> rows;
  for (const FlowRecord& r : records) {
    const bool client_first = r.destination_port() == 443;
    const unsigned client = (client_first ? r.source_port() : r.destination_port()) - 1024U;
    rows.emplace_back(client * 2 + (r.ip_version == 6 ? 1 : 0), client_first, r.packets[0], r.packets[1], r.octets[0],
                      r.octets[1], r.first_ns[0], r.first_ns[1], r.last_ns[0], r.last_ns[1], r.tcp_flags[0],
                      r.tcp_flags[1], static_cast<unsigned>(r.end_reason));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<ModelPacket> random_packets(unsigned seed, std::size_t count, unsigned conversations) {
  std::mt19937_64 random(seed);
  std::vector<ModelPacket> packets;
  std::uint64_t raw = kEpochNs;
  std::uint64_t effective = 0;
  for (std::size_t i = 0; i < count; ++i) {
    switch (random() % 64) {
      case 0:
        raw += random() % 40_s;
        break;  // a pause about as long as the timeouts
      case 1:
        raw -= std::min<std::uint64_t>(raw, random() % 90_s);
        break;  // time runs back
      case 2:
        if (random() % 50 == 0) raw += 400ULL * 86400 * 1_s;
        break;  // a year goes by
      default:
        raw += random() % 30_ms;
    }
    effective = std::max(effective, raw);
    ModelPacket packet{};
    packet.client = static_cast<unsigned>(random() % conversations);
    packet.from_client = random() % 2 == 0;
    packet.ipv6 = packet.client % 3 == 0;
    packet.tcp = packet.client % 4 != 0;
    static constexpr std::uint8_t kFlags[] = {
        kFlagAck, kFlagAck, kFlagAck | kFlagPsh, kFlagAck, kFlagSyn, kFlagSyn | kFlagAck, kFlagFin | kFlagAck, kFlagRst,
        kFlagAck, kFlagAck};
    packet.flags = kFlags[random() % std::size(kFlags)];
    packet.octets = static_cast<std::uint32_t>(40 + random() % 1460);
    packet.raw_ns = raw;
    packet.effective_ns = effective;
    packets.push_back(packet);
  }
  return packets;
}

TEST(FlowModel, RandomPacketsGiveTheModelsRecordsAtAnyBurstSizeAndTimerSchedule) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    FlowTimeouts timeouts;
    timeouts.idle_ns = seed % 3 == 0 ? 5_s : 30_s;
    timeouts.active_ns = seed % 2 == 0 ? 20_s : 60_s;
    timeouts.tcp_close = seed % 5 != 0;
    const auto packets = random_packets(seed, 20000, 40 * seed);
    Model model(timeouts);
    for (const ModelPacket& packet : packets) model.add(packet);
    const std::vector<Row> expected = model.finish(packets.back().effective_ns);

    Meter meter(4096, timeouts, 1U << 16);
    std::mt19937_64 random(seed);
    std::vector<FlowRecord> records;
    for (std::size_t at = 0; at < packets.size();) {
      std::vector<ParsedPacket> burst;
      for (std::size_t n = 1 + random() % FlowShard::kBurst; n > 0 && at < packets.size(); --n) {
        burst.push_back(packets[at++].parsed());
      }
      const std::uint64_t now = burst.back().effective_ns;
      meter.add_burst(std::move(burst));
      // Timers run at random, and with a random bound on their work.
      if (random() % 3 == 0) meter.shard.advance(now, random() % 2 == 0 ? 3 : 1000);
    }
    meter.expect_balanced();
    meter.shard.drain(packets.back().effective_ns);
    meter.expect_balanced();
    EXPECT_EQ(meter.counters.in_table, RecordTotals{});
    EXPECT_EQ(rows_of(meter.records()), expected) << "seed " << seed;
    ASSERT_GT(expected.size(), 100U) << "the random packets end too few flows to say anything";
  }
}

TEST(FlowModel, ASmallTableLosesNoPacketWhateverItEvicts) {
  for (const std::uint32_t capacity : {64U, 100U, 333U}) {
    const auto packets = random_packets(capacity, 30000, 2000);
    Meter meter(capacity, {}, 1U << 16);
    std::uint64_t octets = 0;
    for (const ModelPacket& packet : packets) {
      meter.add(packet.parsed());
      meter.shard.advance(packet.effective_ns, 8);
      octets += packet.octets;
      ASSERT_LE(meter.shard.size(), capacity);
    }
    meter.expect_balanced();
    meter.shard.drain(packets.back().effective_ns);
    std::uint64_t sum_packets = 0;
    std::uint64_t sum_octets = 0;
    for (const FlowRecord& record : meter.records()) {
      sum_packets += record.total_packets();
      sum_octets += record.total_octets();
    }
    EXPECT_EQ(sum_packets, packets.size());
    EXPECT_EQ(sum_octets, octets);
    EXPECT_GT(meter.counters.evictions, 0U);
    meter.expect_balanced();
  }
}

}  // namespace
}  // namespace weir::test::flow_model_test
