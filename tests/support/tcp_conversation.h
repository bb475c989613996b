// A TCP conversation that a shard with metrics measures, written segment by segment as frames:
//
//   TcpConversation talk;
//   talk.client(0, {.flags = kSyn, .seq = 99});
//   talk.server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
//   talk.end();
//   EXPECT_EQ(talk.tcp().syn_count[kForward], 1U);
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/metric/metrics.h"
#include "dataplane/packet/parser.h"
#include "tests/support/meter.h"
#include "tests/support/packet_builder.h"

namespace weir::test {

struct Segment {
  unsigned flags = kAck;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::size_t payload = 0;
  unsigned window = 1000;
  std::optional<std::uint32_t> stamp = std::nullopt;  ///< timestamps option
  std::uint32_t echo = 0;
  Bytes options = {};  ///< others; only without a stamp
  bool cut = false;    ///< the payload is in the IP header's length and was not captured
};

class TcpConversation : public Meter {
 public:
  explicit TcpConversation(const FlowTimeouts& timeouts = {}, bool client_is_low = true,
                           const Metrics& metrics = Metrics(Metrics::kAll))
      : Meter(64, timeouts, 1024, RingFull::lose, WhenFull::evict, {1, 2, 3, 4, 5, 6}, metrics),
        client_(client_is_low ? "10.0.0.1" : "10.0.0.9") {}

  void client(std::uint64_t offset_ns, const Segment& segment) {
    see(offset_ns, segment, packet().eth().ipv4(client_, kServer).tcp(40000, 80));
  }
  void server(std::uint64_t offset_ns, const Segment& segment) {
    see(offset_ns, segment, packet().eth().ipv4(kServer, client_).tcp(80, 40000));
  }
  /// SYN at 0 with sequence number 99, SYN/ACK after 20 ms with 499, ACK after 5 ms more: the client's octets begin at
  /// 100, the server's at 500.
  void shake_hands() {
    client(0, {.flags = kSyn, .seq = 99});
    server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
    client(25_ms, {.seq = 100, .ack = 500});
  }
  /// Ends the flow; what follows tells of its record, the last one.
  void end(std::uint64_t offset_ns = 3600_s) {
    drain(offset_ns);
    take();
    expect_balanced();
  }
  /// Takes the only record that has come out.
  void take() {
    const RecordBatch taken = batch();
    ASSERT_EQ(taken.size(), 1U);
    record = OwnedRecord(taken[0]);
  }
  [[nodiscard]] const TcpSection& tcp() const { return *record.view().find<TcpSection>(); }
  [[nodiscard]] bool has_rtt() const { return record.view().has(Section::rtt); }
  [[nodiscard]] const RttSection& rtt() const {
    static constexpr RttSection kAbsent{};
    return has_rtt() ? *record.view().find<RttSection>() : kAbsent;
  }

  OwnedRecord record;

 private:
  static constexpr const char* kServer = "10.0.0.5";

  void see(std::uint64_t offset_ns, const Segment& segment, PacketBuilder builder) {
    builder.flags(segment.flags).sequence(segment.seq).acknowledgment(segment.ack).window(segment.window);
    if (segment.stamp) {
      builder.timestamps(*segment.stamp, segment.echo);
    } else if (!segment.options.empty()) {
      builder.tcp_options(segment.options);
    }
    if (segment.cut) {
      builder.ip_total_length(static_cast<unsigned>(40 + segment.payload));
    } else {
      builder.payload(segment.payload);
    }
    const Bytes frame = builder.bytes();
    ParsedPacket packet{};
    PacketFacts facts;
    ASSERT_EQ(parser_.parse(view_of(frame, kEpochNs + offset_ns), packet, &facts), Reject::none);
    packet.effective_ns = std::max(packet.time_ns, shard.now_ns());
    add(packet, facts);
  }

  std::string client_;
  Parser parser_;
};

}  // namespace weir::test
