#include "dataplane/input/pcap_filter.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace weir {
namespace {

/// Whether the expression reads octets of the link-layer header ("ether[0] & 1 != 0"). Compiled for raw IP, such a term
/// would read the IP header. (The words are those of libpcap's scanner that stand for the link layer.)
bool reads_link_header(std::string_view expression) {
  constexpr auto kWords =
      std::to_array<std::string_view>({"ether", "link", "fddi", "tr", "wlan", "ppp", "slip", "radio"});
  for (std::size_t bracket = expression.find('['); bracket != std::string_view::npos;
       bracket = expression.find('[', bracket + 1)) {
    std::size_t end = bracket;
    while (end != 0 && std::isspace(static_cast<unsigned char>(expression[end - 1])) != 0) --end;
    std::size_t begin = end;
    while (begin != 0 && std::isalnum(static_cast<unsigned char>(expression[begin - 1])) != 0) --begin;
    if (std::find(kWords.begin(), kWords.end(), expression.substr(begin, end - begin)) != kWords.end()) return true;
  }
  return false;
}

/// Whether any link layer has what the expression names.
bool a_link_layer_knows(const std::string& expression) {
  constexpr auto kTypes =
      std::to_array({LinkType::ethernet, LinkType::ieee80211, LinkType::ppp, LinkType::frame_relay});
  return std::any_of(kTypes.begin(), kTypes.end(),
                     [&](LinkType type) { return PcapFilter::compile(expression, type).has_value(); });
}

}  // namespace

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

tl::expected<PcapFilter, std::string> PcapFilter::compile_for_flows(const std::string& expression) {
  constexpr const char* kHint =
      "it asks for the link layer, which --filter does not see (it sees the IP packet that makes the flow); give it to "
      "--frame-filter";
  if (reads_link_header(expression)) return tl::unexpected(std::string(kHint));
  auto filter = compile(expression, LinkType::raw_ip);
  if (filter || !a_link_layer_knows(expression)) return filter;
  return tl::unexpected(filter.error() + "; " + kHint);
}

bool PcapFilter::matches(const FlowHeader& header) const {
  pcap_pkthdr packet{};
  packet.caplen = header.captured_octets;
  packet.len = header.ip_octets;
  return pcap_offline_filter(program_.get(), &packet, header.data) != 0;
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

bool PcapFilter::asks_for_length() const {
  return std::any_of(program_->bf_insns, program_->bf_insns + program_->bf_len, [](const bpf_insn& instruction) {
    return instruction.code == (BPF_LD | BPF_W | BPF_LEN) || instruction.code == (BPF_LDX | BPF_W | BPF_LEN);
  });
}

std::uint64_t PcapFlowFilter::keeps(std::span<const FlowHeader> headers) const {
  std::uint64_t keeps = 0;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (headers[i].data != nullptr && program_.matches(headers[i])) keeps |= std::uint64_t{1} << i;
  }
  return keeps;
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
    return tl::unexpected("frame filter '" + expression_ + "' on link type " + (name != nullptr ? name : "?") + " (" +
                          std::to_string(number) + "): " + filter.error());
  }
  const bool result = filter->matches(view);
  compiled_.emplace_back(view.link_type, std::move(*filter));
  return result;
}

}  // namespace weir
