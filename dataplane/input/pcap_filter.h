// PcapFilter: a pcap filter expression, compiled by libpcap for one link type.
//
// The program is classic BPF. `read` runs it here; `run` converts it for DPDK (dataplane/dpdk/mbuf_filter.h), since
// that needs an initialised EAL and mbufs. Both take the same program, so both say the same.
//
// --frame-filter is compiled for the link type of the frame. --filter sees a packet from the IP header on that makes
// its flow, so it is compiled for raw IP, whatever the link type is.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "dataplane/packet/flow_filter.h"
#include "dataplane/packet/packet_view.h"

struct bpf_program;

namespace weir {

class PcapFilter {
 public:
  /// Error: libpcap's words, without the expression.
  static tl::expected<PcapFilter, std::string> compile(const std::string& expression, LinkType link_type);
  /// For --filter. Error: libpcap's words likewise; where the expression asks for the link layer, which such a filter
  /// does not see, with the option that does.
  static tl::expected<PcapFilter, std::string> compile_for_flows(const std::string& expression);

  /// What a truncated frame does not hold makes a filter that asks for it say no.
  [[nodiscard]] bool matches(const PacketView& view) const;
  [[nodiscard]] bool matches(const FlowHeader& header) const;
  [[nodiscard]] const bpf_program* program() const { return program_.get(); }
  /// Whether the program tests bits against a constant of one octet ("ether multicast", "tcp[tcpflags] & tcp-syn !=
  /// 0"): see dataplane/dpdk/mbuf_filter.h.
  [[nodiscard]] bool tests_bits_of_an_octet() const;
  /// Whether the program asks how long the packet was on the wire ("len", "greater", "less").
  [[nodiscard]] bool asks_for_length() const;

 private:
  struct Free {
    void operator()(bpf_program* program) const;
  };
  std::unique_ptr<bpf_program, Free> program_;
};

/// --filter, run by libpcap's interpreter.
class PcapFlowFilter final : public FlowFilter {
 public:
  /// `program`: of PcapFilter::compile_for_flows().
  explicit PcapFlowFilter(PcapFilter program) : program_(std::move(program)) {}
  [[nodiscard]] std::uint64_t keeps(std::span<const FlowHeader> headers) const override;

 private:
  PcapFilter program_;
};

/// One expression for captures of any link types: compiled for each when its first packet comes.
class LinkFilter {
 public:
  explicit LinkFilter(std::string expression) : expression_(std::move(expression)) {}

  /// Error: one line; the expression means nothing for the packet's link type ("ether host" on raw IP, say). True where
  /// the link type is unknown: nothing can be said of such a packet but its reject.
  tl::expected<bool, std::string> matches(const PacketView& view);

 private:
  std::string expression_;
  std::vector<std::pair<LinkType, PcapFilter>> compiled_;
};

}  // namespace weir
