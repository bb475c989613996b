// TCP segments out of any octets, eight for each: numbers near those that would be right, so that segments overlap,
// repeat, leave gaps and answer each other, and now and then far away, some followed by an ICMP error that quotes the
// conversation, or another one. What a shard's metrics make of them is compared with the models.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "dataplane/flow/flow_shard.h"
#include "dataplane/metric/metrics.h"
#include "tests/support/flow_packet.h"
#include "tests/support/packet_list_model.h"
#include "tests/support/records.h"
#include "tests/support/tcp_model.h"

namespace weir::test {

/// One segment, and how it goes to the shard.
struct RandomSegment {
  ModelSegment segment;
  bool stamped;
  std::uint32_t stamp;
  std::uint32_t echo;
  std::int64_t after_ns;

  RandomSegment(const std::uint8_t* octets, const TcpModel& model) {
    static constexpr unsigned kFlags[] = {0x10, 0x10, 0x10, 0x10, 0x10, 0x18, 0x02, 0x12,
                                          0x11, 0x04, 0x14, 0x10, 0x10, 0x10, 0x12, 0x01};
    static constexpr std::uint32_t kSteps[] = {0, 1, 10, 100};
    static constexpr unsigned kWindows[] = {0, 1, 1000, 65535};
    segment.side = octets[0] & 1U;
    segment.flags = kFlags[octets[0] >> 4];
    const std::uint32_t step = kSteps[octets[0] >> 1 & 3];
    const auto offset = [](std::uint8_t octet) {
      return static_cast<std::uint32_t>(static_cast<std::int8_t>(octet) / 8);
    };
    segment.seq = model.next(segment.side) + offset(octets[1]) * step;
    if (octets[1] == 0x7f) segment.seq += static_cast<std::uint32_t>(octets[2]) << 24;
    segment.ack = model.next(1 - segment.side) + offset(octets[3]) * kSteps[octets[4] & 3];
    if (octets[3] == 0x7f) segment.ack += static_cast<std::uint32_t>(octets[2]) << 24;
    segment.payload = (octets[4] & 4U) != 0 ? 0 : octets[2] % 32U * std::max(step, 1U);
    segment.window = kWindows[octets[4] >> 3 & 3];
    segment.sack = octets[4] >> 5 == 7;
    stamped = (octets[5] & 1) != 0;
    stamp = static_cast<std::uint32_t>(octets[5] >> 1) + (octets[6] == 0xff ? 0x7fff'ff00U : 0xffff'ffc0U);
    echo = static_cast<std::uint32_t>(octets[6] >> 1) + 0xffff'ffc0U;
    after_ns = (static_cast<std::int64_t>(octets[7]) - 16) * 100'000;
  }
};

/// An ICMP error after the segment that the same octets make, where they have one.
struct RandomError {
  bool comes;
  bool of_this_flow;
  unsigned side;  ///< of the packet that is quoted
  std::uint32_t mtu;
  std::uint8_t type;
  std::uint8_t code;

  explicit RandomError(const std::uint8_t* octets)
      : comes((octets[0] & 8U) != 0),
        of_this_flow(octets[6] % 16 != 15),
        side(octets[5] & 1U),
        mtu(octets[2] < 128 ? 0 : octets[2] * 1000U),
        type(octets[1]),
        code(octets[3]) {}
};

/// What the metric `icmp` is to say of errors: they are counted, and the last one is remembered.
struct IcmpModel {
  std::uint32_t errors[2] = {};
  std::uint32_t mtu[2] = {};
  std::uint8_t type[2] = {};
  std::uint8_t code[2] = {};

