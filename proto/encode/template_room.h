// Whether a template and its longest entry fit into a message.
//
// The answer depends on the fields alone, and not on what a stream has sent. A unit test asks for every profile and
// every section, so that a new field cannot make a section too long to be sent.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/base/ipfix.h"
#include "proto/base/netflow9.h"
#include "proto/encode/export_profile.h"
#include "proto/encode/open_message.h"
#include "proto/encode/template_fields.h"

namespace weir {

/// Octets of a template's own header: its id, and the number of its fields (RFC 3954 section 5.2, RFC 7011 section
/// 3.4.1).
inline constexpr std::uint32_t kTemplateHeader = 4;

/// The longest entry of a template: a conversation, and the padding after it.
constexpr std::uint32_t entry_octets(std::uint32_t record_octets, RecordKind kind) {
  return (kind == RecordKind::uniflow ? 2 : 1) * record_octets + 3;
}

/// A message of at most `limit_octets` has room for the template of these fields, and for its longest entry.
template <typename List>
constexpr bool fits(const List& base, const List& rest, RecordKind kind, std::uint32_t header_octets,
                    std::uint32_t limit_octets) {
  const std::uint32_t head = header_octets + OpenMessage::kSetHeader;
  return head + kTemplateHeader + template_octets_of(base) + template_octets_of(rest) <= limit_octets &&
         head + entry_octets(octets_of(base) + octets_of(rest), kind) <= limit_octets;
}

/// Forms of a profile: two families, two formats, one or two directions.
inline constexpr std::size_t kTemplateForms = 8;

constexpr TemplateForm template_form(ExportProfile profile, std::size_t number) {
  const bool ipfix = (number & 2U) != 0;
  const RecordKind both = ipfix ? RecordKind::biflow : RecordKind::merged;
  return {profile, ipfix ? Dialect::ipfix : Dialect::netflow9, static_cast<Family>(number & 1U),
          (number & 4U) != 0 ? both : RecordKind::uniflow};
}

/// The template with all fields of `sections` fits if its texts are as short as they may become.
constexpr bool fits_in_form(const TemplateForm& form, std::uint32_t sections, std::uint32_t limit_octets) {
  FieldList rest = section_fields(form, sections);
  leave_out_whole_texts(rest);
  set_text_octets(rest, kLeastTextOctets);
  const std::size_t header = form.dialect == Dialect::ipfix ? sizeof(IpfixHeader) : sizeof(Netflow9Header);
  return fits(base_fields(form), rest, form.kind, static_cast<std::uint32_t>(header), limit_octets);
}

}  // namespace weir
