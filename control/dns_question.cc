#include "control/dns_question.h"

#include <algorithm>
#include <cstring>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

constexpr std::size_t kLongestLabel = 63;  // RFC 1035 section 2.3.4: the upper two bits of a length are 0
constexpr std::size_t kLongestName = 255;  // with all lengths, likewise

}  // namespace

void decode_dns_question(DnsSection& section) {
  const std::size_t octets = std::min<std::size_t>(section.question_octets, DnsSection::kMostQuestion);
  if (octets == 0) return;
  std::uint8_t* const question = section.name + 1;
  section.question_octets = 0;
  // Where the next length is; the name's text so far is [1, at).
  std::size_t at = 0;
  bool whole = false;
  while (at < octets && at < kLongestName) {
    const std::size_t label = question[at];
    if (label > kLongestLabel) break;
    if (at != 0) question[at] = '.';
    if (label == 0) {
      whole = true;
      break;
    }
    // Of a label that is not there as a whole, what there is.
    const std::size_t end = std::min({at + 1 + label, octets, kLongestName});
    const bool cut = end != at + 1 + label;
    at = end;
    if (cut) break;
  }
  section.known |= DnsSection::kName;
  if (!whole) section.name[0] = 1;
  if (whole && octets >= at + 5) {
    section.query_type = load_be<std::uint16_t>(question + at + 1);
    section.query_class = load_be<std::uint16_t>(question + at + 3);
    section.known |= DnsSection::kType;
  }
  // A name without labels, the root's, is an empty text.
  const std::size_t length = std::min<std::size_t>(at == 0 ? 0 : at - 1, kMostTextOctets);
  question[0] = static_cast<std::uint8_t>(length);
  std::memset(question + 1 + length, 0, DnsSection::kMostQuestion - 1 - length);
}

}  // namespace weir
