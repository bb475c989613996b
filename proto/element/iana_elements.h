// The IANA registry "IPFIX Information Elements": number, name and type of every element, for whoever has to name and
// print what another exporter sent.
//
// information_elements.h describes what weir itself sends, with lengths, units and weir's field names, and drives
// encoders at compile time. This table is the reader's: it holds all of IANA's elements (as of 2025, up to 533, less
// the numbers that IANA leaves without a name) and the names that RFC 3954 section 8 gives to the elements of NetFlow
// v9. Numbers 1 to 127 mean the same in both (RFC 7012 section 5); vendors use IANA's above that in v9, too. Cisco's
// firewall elements (33000 and on) exist in v9 only: in IPFIX those numbers have the enterprise bit.
//
// A type says how octets are to be read, never how many there are: the length comes from the template (RFC 7011 section
// 6.2 allows an integer to be sent shorter than its type).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir {

/// RFC 7012 section 3.1, RFC 6313 (lists), and unsigned256 of RFC 9740.
enum class IanaType : std::uint8_t {
  octet_array,
  unsigned8,
  unsigned16,
  unsigned32,
  unsigned64,
  unsigned256,
  signed8,
  signed16,
  signed32,
  signed64,
  float32,
  float64,
  boolean,
  mac_address,
  string,
  date_time_seconds,
  date_time_milliseconds,
  date_time_microseconds,
  date_time_nanoseconds,
  ipv4_address,
  ipv6_address,
  basic_list,
  sub_template_list,
  sub_template_multi_list,
};

struct IanaElement {
  std::uint16_t id;
  std::string_view name;
  IanaType type;
};

/// All of them, by rising number.
std::span<const IanaElement> iana_elements();

/// nullptr where IANA has no element of this number.
const IanaElement* find_iana_element(std::uint16_t id);

/// A vendor's element of NetFlow v9 above IANA's numbers; nullptr where none is known.
const IanaElement* find_netflow9_vendor_element(std::uint16_t id);

/// What RFC 3954 section 8 (and Cisco, up to 100) calls the element: "IN_BYTES"; empty where it has no name.
std::string_view netflow9_name(std::uint16_t id);

/// "System", "Interface", ...: a scope of RFC 3954 section 6.1; empty above 5.
std::string_view netflow9_scope_name(std::uint16_t scope);

}  // namespace weir
