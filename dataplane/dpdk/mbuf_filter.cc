// rte_bpf_convert() is there since DPDK 21.11 and still outside its stable ABI in 22.11.
#define ALLOW_EXPERIMENTAL_API
#include "dataplane/dpdk/mbuf_filter.h"

#include <rte_bpf.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <utility>

namespace weir::dpdk {

void MbufFilter::Destroy::operator()(rte_bpf* bpf) const {
  rte_bpf_destroy(bpf);
}

tl::expected<MbufFilter, std::string> MbufFilter::make(const std::string& expression, bool use_jit) {
  auto program = PcapFilter::compile(expression, LinkType::ethernet);
  if (!program) return tl::unexpected("filter '" + expression + "': " + program.error());
  return convert(expression, std::move(*program), use_jit);
}

tl::expected<MbufFilter, std::string> MbufFilter::make_for_flows(const std::string& expression, bool use_jit) {
  auto program = PcapFilter::compile_for_flows(expression);
  if (!program) return tl::unexpected("filter '" + expression + "': " + program.error());
  return convert(expression, std::move(*program), use_jit);
}

tl::expected<MbufFilter, std::string> MbufFilter::convert(const std::string& expression, PcapFilter program,
                                                          bool use_jit) {
  MbufFilter filter;
  if (program.tests_bits_of_an_octet()) {
    filter.interpreted_ = std::make_unique<PcapFilter>(std::move(program));
    return filter;
  }
  rte_bpf_prm* parameters = rte_bpf_convert(program.program());
  if (parameters == nullptr) {
    return tl::unexpected("filter '" + expression + "': DPDK cannot convert it: " + rte_strerror(rte_errno));
  }
  filter.bpf_.reset(rte_bpf_load(parameters));
  rte_free(parameters);
  if (filter.bpf_ == nullptr) {
    return tl::unexpected("filter '" + expression + "': DPDK does not take it: " + rte_strerror(rte_errno));
  }
  rte_bpf_jit jit{};
  if (use_jit && rte_bpf_get_jit(filter.bpf_.get(), &jit) == 0) filter.code_ = jit.func;
  if (program.asks_for_length()) filter.of_cut_packets_ = std::make_unique<PcapFilter>(std::move(program));
  return filter;
}

bool MbufFilter::matches(rte_mbuf* mbuf) const {
  if (interpreted_ != nullptr) {
    constexpr std::uint32_t kOctets = 512;  // where headers lie in several segments
    std::uint8_t copy[kOctets];
    PacketView view{.data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*),
                    .captured_octets = mbuf->data_len,
                    .frame_octets = mbuf->pkt_len,
                    .time_ns = 0,
                    .ingress_interface = 0,
                    .link_type = LinkType::ethernet,
                    .marks = 0};
    if (mbuf->nb_segs > 1 && mbuf->data_len < kOctets) {
      view.captured_octets = std::min(mbuf->pkt_len, kOctets);
      view.data = static_cast<const std::uint8_t*>(rte_pktmbuf_read(mbuf, 0, view.captured_octets, copy));
    }
    return interpreted_->matches(view);
  }
  return (code_ != nullptr ? code_(mbuf) : rte_bpf_exec(bpf_.get(), mbuf)) != 0;
}

bool MbufFilter::matches(const PacketView& view) const {
  return matches_octets(view.data, view.captured_octets);
}

bool MbufFilter::matches(const FlowHeader& header) const {
  if (interpreted_ != nullptr) return interpreted_->matches(header);
  if (of_cut_packets_ != nullptr && header.captured_octets != header.ip_octets) return of_cut_packets_->matches(header);
  return matches_octets(header.data, header.captured_octets);
}

bool MbufFilter::matches_octets(const std::uint8_t* data, std::size_t octets) const {
  // A filter program reads the address and the number of octets and sees no further segment. Both lengths are the
  // same, or DPDK would look for the rest in a further segment.
  rte_mbuf mbuf{};
  mbuf.buf_addr = const_cast<std::uint8_t*>(data);
  mbuf.data_len = static_cast<std::uint16_t>(std::min<std::size_t>(octets, UINT16_MAX));
  mbuf.pkt_len = mbuf.data_len;
  mbuf.nb_segs = 1;
  return matches(&mbuf);
}

std::uint64_t MbufFlowFilter::keeps(std::span<const FlowHeader> headers) const {
  std::uint64_t keeps = 0;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (headers[i].data != nullptr && filter_.matches(headers[i])) keeps |= std::uint64_t{1} << i;
  }
  return keeps;
}

}  // namespace weir::dpdk