  void see(const RandomError& error) {
    ++errors[error.side];
    type[error.side] = error.type;
    code[error.side] = error.code;
    if (error.mtu != 0) mtu[error.side] = error.mtu;
  }
};

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Whether the times make sense, whatever the segments were.
inline void require_sound(const RttSection& rtt, std::uint64_t packets, std::uint64_t span_ns) {
  const auto one = [&](const RttSamples& samples, std::uint32_t count, unsigned bit) {
    require(((rtt.known & bit) != 0) == (count != 0), "samples are known where there are some");
    require(count < packets, "an answer needs two packets");
    require(samples.min_ns <= samples.mean_ns && samples.mean_ns <= samples.max_ns, "the mean is in between");
    require(samples.min_ns <= samples.last_ns && samples.last_ns <= samples.max_ns, "and so is the last");
    require(samples.max_ns <= span_ns, "no answer took longer than everything");
  };
  one(rtt.client, rtt.client_samples, RttSection::kClientSamples);
  one(rtt.server, rtt.server_samples, RttSection::kServerSamples);
  require(rtt.handshake_client_ns <= span_ns && rtt.handshake_server_ns <= span_ns, "nor did the handshake");
  constexpr unsigned kBoth = RttSection::kClientHalf | RttSection::kServerHalf;
  require(rtt.handshake_ns == ((rtt.known & kBoth) == kBoth ? rtt.handshake_client_ns + rtt.handshake_server_ns : 0),
          "the handshake is the sum of its halves");
  require(rtt.application_latency_ns <= span_ns, "nor did the application");
}

inline ModelCounts counts_of(const TcpSection& tcp, Direction direction) {
  return {tcp.payload_octets[direction], tcp.stream_octets[direction], tcp.retransmitted_octets[direction],
          tcp.retransmitted[direction],  tcp.out_of_order[direction],  tcp.duplicate_acks[direction],
          tcp.keep_alives[direction],    tcp.zero_windows[direction],  tcp.zero_window_episodes[direction]};
}

inline ParsedPacket random_packet(unsigned side, std::uint16_t client_port) {
  const bool low = side == 0;
  return flow_packet()
      .from(low ? "10.0.0.1" : "10.0.0.2", low ? client_port : 80)
      .to(low ? "10.0.0.2" : "10.0.0.1", low ? 80 : client_port)
      .tcp(0)
      .packet();
}

/// The flow is there from its first packet on.
inline void tell_and_model(FlowShard& shard, const RandomError& random, IcmpModel& model) {
  IcmpError error{};
  error.quoted = random_packet(random.side, random.of_this_flow ? 1000 : 1001);
  error.quoted.effective_ns = shard.now_ns();
  error.quoted.hash = shard.hash_of(error.quoted.key);
  error.type = random.type;
  error.code = random.code;
  error.mtu = random.mtu;
  error.readable = true;
  require(shard.tell(error) == random.of_this_flow, "an error is told to the flow of the packet that it quotes");
  if (random.of_this_flow) model.see(random);
}

inline void require_same(RecordView record, const IcmpModel& model, unsigned first_side) {
  const auto* const icmp = record.find<IcmpSection>();
  require((icmp != nullptr) == ((model.errors[0] | model.errors[1]) != 0), "errors make a section");
  if (icmp == nullptr) return;
  for (const Direction direction : {kForward, kReverse}) {
    const unsigned side = first_side ^ direction;
    require(icmp->errors[direction] == model.errors[side], "errors are counted");
    require(icmp->mtu[direction] == model.mtu[side], "the last MTU is kept");
    require(icmp->type[direction] == model.type[side] && icmp->code[direction] == model.code[side],
            "the last error is kept");
  }
}

/// Measures the segments that `octets` make with all metrics on and aborts where the record and the model differ. Says
/// whether the model was compared: not where there are more gaps than the metric keeps.
inline bool compare_with_model(std::span<const std::uint8_t> octets) {
  constexpr std::size_t kEach = 8;
  if (octets.size() < kEach) return false;
  FlowCounters counters;
  RecordRing ring(256);
  FlowTimeouts timeouts;
  timeouts.tcp_close = false;
  FlowShard shard(8, KeyHash({1, 2, 3, 4, 5, 6}), timeouts, counters, ring, RingFull::lose, WhenFull::evict,
                  Metrics(Metrics::kAll));
  TcpModel model;
  PacketListModel packet_list;
  IcmpModel icmp;
  std::uint64_t now = kEpochNs, least = now, greatest = now, packets = 0;
  unsigned first_side = 0;
  for (std::size_t at = 0; at + kEach <= octets.size(); at += kEach) {
    const RandomSegment random(octets.data() + at, model);
    const ModelSegment& segment = random.segment;
    const bool low = segment.side == 0;
    ParsedPacket packet = flow_packet()
                              .from(low ? "10.0.0.1" : "10.0.0.2", low ? 1000 : 80)
                              .to(low ? "10.0.0.2" : "10.0.0.1", low ? 80 : 1000)
                              .tcp(static_cast<std::uint8_t>(segment.flags))
                              .octets(40 + segment.payload)
                              .packet();
    now = static_cast<std::uint64_t>(static_cast<std::int64_t>(now) + random.after_ns);
    packet.time_ns = now;
    packet.effective_ns = std::max(now, shard.now_ns());
    packet.hash = shard.hash_of(packet.key);
    PacketFacts facts;
    std::memset(static_cast<void*>(&facts), 0, sizeof facts);
    facts.sequence = segment.seq;
    facts.acknowledgment = segment.ack;
    facts.payload_octets = segment.payload;
    facts.window_plus_1 = segment.window + 1;
    facts.timestamps = random.stamped;
    facts.timestamp_value = random.stamped ? random.stamp : 0;
    facts.timestamp_echo = random.stamped ? random.echo : 0;
    facts.tcp_options = (random.stamped ? 1U << 8 : 0U) | (segment.sack ? 1U << 5 : 0U);
    if (packets == 0) first_side = segment.flags == 0x12 ? 1 - segment.side : segment.side;
    shard.process({&packet, 1}, &facts);
    model.see(segment);
    packet_list.see(segment.side, packet.ip_octets, packet.tcp_flags, now);
    least = std::min(least, now);
    greatest = std::max(greatest, now);
    ++packets;
    if (const RandomError error(octets.data() + at); error.comes) tell_and_model(shard, error, icmp);
  }
  shard.drain(shard.now_ns());
  const RecordBatch batch = take_batch(ring);
  require(batch.size() == 1, "all is one flow");
  const RecordView record = batch[0];
  require(record->total_packets() == packets, "every packet is counted");
  require(packet_list.is_list(*record.find<PacketsSection>(), first_side), "the first packets are those of the model");
  require(shard.pool().in_use() == 0, "nothing of the pool is left behind");
  for (const Direction direction : {kForward, kReverse}) {
    require(packet_list.are_lengths(*record.find<LengthsSection>(), *record.find<HistogramsSection>(), direction,
                                    first_side),
            "lengths and times are those of the model");
  }
  require_same(record, icmp, first_side);
  const auto& tcp = *record.find<TcpSection>();
  bool same = true;
  for (const Direction direction : {kForward, kReverse}) {
    const ModelCounts got = counts_of(tcp, direction);
    const ModelCounts& expected = model.counts(first_side ^ direction);
    require(got.payload == expected.payload, "payload is counted");
    require(got.stream + got.retransmitted_octets <= got.payload, "no octet of the stream comes from nowhere");
    require(got.zero_windows == expected.zero_windows, "windows are counted");
    same = same && got == expected;
    require(!model.exact() || tcp.sequence_cut[direction] == 0, "nothing is cut without need");
  }
  require(!model.exact() || same, "the metric counts what the model counts");
  if (const auto* const rtt = record.find<RttSection>()) require_sound(*rtt, packets, greatest - least);
  return model.exact();
}

}  // namespace weir::test
