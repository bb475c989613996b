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
// Records with a third line (a tunnel, an MPLS label, an ESP SPI) have templates of their own, so that the others do
// not grow: all of the above, then the elements below. Where IANA has none they are weir's, under the enterprise number
// for documentation (32473, RFC 5612: weir has none of its own); NetFlow v9 has no enterprises, there they are 49152
// and the number.
//
// clang-format off
//   element            octets
//   32473:4, 32473:5   16   the outer addresses, IPv4 as ::ffff:a.b.c.d; a reverse uniflow has them the other way round
//   351                8    layer2SegmentId: 1 and the VNI of VXLAN, else 0
//   32473:3            4    the tunnel's id: VNI, TEID, GRE key, label ... (WEIR_TUNNELS in flow_record.h)
//   295                4    IPSecSPI
//   70                 3    mplsTopLabelStackSection: the top label; its other bits are 0
//   32473:2            1    the tunnel's type: its place in WEIR_TUNNELS, from 1
//   32473:6            1    tunnels around the flow's header
// clang-format on
//
// Every record carries the sampling rate (34, 35) besides: 34 is what all of them read, and some drop flows without
// one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/encode/export_template.h"

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

/// Of records with a third line only (a tunnel, a label, an SPI), so in their templates only.
bool field_of_third_line(std::string_view name);

/// The fields of one template. `chosen`: names; empty: all.
std::vector<TemplateField> template_fields(ExportProfile profile, Dialect dialect, Family family, RecordKind kind,
                                           const std::vector<std::string_view>& chosen = {}, bool third_line = false);

/// What a user chose for all templates of a stream.
struct TemplateChoice {
  ExportProfile profile;
  Dialect dialect;
  const std::vector<std::string_view>& fields;  ///< names; empty: all
};
/// The template; with all fields where none of the chosen ones is of this kind of record.
ExportTemplate make_export_template(std::uint16_t id, const TemplateChoice& choice, Family family, RecordKind kind,
                                    bool third_line);
/// Whether records with a third line have templates of their own.
bool wants_third_line(const TemplateChoice& choice);

}  // namespace weir
