// MbufFilter: a pcap filter on mbufs: the same classic BPF program that `weir read` runs, converted to DPDK's eBPF
// (rte_bpf_convert) and compiled to machine code where DPDK can, run by DPDK's interpreter otherwise.
//
// --frame-filter runs on a frame's own mbuf. --filter runs on an IP packet inside a frame (MbufFlowFilter), as an mbuf
// of one piece that holds the octets which the parser saw.
//
// A program that the conversion or DPDK's verifier rejects is an error at the start; it never lets a packet pass.
//
// DPDK 22.11 gets one kind of program wrong: a bit test against a constant of one octet. Its compiler for x86-64 writes
// such a TEST with an operand of one octet, which the instruction does not have, so the processor decodes the following
// code at a wrong offset: "ether multicast" matched every frame here, and the program crashed on some frames. libpcap's
// interpreter runs those programs, on the mbuf's octets. (The test of fragments in "tcp port 443" has a larger
// constant, so it is compiled.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "dataplane/input/pcap_filter.h"
#include "dataplane/packet/packet_view.h"

struct rte_bpf;
struct rte_mbuf;

namespace weir::dpdk {

class MbufFilter {
 public:
  /// Needs an initialised EAL. `use_jit` false: the interpreter, whatever DPDK can. Error: one line.
  static tl::expected<MbufFilter, std::string> make(const std::string& expression, bool use_jit = true);
  /// The same for IP packets, from their header on.
  static tl::expected<MbufFilter, std::string> make_for_flows(const std::string& expression, bool use_jit = true);

  /// Whether machine code runs.
  [[nodiscard]] bool compiled() const { return code_ != nullptr; }
  [[nodiscard]] bool matches(rte_mbuf* mbuf) const;
  /// The same for a frame that lies in one piece, as a device would have put it into an mbuf: at most 65535 octets, all
  /// of them captured.
  [[nodiscard]] bool matches(const PacketView& view) const;
  /// For an IP packet of which not all need be captured: what is not there makes the filter say no.
  [[nodiscard]] bool matches(const FlowHeader& header) const;

 private:
  static tl::expected<MbufFilter, std::string> convert(const std::string& expression, PcapFilter program, bool use_jit);
  /// The octets as a device would have put them into an mbuf.
  [[nodiscard]] bool matches_octets(const std::uint8_t* data, std::size_t octets) const;

  struct Destroy {
    void operator()(rte_bpf* bpf) const;
  };
  std::unique_ptr<rte_bpf, Destroy> bpf_;
  std::uint64_t (*code_)(void*) = nullptr;
  std::unique_ptr<PcapFilter> interpreted_;  ///< where neither of the others may run
  /// Likewise, for packets that were cut: the program asks for a length, and an mbuf of one piece has but one.
  std::unique_ptr<PcapFilter> of_cut_packets_;
};

/// --filter of `weir run`.
class MbufFlowFilter final : public FlowFilter {
 public:
  /// `filter`: of MbufFilter::make_for_flows().
  explicit MbufFlowFilter(MbufFilter filter) : filter_(std::move(filter)) {}
  [[nodiscard]] bool compiled() const { return filter_.compiled(); }
  [[nodiscard]] std::uint64_t keeps(std::span<const FlowHeader> headers) const override;

 private:
  MbufFilter filter_;
};

}  // namespace weir::dpdk
