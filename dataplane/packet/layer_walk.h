// LayerWalk: the general parser: any link type, any tags and labels, any mix of tunnels, fragments, extension headers.
//
// The common stack never comes here (parser.cc). Every other frame is walked from its first octet, one header per step:
// each step looks at the header at `at_`, moves past it, and says what comes next. There is no recursion. The list of
// the steps (layer_walk_steps.h) makes the enum of what comes next, the declarations, and the switch in step().
//
// The work per frame is bounded: kMaxSteps = 192. A step is one header, tag, label, extension header, GRE source route
// entry, GTP extension header or radiotap bitmap word. Each step costs a bounded number of instructions and reads at
// most 64 octets. `parse/worst` in bench/results/bench.md is the cost of the worst frame known.
// - No real stack comes near: the longest chain of extension headers that a capture file is known to hold is about 100.
// - Tunnels inside one another: ParserOptions::tunnel_depth, 16 by default. VLAN tags of one Ethernet header: 8.
// - A frame whose walk ends at a bound counts for the innermost IP header until there (extension headers: with the
//   number of the header where it stopped and ports 0); without one it is a reject.
//
// What may be read ends at the end of the captured octets or of the shortest enclosing length (IP total and payload
// length, UDP length, 802.3, PPPoE and L2TP length), so that padding and trailers are never taken for a header. An IP
// header whose length is 0 (segmentation offload, BIG TCP) is as long as what encloses it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/fragment_note.h"
#include "dataplane/packet/icmp_error.h"
#include "dataplane/packet/layer_walk_steps.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/packet_trace.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/parser_options.h"
#include "dataplane/packet/reject.h"

namespace weir {

class LayerWalk {
 public:
  static constexpr unsigned kMaxSteps = 192;
  static constexpr unsigned kMaxVlanTags = 8;

  /// `error`, `trace` and `facts` may be nullptr.
  LayerWalk(const ParserOptions& options, const PacketView& view, FragmentNotes& notes, IcmpError* error,
            PacketTrace* trace, PacketFacts* facts)
      : options_(options),
        notes_(notes),
        error_(error),
        trace_(trace),
        facts_(facts),
        frame_(view.data),
        at_(view.data),
        end_(view.data + view.captured_octets),
        wire_end_(view.frame_octets),
        view_(view) {}

  /// Fills in everything of `packet` but hash and effective_ns.
  Reject run(ParsedPacket& packet);
  /// After run(), of a packet that counts: where the IP header lies that makes its flow.
  [[nodiscard]] std::uint32_t flow_header_offset() const { return ip_.offset; }

 private:
  /// What the octets at at_ are: the step that looks at them.
  enum class Next : std::uint8_t {
    done,
#define WEIR_X(name, ...) name,
    WEIR_STEPS(WEIR_X)
#undef WEIR_X
  };

  /// The innermost IP header so far, and of its transport header what a key needs.
  struct IpHeader {
    const std::uint8_t* source = nullptr;
    const std::uint8_t* destination = nullptr;
    std::uint32_t offset = 0;  ///< of the header, from the frame's first octet
    std::uint32_t octets = 0;
    std::uint32_t transport_octets = 0;  ///< of `octets`, those after the IP header and its extension headers
    std::uint32_t fragment_id = 0;
    std::uint32_t flow_label = 0;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t version = 0;  ///< 0: there is none yet
    std::uint8_t protocol = 0;
    std::uint8_t tos = 0;
    std::uint8_t ttl = 0;
    std::uint8_t tcp_flags = 0;
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::uint8_t fragment_protocol = 0;
    bool first_fragment = false;
    bool later_fragment = false;
    bool reversed = false;           ///< a quoted packet: what counts goes the other way
    bool length_from_frame = false;  ///< the header gives none
  };

  struct Tunnel {
    TunnelType type = TunnelType::none;
    std::uint32_t id = 0;
    std::uint8_t depth = 0;
    std::uint8_t version = 0;  ///< of the header that carries it
    const std::uint8_t* source = nullptr;
    const std::uint8_t* destination = nullptr;
  };

