#include "dataplane/input/pcap_filter.h"

#include <pcap/pcap.h>

namespace weir {

void PcapFilter::Free::operator()(bpf_program* program) const {
  pcap_freecode(program);
  delete program;
}

tl::expected<PcapFilter, std::string> PcapFilter::compile(const std::string& expression, LinkType link_type) {
  constexpr int kAnyLength = 262144;  // libpcap's greatest snapshot length: a match returns it, so never 0
  pcap_t* handle = pcap_open_dead(number_of(link_type), kAnyLength);
  if (handle == nullptr) return tl::unexpected(std::string("no memory"));
  auto program = std::make_unique<bpf_program>();
  constexpr int kOptimise = 1;
  if (pcap_compile(handle, program.get(), expression.c_str(), kOptimise, PCAP_NETMASK_UNKNOWN) != 0) {
    std::string text = pcap_geterr(handle);
    pcap_close(handle);
    return tl::unexpected(std::move(text));
  }
  pcap_close(handle);
  PcapFilter filter;
  filter.program_.reset(program.release());
  return filter;
}

bool PcapFilter::matches(const PacketView& view) const {
  pcap_pkthdr header{};
  header.caplen = view.captured_octets;
  header.len = view.frame_octets;
  return pcap_offline_filter(program_.get(), &header, view.data) != 0;
}

bool PcapFilter::tests_bits_of_an_octet() const {
  for (unsigned i = 0; i < program_->bf_len; ++i) {
    const bpf_insn& instruction = program_->bf_insns[i];
    const auto constant = static_cast<std::int32_t>(instruction.k);
    if (instruction.code == (BPF_JMP | BPF_JSET | BPF_K) && constant >= -128 && constant <= 127) return true;
  }
  return false;
}

tl::expected<bool, std::string> LinkFilter::matches(const PacketView& view) {
  if (view.link_type == LinkType::unknown) return true;
  for (const auto& [type, filter] : compiled_) {
    if (type == view.link_type) return filter.matches(view);
  }
  auto filter = PcapFilter::compile(expression_, view.link_type);
  if (!filter) {
    const int number = number_of(view.link_type);
    const char* name = pcap_datalink_val_to_name(number);
    return tl::unexpected("filter '" + expression_ + "' on link type " + (name != nullptr ? name : "?") + " (" +
                          std::to_string(number) + "): " + filter.error());
  }
  const bool result = filter->matches(view);
  compiled_.emplace_back(view.link_type, std::move(*filter));
  return result;
}

}  // namespace weir
