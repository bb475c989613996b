#include "proto/record/flow_name.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>

#include "proto/base/address_text.h"
#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

std::string protocol_name(std::uint8_t protocol) {
  std::string name = protocol_text(protocol);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

std::string end_name(const FlowRecord& record, Direction side) {
  char text[kAddressTextMaxOctets];
  const std::uint8_t* const at = side == kForward ? record.source_address : record.destination_address;
  std::string address(text, write_address_text(text, at, record.ip_version));
  if (!has_ports(record.protocol)) return address;
  if (record.ip_version != 4) address = '[' + address + ']';
  return address + ':' + std::to_string(record.port(side));
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint8_t> parse_protocol(const std::string& word) {
  if (const auto number = parse_number<std::uint8_t>(word)) return number;
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    if (protocol_name(static_cast<std::uint8_t>(protocol)) == word) return static_cast<std::uint8_t>(protocol);
  }
  return std::nullopt;
}

/// "10.0.0.1:80", "[::1]:80", or an address alone.
bool parse_end(std::string_view text, bool with_port, IpAddress& address, std::uint16_t& port) {
  if (with_port) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    const auto number = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (!number) return false;
    port = *number;
    text = text.substr(0, colon);
    const bool brackets = text.size() >= 2 && text.front() == '[' && text.back() == ']';
    if (!brackets && text.find(':') != std::string_view::npos) return false;
    if (brackets) text = text.substr(1, text.size() - 2);
  }
  const auto parsed = parse_ip_address(std::string(text));
  if (!parsed) return false;
  address = *parsed;
  return true;
}

bool is_end(const FlowRecord& record, Direction side, const IpAddress& address, std::uint16_t port) {
  const std::uint8_t* const at = side == kForward ? record.source_address : record.destination_address;
  return std::memcmp(at, address.octets, address.size()) == 0 &&
         (has_ports(record.protocol) ? record.port(side) : 0) == port;
}

}  // namespace

std::string flow_name(const FlowRecord& record) {
  return end_name(record, kForward) + '-' + end_name(record, kReverse) + '/' + protocol_name(record.protocol);
}

bool FlowName::is_of(const FlowRecord& record) const {
  if (record.protocol != protocol || record.ip_version != address[0].ip_version) return false;
  return (is_end(record, kForward, address[0], port[0]) && is_end(record, kReverse, address[1], port[1])) ||
         (is_end(record, kForward, address[1], port[1]) && is_end(record, kReverse, address[0], port[0]));
}

tl::expected<FlowName, std::string> parse_flow_name(std::string_view text) {
  const auto wrong = [&] {
    return tl::unexpected("'" + std::string(text) +
                          "' does not name a flow; expected 10.0.0.1:40000-10.0.0.2:80/tcp, "
                          "[2001:db8::1]:40000-[2001:db8::2]:443/udp, or 10.0.0.1-10.0.0.2/icmp where there are no "
                          "ports");
  };
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return wrong();
  std::string word(text.substr(slash + 1));
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto protocol = parse_protocol(word);
  const std::string_view ends = text.substr(0, slash);
  const std::size_t dash = ends.find('-');
  if (!protocol || dash == std::string_view::npos) return wrong();
  FlowName name;
  name.protocol = *protocol;
  const bool with_port = has_ports(*protocol);
  if (!parse_end(ends.substr(0, dash), with_port, name.address[0], name.port[0]) ||
      !parse_end(ends.substr(dash + 1), with_port, name.address[1], name.port[1]) ||
      name.address[0].ip_version != name.address[1].ip_version) {
    return wrong();
  }
  return name;
}

}  // namespace weir
