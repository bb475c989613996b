// What goes into the templates of NetFlow v9 and IPFIX: the fields that a user may choose, and what collectors want to
// find them in.
//
// The names are those of weir's JSON. One name may stand for several elements (the sampling rate is 34 with 35), and
// for different ones in different dialects and for different collectors: that is what a profile says.
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
#include <string_view>
#include <vector>

#include "proto/export_template.h"

namespace weir {

enum class Dialect : std::uint8_t { netflow9, ipfix };
enum class Family : std::uint8_t { ipv4 = 0, ipv6 = 1 };

#define WEIR_EXPORT_PROFILES(X) X(rfc) X(nfdump) X(goflow2) X(akvorado) X(pmacct)

enum class ExportProfile : std::uint8_t {
#define WEIR_X(name) name,
  WEIR_EXPORT_PROFILES(WEIR_X)
#undef WEIR_X
};

/// nullopt: there is none of this name.
std::optional<ExportProfile> export_profile(std::string_view name);
/// All names, as "rfc, nfdump, ...".
std::string_view export_profile_names();

/// Whether the profile sends a biflow as two data records where nothing else is asked for.
bool profile_wants_uniflow(ExportProfile profile, Dialect dialect);
/// Whether sampling options data use the elements of RFC 5477 (302, 304-306) instead of 34 and 35.
bool profile_wants_selectors(ExportProfile profile);

/// The names that `fields=` may list, in the order in which they are sent.
const std::vector<std::string_view>& export_field_names();

/// The fields of one template. `chosen`: names; empty: all.
std::vector<TemplateField> template_fields(ExportProfile profile, Dialect dialect, Family family, RecordKind kind,
                                           const std::vector<std::string_view>& chosen = {});

}  // namespace weir
