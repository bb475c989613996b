// What the parser makes of a frame, as a line that reads well in a failure:
// "10.0.0.1 1 > 10.0.0.2 2 p17 o28", "... in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1", "... label 16", or the reject's
// name.
#pragma once

#include <string>
#include <vector>

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/parser.h"
#include "tests/support/packet_builder.h"

namespace weir::test {

/// The key, from who sent to who received, and the IP octets.
[[nodiscard]] std::string key_text(const ParsedPacket& packet);
/// Parses an exact heap copy, so that a sanitizer sees every octet read too many.
[[nodiscard]] std::string parsed_text(const Bytes& frame, const ParserOptions& options = ParserOptions::defaults(),
                                      LinkType link_type = LinkType::ethernet);

struct ParserCase {
  const char* what;
  PacketBuilder frame;
  const char* expected;
};
void expect_parsed(const std::vector<ParserCase>& cases, const ParserOptions& options = ParserOptions::defaults(),
                   LinkType link_type = LinkType::ethernet);

}  // namespace weir::test
