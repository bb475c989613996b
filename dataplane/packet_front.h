// PacketFront: the one way in for packets, from a frame to a packet whose ports are known. A worker, the offline meter
// and `--explain` each have one; the monitors come after it.
//
// Each frame is parsed once, whatever the number of monitors, and its fragments are settled here: a first fragment is
// remembered, a later one takes its ports (fragment_cache.h). Where all packets of a pair of addresses reach one
// worker, its own cache is all there is to it. With hand-over (a mesh is given), the worker that owns a datagram is
// fixed by a hash of addresses, identification and protocol: whoever receives a first fragment sends that worker a
// note, and a later one the packet itself, which goes on from there, ports and all, to the owners of its flows. Both
// take the same ring, so the order in which a worker received them is kept. A fragment then crosses two rings in place
// of one; what is no fragment pays nothing. A note that finds the ring full is dropped: its later fragments count with
// ports 0, by name.
//
// Where there is a filter (flow_filter.h), the monitor asks it about each packet, and the front about fragments: the
// verdict on a first fragment goes with its note, so that a later one is kept or left out as its first. A later
// fragment whose first was not seen is judged by its own octets.
//
// What ICMP errors quote, where a metric wants to know, is kept until the packets of the burst were counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/counters.h"
#include "dataplane/flow/key_hash.h"
#include "dataplane/handover.h"
#include "dataplane/packet/flow_filter.h"
#include "dataplane/packet/fragment_cache.h"
#include "dataplane/packet/parser.h"
#include "dataplane/packet/payload.h"
#include "dataplane/packet/read_facts.h"

namespace weir {

/// What became of a frame.
enum class Arrival : std::uint8_t {
  packet,     ///< to be offered to the monitors
  rejected,   ///< no IP header counts; counted by name
  elsewhere,  ///< a later fragment, given to the worker that owns its datagram
  lost,       ///< likewise, but that worker's ring was full: every monitor counts it as handover_full
};

class PacketFront {
 public:
  /// A whole burst of nothing else.
  static constexpr std::size_t kMostIcmpErrors = 32;

  /// `mesh`: nullptr where everything that is received here stays here. `number`: the worker's. `filter`: the first
  /// monitor's; nullptr where it has none.
  PacketFront(const ParserOptions& options, const KeyHash& hash, HandoverMesh* mesh = nullptr, unsigned number = 0,
              const FlowFilter* filter = nullptr)
      : parser_(options), fragments_(hash), mesh_(mesh), number_(number), filters_{filter} {}
  /// The filter of one more monitor. To be called before the first frame.
  void add_filter(unsigned monitor, const FlowFilter* filter) {
    filters_[monitor] = filter;
    filter_count_ = monitor + 1;
  }
  /// The filter of a monitor that has one already or none, from the next frame on.
  void set_filter(unsigned monitor, const FlowFilter* filter) { filters_[monitor] = filter; }
  /// ParserOptions of the same names, from the next frame on.
  void set_parser(bool icmp_in_key, bool note_icmp_errors) { parser_.set_options(icmp_in_key, note_icmp_errors); }
  /// Later fragments are to have sightings (sightings.h), wherever they go. To be called before the first frame.
  void sight_fragments(const KeyHash& hash) { sighting_hash_ = hash; }
  [[nodiscard]] bool ok() const { return fragments_.ok(); }
  void touch(Touching* touching = nullptr) { fragments_.touch(touching); }
  /// What touch() touches.
  [[nodiscard]] std::size_t octets() const { return fragments_.octets(); }

  /// Parses a frame into `packet` (all members but the hash), which counts at its own time. kFacts: into `facts`, too.
  template <bool kFacts>
  [[gnu::always_inline]] Arrival parse(const PacketView& view, ParsedPacket& packet, PacketFacts* facts) {
    return parse_as<kFacts, true>(view, 0, packet, facts);
  }
  /// The same for frames whose times may run back: the packet counts at `effective_ns`, which does not.
  template <bool kFacts>
  [[gnu::always_inline]] Arrival parse_at(const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet,
                                          PacketFacts* facts) {
    return parse_as<kFacts, false>(view, effective_ns, packet, facts);
  }
  /// The same by the general walk, which tells `trace` what it saw.
  Arrival trace(const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet, PacketFacts& facts,
                PacketTrace& trace);

  /// Whether pass_over() would learn nothing of it.
  [[nodiscard]] bool passes_plainly(const PacketView& view) const { return parser_.is_plain(view); }
  /// A frame that sampling leaves out: only what it says of the later fragments of its datagram is learnt.
  void pass_over(const PacketView& view, std::uint64_t effective_ns) {
    if (!parser_.is_plain(view)) [[unlikely]]
      look_for_first(view, effective_ns);
  }
  /// By rate, where frames are chosen before they are parsed: each that is parsed from now on stands for 2^level.
  void set_sampling_level(unsigned level) { sampling_level_ = level; }

