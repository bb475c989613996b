#include "proto/record/flow_json.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

template <std::size_t N>
char* put(char* out, const char (&text)[N]) {
  std::memcpy(out, text, N - 1);
  return out + (N - 1);
}

// 20 digits are the most a 64-bit number has, and the caller's buffer has room: to_chars cannot fail.
char* put(char* out, std::uint64_t value) {
  return std::to_chars(out, out + 20, value).ptr;
}

char* put_ipv4(char* out, const std::uint8_t* address) {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    out = put(out, address[i]);
  }
  return out;
}

char* put_ipv6(char* out, const std::uint8_t* address) {
  constexpr std::size_t kGroups = 8;
  std::uint16_t groups[kGroups];
  for (std::size_t i = 0; i < kGroups; ++i) groups[i] = load_be<std::uint16_t>(address + 2 * i);

  // RFC 5952 section 4.2: "::" stands for the longest run of zero groups, the first of equals, never for one alone.
  std::size_t run_at = kGroups;  // none
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < kGroups;) {
    std::size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run_at = i;
      run_length = end - i;
    }
    i = end + 1;
  }
  // RFC 5952 section 5: addresses known to hold an IPv4 address end in its dotted form.
  const bool dotted = run_at == 0 && (run_length == 6 || (run_length == 5 && groups[5] == 0xffff));
  const std::size_t hex_groups = dotted ? 6 : kGroups;

  for (std::size_t i = 0; i < hex_groups;) {
    if (i == run_at) {
      *out++ = ':';
      i += run_length;
      if (i == kGroups) *out++ = ':';
      continue;
    }
    if (i != 0) *out++ = ':';
    out = std::to_chars(out, out + 4, groups[i], 16).ptr;
    ++i;
  }
  if (dotted) {
    *out++ = ':';
    out = put_ipv4(out, address + 12);
  }
  return out;
}

}  // namespace

char* write_address_text(char* out, const std::uint8_t* address, std::uint8_t ip_version) {
  return ip_version == 4 ? put_ipv4(out, address) : put_ipv6(out, address);
}

namespace {

char* put_sections(char* out, const FlowRecord& record) {
  if ((record.sections & kTunnelSection) != 0) {
    out = put(out, R"(,"tunnel_type":")");
    const std::string_view name = tunnel_name(record.tunnel_type);
    std::memcpy(out, name.data(), name.size());
    out += name.size();
    out = put(out, R"(","tunnel_id":)");
    out = put(out, record.tunnel_id);
    out = put(out, R"(,"tunnel_depth":)");
    out = put(out, record.tunnel_depth);
    if (record.tunnel_ip_version != 0) {
      out = put(out, R"(,"tunnel_src_addr":")");
      out = write_address_text(out, record.tunnel_source, record.tunnel_ip_version);
      out = put(out, R"(","tunnel_dst_addr":")");
      out = write_address_text(out, record.tunnel_destination, record.tunnel_ip_version);
      *out++ = '"';
    }
  }
  if ((record.sections & kLabelSection) != 0) {
    out = put(out, R"(,"mpls_label":)");
    out = put(out, record.mpls_label);
  }
  if ((record.sections & kSpiSection) != 0) {
    out = put(out, R"(,"esp_spi":)");
    out = put(out, record.esp_spi);
  }
  return out;
}

}  // namespace

char* write_flow_json(char* out, const FlowRecord& record) {
  const bool has_forward = record.packets[kForward] != 0;
  const bool has_reverse = record.packets[kReverse] != 0;

  out = put(out, R"({"src_addr":")");
  out = write_address_text(out, record.source_address, record.ip_version);
  out = put(out, R"(","dst_addr":")");
  out = write_address_text(out, record.destination_address, record.ip_version);
  out = put(out, R"(","src_port":)");
  out = put(out, record.source_port);
  out = put(out, R"(,"dst_port":)");
  out = put(out, record.destination_port);
  out = put(out, R"(,"proto":)");
  out = put(out, record.protocol);
  out = put(out, R"(,"packets":)");
  out = put(out, record.packets[kForward]);
  out = put(out, R"(,"bytes":)");
  out = put(out, record.octets[kForward]);
  out = put(out, R"(,"rev_packets":)");
  out = put(out, record.packets[kReverse]);
  out = put(out, R"(,"rev_bytes":)");
  out = put(out, record.octets[kReverse]);
  out = put(out, R"(,"time_flow_start_ns":)");
  out = put(out, record.start_ns());
  out = put(out, R"(,"time_flow_end_ns":)");
  out = put(out, record.end_ns());
  out = put(out, R"(,"tcp_flags":)");
  out = put(out, record.tcp_flags[kForward]);
  out = put(out, R"(,"rev_tcp_flags":)");
  out = put(out, has_reverse ? record.tcp_flags[kReverse] : 0U);
  out = put(out, R"(,"ip_tos":)");
  out = put(out, record.ip_tos[kForward]);
  out = put(out, R"(,"vlan_id":)");
  out = put(out, record.vlan_id);
  out = put(out, R"(,"etype":)");
  out = put(out, record.ether_type);
  out = put(out, R"(,"in_if":)");
  out = put(out, record.ingress_interface);
  out = put(out, R"(,"end_reason":)");
  out = put(out, static_cast<std::uint64_t>(record.end_reason));
  out = put(out, R"(,"sampling_rate":)");
  out = put(out, record.sampling_rate);
  if (is_icmp(record.protocol)) {
    out = put(out, R"(,"icmp_type":)");
    out = put(out, record.icmp_type[kForward]);
    out = put(out, R"(,"icmp_code":)");
    out = put(out, record.icmp_code[kForward]);
  }
  out = put(out, R"(,"rev_ip_tos":)");
  out = put(out, has_reverse ? record.ip_tos[kReverse] : 0U);
  out = put(out, R"(,"fwd_time_start_ns":)");
  out = put(out, has_forward ? record.first_ns[kForward] : 0U);
  out = put(out, R"(,"fwd_time_end_ns":)");
  out = put(out, has_forward ? record.last_ns[kForward] : 0U);
  out = put(out, R"(,"rev_time_start_ns":)");
  out = put(out, has_reverse ? record.first_ns[kReverse] : 0U);
  out = put(out, R"(,"rev_time_end_ns":)");
  out = put(out, has_reverse ? record.last_ns[kReverse] : 0U);
  if (record.sections != 0) out = put_sections(out, record);
  out = put(out, "}\n");
  return out;
}

}  // namespace weir
