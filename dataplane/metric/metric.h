// What a metric is: something that is measured of a flow beyond its counters.
//
// A metric is a struct with static functions and no objects. A worker keeps its state for each flow: `State` lies in
// the cache lines after the flow's entry, which every packet of the flow fetches, and `Slot` in an array of its own for
// what only few packets touch. Both are plain memory, all 0 when a flow begins. They are indexed by Side, since
// the initiator may turn out to be the other one; finish() is told who it is.
//
//   struct Ttl {
//     static constexpr std::string_view kName = "ttl";         // of --metrics
//     static constexpr std::string_view kMeaning = "...";      // of `weir metrics`
//     static constexpr std::uint32_t kSections = ...;           // bits of those that it may fill
//     struct State { ... };                                     // of every packet; may be empty
//     struct Slot { ... };                                      // of few packets; may be empty
//     static bool applies(std::uint8_t protocol);               // whether records of this IP protocol have it
//     static Verdict update(State&, Slot&, const MetricInput&); // a packet, counted already
//     static std::uint32_t sections(const State&, const Slot&); // bits of the sections that finish() fills
//     static void finish(const State&, const Slot&, const MetricOutput&);   // where the record has one of kSections
//     // If the metric has them:
//     static constexpr MetricParameter kParameter;     // what may stand after its name: "packets:N"
//     static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters&);   // that so many flows may take
//     static constexpr std::size_t kPoolLines;         // that one flow may take
//     static void release(State&, Slot&, LinePool&);   // gives lines back: the record was written, or lost
//     static Verdict quoted(State&, Slot&, const QuoteInput&);   // an ICMP error quotes a packet of the flow
//     static std::uint32_t wanted_payload(const ParsedPacket&, const MetricParameters&);   // octets of such a packet
//     static bool recognises(const ParsedPacket&, const PacketFacts&);   // whether it wants this payload; without: yes
//     static bool recognises(const ParsedPacket&, const PacketFacts&, StreamWatch&);   // the same, with a watch
//     // the same, which says of how many octets; 0: it does not
//     static std::uint32_t recognised_octets(const ParsedPacket&, const PacketFacts&, const MetricParameters&);
//     static constexpr std::uint32_t kBorrowedSections;   // of other metrics, that sections() may name
//     static constexpr bool kLinePerSide = true;       // State is a line for each side; update() touches its sender's
//     static void read_ahead(const State&, const Slot&, const MetricInput&);   // reads what update() will touch
//     besides
//                                                      // State, a few packets ahead; `first` is not known yet
//     static void restart(State&, Slot&);              // the flow was reported and goes on; without it: all is 0 again
//     static constexpr std::size_t kClearedOctets;     // of Slot, that are 0 when a flow begins; without it: all
//   };
//
// Metrics see a packet in the order of the list in metrics.h.
//
// An ICMP error counts in a flow of its own, unless --icmp-errors says otherwise; quoted() is told of it beside that,
// after the error was counted and only while the flow of the quoted packet has packets to report.
//
// update() sees the packets of every protocol, since a branch on the protocol, which no predictor can know, costs more
// than a metric that adds zeros: where a metric does not apply, what it keeps is not reported, and it says goes_on.
// A metric with wanted_payload() sees those packets alone whose payload it wants.
//
// README.md walks through writing one.
//
// No identifier of an export format stands in a metric: what its values are called on a wire is said by the rows of its
// section (proto/record/section/). No allocation, no virtual call, no library call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/metric/line_pool.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/icmp_error.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/stream_watch.h"
#include "proto/record/sections.h"

namespace weir {

/// What a metric says after a packet.
enum class Verdict : std::uint8_t {
  goes_on,
  ends,  ///< the flow ends with this packet (end reason 3): the next one opens a new flow
};

/// What --metrics may say of a metric besides its name: a member for each metric that has something.
struct MetricParameters {
  std::uint16_t first_packets = PacketsSection::kMost;
  std::uint16_t dns_names = 0;       ///< bits: Dns::kMulticast, Dns::kLinkLocal
  std::uint16_t quic_options = 0;    ///< bits: Quic2017::kHeader, Quic2017::kMeasurementByte
  std::uint16_t quic_2017_port = 0;  ///< 0: any
};
/// One of them: "packets:N" has the form "N". With words, each of them sets a bit: the n-th one bit n; after the first
/// one there may be "=N", which sets `number`.
struct MetricParameter {
  std::string_view form;
  std::uint16_t least = 0;
  std::uint16_t greatest = 0;
  std::uint16_t MetricParameters::*member = nullptr;  ///< nullptr: the metric has none
  std::array<std::string_view, 2> words{};
  std::string_view meaning{};  ///< of the words
  std::uint16_t MetricParameters::*number = nullptr;
};

/// What options say to metrics.
struct MetricSettings {
  bool icmp_close = false;  ///< --icmp-close: a port unreachable ends the UDP flow that it quotes
};

struct MetricInput {
  const ParsedPacket& packet;
  const PacketFacts& facts;
  unsigned side;         ///< who sent it: index of State's and Slot's arrays of two
  bool first;            ///< the side's first packet in this record
  std::uint64_t now_ns;  ///< effective time
  LinePool& pool;        ///< the worker's
  const MetricParameters& parameters;
};

/// An ICMP error that quotes a packet of the flow.
struct QuoteInput {
  const IcmpError& error;
  const MetricSettings& settings;
  unsigned side;         ///< who sent the quoted packet: index of State's and Slot's arrays of two
  std::uint64_t now_ns;  ///< effective time
};

/// A record whose base is complete and whose sections are all 0.
struct MetricOutput {
  FlowRecord& record;
  unsigned initiator;  ///< the side that is forward
  const LinePool& pool;

  /// The section, which the record has.
  template <typename S>
  [[nodiscard]] S& section() const {
    return section_of<S>(record);
  }
  /// The side that a direction is.
  [[nodiscard]] unsigned side(Direction direction) const { return initiator ^ direction; }
};

}  // namespace weir
