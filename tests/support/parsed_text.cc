#include "tests/support/parsed_text.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

namespace weir::test {
namespace {

std::string address_text(const void* address, unsigned ip_version) {
  char text[INET6_ADDRSTRLEN] = "?";
  inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
  return text;
}

}  // namespace

std::string key_text(const ParsedPacket& packet) {
  const std::size_t octets = packet.key.ip_version == 4 ? 4 : 16;
  const auto* addresses = reinterpret_cast<const std::uint8_t*>(packet.key.address);
  const std::string low = address_text(addresses, packet.key.ip_version) + ' ' + std::to_string(packet.key.port_low);
  const std::string high =
      address_text(addresses + octets, packet.key.ip_version) + ' ' + std::to_string(packet.key.port_high);
  return (packet.from == Side::low ? low + " > " + high : high + " > " + low) + " p" +
         std::to_string(packet.key.protocol) + " o" + std::to_string(packet.ip_octets);
}

std::string parsed_text(const Bytes& frame, const ParserOptions& options, LinkType link_type) {
  const Bytes exact(frame.begin(), frame.end());
  ParsedPacket result;
  std::memset(static_cast<void*>(&result), 0xee, sizeof result);  // what the parser leaves out shows
  const Reject reject = Parser(options).parse(view_of(exact, 12345, 0, link_type), result);
  if (reject != Reject::none) return std::string(reason_text(kRejectTexts, reject).name);
  std::string text = key_text(result);
  if ((result.facts & kHasTunnel) != 0) {
    text += " in " + std::string(tunnel_name(result.tunnel.type)) + ' ' + std::to_string(result.tunnel.id);
    if (result.tunnel.ip_version != 0) {
      text += ' ' + address_text(result.tunnel.source, result.tunnel.ip_version) + " > " +
              address_text(result.tunnel.destination, result.tunnel.ip_version);
    }
    text += " depth " + std::to_string(result.tunnel.depth);
  }
  if ((result.facts & kHasLabel) != 0) text += " label " + std::to_string(result.mpls_label);
  if ((result.facts & kLaterFragment) != 0) text += " later fragment " + std::to_string(result.fragment_id);
  return text;
}

void expect_parsed(const std::vector<ParserCase>& cases, const ParserOptions& options, LinkType link_type) {
  for (const ParserCase& one : cases)
    EXPECT_EQ(parsed_text(one.frame.bytes(), options, link_type), one.expected) << one.what;
}

}  // namespace weir::test
