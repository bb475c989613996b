// A meter with one metric of payload, whose packets come with what it wants of theirs, as from a receiver.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/metric/metrics.h"
#include "tests/support/meter.h"

namespace weir::test {

/// The metric of this name, alone.
inline Metrics only_metric(std::string_view name, const MetricParameters& parameters = {}) {
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if (Metrics::kInfos[i].name == name) return Metrics(1U << i, parameters);
  }
  ADD_FAILURE() << "there is no metric " << name;
  return {};
}

class PayloadMeter : public Meter {
 public:
  explicit PayloadMeter(const Metrics& metrics, std::uint32_t capacity = 1024, const FlowTimeouts& timeouts = {})
      : Meter(capacity, timeouts, 1U << 16, RingFull::lose, WhenFull::evict, {1, 2, 3, 4, 5, 6}, metrics),
        watches_(metrics.make_watches(KeyHash({1, 2, 3, 4, 5, 6}))) {}

  /// `captured`: of the payload, which an empty one is only of a SYN. Says whether the metric wants it.
  bool see(const FlowPacket& made, PacketFacts facts, const std::string& payload, std::size_t captured = 100'000) {
    const ParsedPacket packet = made.packet();
    if (!payload.empty() || (packet.tcp_flags & kFlagSyn) != 0) {
      facts.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()),
                       static_cast<std::uint32_t>(std::min(payload.size(), captured)),
                       static_cast<std::uint32_t>(payload.size()), 0};
      shard.metrics().choose_payload(packet, facts, watches_);
    }
    add(packet, facts);
    return facts.payload.wanted_by != 0;
  }
  /// The same of a TCP segment.
  bool see_segment(FlowPacket made, std::uint32_t sequence, const std::string& payload,
                   std::size_t captured = 100'000) {
    PacketFacts facts{};
    facts.window_plus_1 = 1;
    facts.sequence = sequence;
    facts.payload_octets = static_cast<std::uint32_t>(payload.size());
    return see(made.octets(static_cast<std::uint32_t>(40 + payload.size())), facts, payload, captured);
  }
  [[nodiscard]] std::uint64_t missing(MissingFact fact) const {
    return shard.pool().missing()[static_cast<std::size_t>(fact)];
  }

 private:
  std::vector<StreamWatch> watches_;
};

}  // namespace weir::test
