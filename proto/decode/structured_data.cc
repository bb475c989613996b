#include "proto/decode/structured_data.h"

#include "proto/base/byte_order.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::uint16_t kEnterpriseBit = 0x8000;  // RFC 7011 section 3.2

/// Takes the records of a template off `octets`, to the last. False: they do not fill it.
bool take_records(const std::vector<FieldSpec>& fields, Octets octets, ListPart& part) {
  if (least_record_octets(fields) == 0) return false;
  while (!octets.empty()) {
    if (!take_record(fields, octets, part.values)) return false;
    part.record_ends.push_back(part.values.size());
  }
  return true;
}

/// The records of a template, or their octets where it is not known.
bool take_part(std::uint16_t template_id, Octets octets, const SubTemplateFinder& find, StructuredData& out) {
  ListPart& part = out.parts.emplace_back();
  part.template_id = template_id;
  part.octets = octets;
  const std::vector<FieldSpec>* const fields = find ? find(template_id) : nullptr;
  part.known = fields != nullptr;
  return !part.known || take_records(*fields, octets, part);
}

}  // namespace

std::string_view list_semantic_name(std::uint8_t semantic) {
  constexpr std::string_view kNames[] = {"noneOf", "exactlyOneOf", "oneOrMoreOf", "allOf", "ordered"};
  return semantic < std::size(kNames) ? kNames[semantic] : "undefined";
}

bool parse_basic_list(Octets octets, StructuredData& out) {
  constexpr std::size_t kHeaderOctets = 5;
  out = {};
  if (octets.size() < kHeaderOctets) return false;
  out.semantic = octets[0];
  out.element.element = load_be<std::uint16_t>(octets.data() + 1);
  out.element.octets = load_be<std::uint16_t>(octets.data() + 3);
  octets = octets.subspan(kHeaderOctets);
  if ((out.element.element & kEnterpriseBit) != 0) {
    if (octets.size() < sizeof(std::uint32_t)) return false;
    out.element.element &= static_cast<std::uint16_t>(~kEnterpriseBit);
    out.element.enterprise = load_be<std::uint32_t>(octets.data());
    octets = octets.subspan(sizeof(std::uint32_t));
  }
  ListPart& part = out.parts.emplace_back();
  part.octets = octets;
  return octets.empty() || take_records({out.element}, octets, part);
}

bool parse_sub_template_list(Octets octets, const SubTemplateFinder& find, StructuredData& out) {
  constexpr std::size_t kHeaderOctets = 3;
  out = {};
  if (octets.size() < kHeaderOctets) return false;
  out.semantic = octets[0];
  return take_part(load_be<std::uint16_t>(octets.data() + 1), octets.subspan(kHeaderOctets), find, out);
}

bool parse_sub_template_multi_list(Octets octets, const SubTemplateFinder& find, StructuredData& out) {
  constexpr std::size_t kPartHeaderOctets = 4;  // counted in the part's length
  out = {};
  if (octets.empty()) return false;
  out.semantic = octets[0];
  for (octets = octets.subspan(1); !octets.empty();) {
    if (octets.size() < kPartHeaderOctets) return false;
    const auto id = load_be<std::uint16_t>(octets.data());
    const std::size_t length = load_be<std::uint16_t>(octets.data() + 2);
    if (length < kPartHeaderOctets || length > octets.size()) return false;
    if (!take_part(id, octets.subspan(kPartHeaderOctets, length - kPartHeaderOctets), find, out)) return false;
    octets = octets.subspan(length);
  }
  return true;
}

}  // namespace weir
