// What a user may choose of the templates of NetFlow v9 and IPFIX: a profile, which says in which elements a collector
// wants to find things, and the fields.
//
// Names of fields are those of weir's JSON, from the field table. One name may stand for several elements (the sampling
// rate is 34 with 35), and for different ones in different dialects and for different collectors: that is what a
// profile says.
//
// clang-format off
//   profile  | times of v9    | times of IPFIX | sampling in options data | VLAN               | ICMPv6             | biflows
//   ---------+----------------+----------------+--------------------------+--------------------+--------------------+-----------------
//   rfc      | 21/22 (uptime) | 152/153        | 34, 35                   | 58, IPFIX also 243 | v9 32, IPFIX 139   | two uniflows
//   nfdump   | 152/153        | 152/153        | 34, 35                   | 58                 | 32                 | one
//   goflow2  | 21/22          | 152/153        | 34, 35                   | 58                 | v9 32, IPFIX 139   | two uniflows
//   akvorado | 21/22          | 152/153        | 302, 304, 305, 306       | 58, 243            | v9 32, IPFIX 139   | v9 two, IPFIX one
//   pmacct   | 152/153        | 152/153        | 34, 35                   | 58                 | v9 32, IPFIX 139   | two uniflows
// clang-format on
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
/// Whether sampling options data use the elements of RFC 5477 (302, 304-306) instead of 34 and 35.
bool profile_wants_selectors(ExportProfile profile);

/// A name that `fields=` may list.
struct ExportField {
  std::string_view name;
  Section section = Section::base;
  Direction side = kForward;  ///< kReverse: of biflows only

  /// Whether each data record of each template can have it.
  [[nodiscard]] bool always() const { return section == Section::base && side == kForward; }
};
/// All of them, every name once, by the field table.
std::span<const ExportField> export_fields();

/// Those of the list whose names are among `chosen`; empty: all.
std::vector<ListedField> choose_fields(const FieldList& list, std::span<const std::string_view> chosen = {});

/// What a user chose for all templates of a stream.
struct TemplateChoice {
  ExportProfile profile;
  Dialect dialect;
  std::vector<std::string_view> fields;  ///< names; empty: all
};

}  // namespace weir
