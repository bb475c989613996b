// Structured data (RFC 6313): the lists that a field of an IPFIX record may hold.
//
// A basicList has values of one element, a subTemplateList records of one template, a subTemplateMultiList records of
// several. Lists may hold lists. Here a list is taken apart one level deep, without state: whoever wants to know what a
// value means has its octets, and the templates of the stream.
//
// Every octet of a list belongs to one value, so what a list makes others do is in proportion to its octets.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/decode/flow_message.h"

namespace weir {

/// The fields of a template of the stream; nullptr: not known.
using SubTemplateFinder = std::function<const std::vector<FieldSpec>*(std::uint16_t id)>;

/// A list of one level: its values, or the records of one template.
struct ListPart {
  std::uint16_t template_id = 0;  ///< 0: a basicList
  bool known = true;              ///< false: its template is not, and `octets` are all there is
  std::span<const std::uint8_t> octets;
  std::vector<DecodedValue> values;      ///< of all records one after the other; of a basicList all values
  std::vector<std::size_t> record_ends;  ///< record i is values[record_ends[i - 1], record_ends[i])
};

struct StructuredData {
  std::uint8_t semantic = 0;  ///< RFC 6313 section 4.4; list_semantic_name() has the names
  FieldSpec element{};        ///< of a basicList: what its values are
  std::vector<ListPart> parts;
};

/// "allOf"; "undefined" for what RFC 6313 does not name.
std::string_view list_semantic_name(std::uint8_t semantic);

/// basicList (291), RFC 6313 section 4.5.1. False: the octets are no such list.
bool parse_basic_list(std::span<const std::uint8_t> octets, StructuredData& out);
/// subTemplateList (292), section 4.5.2; `find` may be empty.
bool parse_sub_template_list(std::span<const std::uint8_t> octets, const SubTemplateFinder& find, StructuredData& out);
/// subTemplateMultiList (293), section 4.5.3.
bool parse_sub_template_multi_list(std::span<const std::uint8_t> octets, const SubTemplateFinder& find,
                                   StructuredData& out);

}  // namespace weir