  /// To be called before a frame is parsed of which flow_header() will be asked.
  void expect_header() {
    parser_.expect_plain();
    settled_.later_fragment = false;
  }
  /// Of the frame that was just parsed into `packet`, which is to be offered to the monitors: what their filters judge
  /// it by. Without data: a later fragment, on which packet.filtered_by has the verdict.
  [[nodiscard]] FlowHeader flow_header(const PacketView& view, const ParsedPacket& packet) const {
    if (settled_.later_fragment) return {};
    return FlowHeader::at(view, {parser_.flow_header_offset(), packet.ip_octets});
  }

  /// Of the same frame, parsed with kFacts: its payload, where the frame has it.
  [[nodiscard]] PacketPayload payload(const PacketView& view, const ParsedPacket& packet) const {
    return find_payload(view, packet, parser_.flow_header_offset());
  }

  /// Counts frames that were or will be parsed, a whole burst at once.
  void count_received(const PacketCount& frames) {
    counters_.received += frames;
    counters_.offered += frames;
  }
  /// Counts what the source's marks say of a frame. False: --frame-filter keeps it out, and it is not to be parsed.
  bool take_marked(const PacketView& view);

  /// What the ICMP errors quote among the packets since forget_icmp_errors(); a packet with kIcmpError has the place of
  /// its own. At most a burst of them.
  [[nodiscard]] std::span<IcmpError> icmp_errors() { return {icmp_errors_.data(), icmp_error_count_}; }
  void forget_icmp_errors() { icmp_error_count_ = 0; }

  /// A note that another worker sent on a first fragment which it received.
  void learn(const FragmentNote& note, std::uint64_t now_ns) { fragments_.learn(note, now_ns); }
  /// A later fragment that another worker sent; to be offered to the monitors. effective_ns is set.
  void take_over(ParsedPacket& packet) {
    counters_.fragments_taken_over.add(packet.frame_octets);
    counters_.offered.add(packet.frame_octets);
    (void)resolve(packet);
  }

  /// Of the last frame that trace() saw, for the person who asked.
  struct Settled {
    Reject reject = Reject::none;
    bool later_fragment = false;
    bool first_known = false;  ///< of a later fragment: it has the ports of its first
  };
  [[nodiscard]] const Settled& settled() const { return settled_; }
  PacketCounters& counters() { return counters_; }
  [[nodiscard]] const PacketCounters& counters() const { return counters_; }

 private:
  /// The commonest frames are taken here, where the caller loops; parse_other() has the rest. kOwnTime: `effective_ns`
  /// is not read, so that no register holds it.
  template <bool kFacts, bool kOwnTime>
  [[gnu::always_inline]] Arrival parse_as(const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet,
                                          PacketFacts* facts) {
    if (parser_.parse_plain(view, packet)) [[likely]] {
      if constexpr (!kOwnTime) packet.effective_ns = effective_ns;
      if constexpr (kFacts) {
        parser_.expect_plain();
        read_plain_facts(view, packet, *facts);
      }
      return Arrival::packet;
    }
    return parse_other(view, kOwnTime ? view.time_ns : effective_ns, packet, kFacts ? facts : nullptr);
  }
  Arrival parse_other(const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet, PacketFacts* facts);
  Arrival settle(Reject reject, const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet,
                 const PacketFacts* facts);
  void look_for_first(const PacketView& view, std::uint64_t now_ns);
  void tell_of_first(const PacketView& view, std::uint64_t now_ns);
  [[nodiscard]] std::uint8_t judge(const PacketView& view, const HeaderPlace& place) const;
  void not_offered(std::uint32_t frame_octets);
  void keep_icmp_error(ParsedPacket& packet);
  bool resolve(ParsedPacket& packet);
  [[nodiscard]] unsigned owner_of(std::uint64_t datagram_hash) const;

  Parser parser_;
  FragmentCache fragments_;
  HandoverMesh* mesh_;
  unsigned number_;
  std::array<const FlowFilter*, kMostMonitors> filters_;  ///< by monitor
  unsigned filter_count_ = 1;
  Settled settled_;
  std::optional<KeyHash> sighting_hash_;  ///< none: there are no pairs of ports
  unsigned sampling_level_ = 0;
  std::size_t icmp_error_count_ = 0;
  std::array<IcmpError, kMostIcmpErrors> icmp_errors_{};  ///< those before icmp_error_count_ are set
  alignas(64) PacketCounters counters_;                   ///< written by the worker only
};

}  // namespace weir
