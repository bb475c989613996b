// What a user may choose of the templates of NetFlow v9 and IPFIX: a profile, which says in which elements a collector
// wants to find things, and the fields.
//
// Names of fields are those of weir's JSON, from the field table. One name may stand for several elements (the sampling
// rate is 34 with 35), and for different ones in different dialects and for different collectors: that is what a
// profile says.
//
// clang-format off
//   profile  | times of v9    | times of IPFIX | sampling in options data | VLAN               | ICMPv6             | biflows           | own elements
//   ---------+----------------+----------------+--------------------------+--------------------+--------------------+-------------------+-------------
//   rfc      | 21/22 (uptime) | 152/153        | 34, 35                   | 58, IPFIX also 243 | v9 32, IPFIX 139   | two uniflows      | yes
//   nfdump   | 152/153        | 152/153        | 34, 35                   | 58                 | 32                 | two uniflows      | no
//   goflow2  | 21/22          | 152/153        | 34, 35                   | 58                 | v9 32, IPFIX 139   | two uniflows      | no
//   akvorado | 152/153        | 152/153        | 302, 304, 305, 306       | 58, 243            | v9 32, IPFIX 139   | v9 two, IPFIX one | no
//   pmacct   | 152/153        | 152/153        | 34, 35                   | 58                 | v9 32, IPFIX 139   | two uniflows      | no
// clang-format on
//
// nfdump reads no reverse element but the two counters; every other one overwrites the forward value. Akvorado adds the
// seconds of the header to the milliseconds of 21/22. Weir's own elements (proto/element/own_elements.h) cost some
// collectors the whole record: Logstash, vflow, python-netflow.
//
// Every record carries the sampling rate (34, 35) besides: 34 is what all of them read, and some drop flows without
// one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/encode/template_fields.h"

namespace weir {

/// nullopt: there is none of this name.
std::optional<ExportProfile> export_profile(std::string_view name);
/// All names, as "rfc, nfdump, ...".
std::string_view export_profile_names();

/// Whether the profile sends a biflow as two data records where nothing else is asked for.
bool profile_wants_uniflow(ExportProfile profile, Dialect dialect);
/// Whether the profile sends weir's own elements where nothing else is asked for.
bool profile_wants_own_elements(ExportProfile profile);
/// Whether sampling options data use the elements of RFC 5477 (302, 304-306) instead of 34 and 35.
bool profile_wants_selectors(ExportProfile profile);

/// A name that `fields=` may list.
struct ExportField {
  std::string_view name;
  Section section = Section::base;
  Direction side = kForward;  ///< kReverse: of biflows only

  bool own_element = false;  ///< only an element of weir's own carries it
  bool list = false;         ///< only a list carries it: IPFIX alone

  /// Whether each data record of each template can have it.
  [[nodiscard]] bool always() const { return section == Section::base && side == kForward; }
};
/// All of them, every name once, by the field table.
std::span<const ExportField> export_fields();

/// What a user chose for all templates of a stream.
struct TemplateChoice {
  ExportProfile profile;
  Dialect dialect;
  std::vector<std::string_view> fields;  ///< names; empty: all
  bool own_elements = true;              ///< false: fields that only an element of weir's own can carry stay out
};

/// Those of the list that were chosen.
std::vector<ListedField> choose_fields(const FieldList& list, const TemplateChoice& choice);

}  // namespace weir