  [[nodiscard]] std::size_t left() const {
    return static_cast<std::size_t>(end_ - at_);
  }
  [[nodiscard]] std::uint32_t offset() const {
    return static_cast<std::uint32_t>(at_ - frame_);
  }
  [[nodiscard]] std::uint16_t be16(std::size_t offset) const;
  [[nodiscard]] std::uint32_t be32(std::size_t offset) const;
  /// One step of the budget; false when there is none left.
  bool spend() {
    return steps_ != kMaxSteps && ++steps_ != 0;
  }
  /// Octets from at_ to the end of what encloses it, captured or not.
  [[nodiscard]] std::size_t wire_left() const {
    return wire_end_ - static_cast<std::size_t>(at_ - frame_);
  }
  /// Nothing after `octets` belongs to what comes next.
  void bound(std::size_t octets) {
    if (octets < left()) end_ = at_ + octets;
    if (octets < wire_left()) wire_end_ = static_cast<std::size_t>(at_ - frame_) + octets;
  }
  /// Moves past a header of `octets` octets.
  void pass(const char* name, std::size_t octets) {
    if (trace_ != nullptr) [[unlikely]]
      trace(name, octets, "");
    at_ += octets;
  }
  template <typename... Values>
  void pass(const char* name, std::size_t octets, const char* format, Values... values);
  void trace(const char* name, std::size_t octets, const char* detail);
  void remark(const char* text);
  Next stop(Reject why);
  /// Goes into a tunnel. Next::done: it is not to be walked, or what it says is known by now.
  Next enter(TunnelType type, std::uint32_t id, Next inside);

  Next step(Next next);
  Next first_step(LinkType type);
#define WEIR_X(name, ...) Next name();
  WEIR_STEPS(WEIR_X)
#undef WEIR_X

  // What the IP steps are made of.
  bool extension_headers(IpHeader& header);
  Next found();
  void read_transport(IpHeader& header) const;
  void note_first_fragment();
  void icmp();
  void note_error(const std::uint8_t* header);
  [[nodiscard]] bool read_quoted(IpHeader& quoted);
  [[nodiscard]] bool has_key_octets(const IpHeader& header) const;
  void count_for(IpHeader quoted);
  void finish_error(ParsedPacket& packet) const;
  [[nodiscard]] std::uint32_t jumbo_octets(std::size_t header_octets) const;
  void set_key(const IpHeader& header, FlowKey& key, Side& from) const;
  Reject finish(ParsedPacket& packet);
  void finish_facts() const;

  // What several link layers, tags or tunnels have in common.
  void note_mac_addresses(std::size_t destination, std::size_t source);
  void note_sender(unsigned octets, std::size_t offset) const;
  Next skip_tag(const char* name, std::size_t octets);
  static Next udp_step(TunnelType type);
  [[nodiscard]] bool fits_as_ip() const;
  [[nodiscard]] bool looks_like_ethernet(std::size_t offset) const;
  Next gre_header(TunnelType type);
  Next next_protocol(unsigned number);

  const ParserOptions& options_;
  FragmentNotes& notes_;
  IcmpError* error_;
  PacketTrace* trace_;
  PacketFacts* facts_;
  const std::uint8_t* const frame_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;  ///< of what may be read
  std::size_t wire_end_;     ///< where that would end if all of the frame were captured, from its first octet
  const PacketView& view_;

  unsigned steps_ = 0;
  unsigned tags_ = 0;                       ///< of the Ethernet header at hand
  unsigned tunnels_ = 0;                    ///< entered so far
  std::uint16_t ether_type_ = 0;            ///< for Next::ether_type
  LinkType link_type_ = LinkType::unknown;  ///< with which the frame, or what a capture's header holds, begins
  std::uint8_t payload_protocol_ = 0;
  bool behind_ah_ = false;
  bool has_label_ = false;
  bool has_vlan_ = false;
  bool data_pad_ = false;           ///< radiotap: the 802.11 header is padded to four octets
  bool is_error_ = false;           ///< *error_ is set
  bool swapped_control_ = false;    ///< the two octets of the 802.11 frame control are the other way round
  std::uint16_t gre_protocol_ = 0;  ///< for Next::aruba
  std::uint16_t vlan_id_ = 0;
  std::uint32_t label_ = 0;  ///< top label of the first stack
  std::uint32_t last_label_ = 0;
  std::uint32_t ah_spi_ = 0;
  bool has_mac_ = false;                     ///< facts_ has the link layer's addresses
  bool stack_ended_ = false;                 ///< facts_ has the first label stack
  std::uint32_t outer_octets_ = 0;           ///< of the outermost IP header
  const std::uint8_t* transport_ = nullptr;  ///< what ip_ carries, up to transport_end_
  const std::uint8_t* transport_end_ = nullptr;
  Reject reject_ = Reject::none;  ///< the first reason to stop
  IpHeader ip_;                   ///< what counts so far
  Tunnel entered_;                ///< the tunnel since the last IP header; nothing until it leads to one
  Tunnel tunnel_;                 ///< the tunnel around ip_
};

}  // namespace weir
