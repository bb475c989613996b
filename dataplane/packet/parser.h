// The parser: from the octets of a frame to the canonical key, in one pass and a bounded number of steps.
//
// The common stack (Ethernet, at most one tag, IPv4 without fragments or IPv6 without extension headers, TCP, or UDP to
// a port that announces no tunnel) is a straight run of code in parser.cc. LayerWalk (layer_walk.h) parses every other
// frame from its first octet; it knows every header and states the bound on the work.
// Reads stay inside [data, data + captured_octets); a length field never moves the reader beyond that.
#pragma once

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/fragment_note.h"
#include "dataplane/packet/icmp_error.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/packet_trace.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/parser_options.h"
#include "dataplane/packet/plain_parser.h"
#include "dataplane/packet/reject.h"

namespace weir {

/// One per thread: it holds the notes on the last frame.
class Parser {
 public:
  explicit Parser(ParserOptions options = ParserOptions::defaults());

  /// plain_parser.h for these options: the commonest frames, inlined where the caller loops. parse() takes the rest.
  [[nodiscard]] bool parse_plain(const PacketView& view, ParsedPacket& packet) const {
    return weir::parse_plain(view, tunnels_, packet);
  }

  /// Whether it would: for a frame that is not to be parsed, a look at one cache line.
  [[nodiscard]] bool is_plain(const PacketView& view) const { return plain::is_plain(view, tunnels_); }

  /// Parses `view` into `packet` (all members but hash and effective_ns; those are left alone; what only a bit of
  /// `facts` gives a meaning to is set where that bit is).
  /// Reject::none: the packet counts for packet.key. Anything else: no IP header counts, and of `packet` only
  /// frame_octets, time_ns and ingress_interface are set.
  /// `facts`: where a metric wants to know more of the packet; nullptr: none does.
  [[nodiscard]] Reject parse(const PacketView& view, ParsedPacket& packet, PacketFacts* facts = nullptr);

  /// The same answer by the general walk alone, whatever the frame; `trace` may be nullptr.
  [[nodiscard]] Reject walk(const PacketView& view, ParsedPacket& packet, PacketTrace* trace,
                            PacketFacts* facts = nullptr);

  /// After a packet with kFirstFragment in its facts, until the next call: what to remember for the later fragments.
  [[nodiscard]] const FragmentNotes& notes() const { return notes_; }
  /// After a packet with kIcmpError in its facts, until the next call: what the error quotes.
  [[nodiscard]] const IcmpError& icmp_error() const { return icmp_error_; }

  /// After parse() or walk() let a packet count, until the next call: where the IP header lies that makes its flow. (An
  /// ICMP error that counts for what it quotes: the quoted one.) parse_plain() takes frames without tags or tunnels
  /// and leaves this as it is: who wants to know calls expect_plain() before.
  [[nodiscard]] std::uint32_t flow_header_offset() const { return flow_header_offset_; }
  void expect_plain() { flow_header_offset_ = plain::kIp; }
  [[nodiscard]] const ParserOptions& options() const { return options_; }
  /// Of these, those that change while frames are parsed.
  void set_options(bool icmp_in_key, bool note_icmp_errors) {
    options_.icmp_in_key = icmp_in_key;
    options_.note_icmp_errors = note_icmp_errors;
  }

 private:
  TunnelPorts tunnels_;
  FragmentNotes notes_;
  IcmpError icmp_error_{};
  std::uint32_t flow_header_offset_ = plain::kIp;
  ParserOptions options_;
};

}  // namespace weir
