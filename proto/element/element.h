// InformationElement: what a field of NetFlow v9 or IPFIX is called, how its octets are read, and whose number it is.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

/// RFC 7012 section 3.1, RFC 6313 (lists), and unsigned256 of RFC 9740. A type says how octets are to be read; how many
/// there are, the template says (RFC 7011 section 6.2 allows an integer to be sent shorter than its type).
enum class ElementType : std::uint8_t {
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

/// The length of a value of the type; 0: any.
[[nodiscard]] constexpr std::uint16_t type_octets(ElementType type) {
  switch (type) {
    case ElementType::unsigned8:
    case ElementType::signed8:
    case ElementType::boolean:
      return 1;
    case ElementType::unsigned16:
    case ElementType::signed16:
      return 2;
    case ElementType::unsigned32:
    case ElementType::signed32:
    case ElementType::float32:
    case ElementType::date_time_seconds:
    case ElementType::ipv4_address:
      return 4;
    case ElementType::mac_address:
      return 6;
    case ElementType::unsigned64:
    case ElementType::signed64:
    case ElementType::float64:
    case ElementType::date_time_milliseconds:
    case ElementType::date_time_microseconds:
    case ElementType::date_time_nanoseconds:
      return 8;
    case ElementType::ipv6_address:
      return 16;
    case ElementType::unsigned256:
      return 32;
    case ElementType::octet_array:
    case ElementType::string:
    case ElementType::basic_list:
    case ElementType::sub_template_list:
    case ElementType::sub_template_multi_list:
      break;
  }
  return 0;
}

struct InformationElement {
  std::uint16_t id;
  std::string_view name;
  ElementType type;
  std::uint16_t fixed_octets = 0;  ///< of an octet array that always has as many
  std::uint32_t enterprise = 0;    ///< private enterprise number, 0 for IANA's

  /// The length of its values; 0: any. Exporters may send less of an integer, so a decoder goes by the template.
  [[nodiscard]] constexpr std::uint16_t octets() const { return fixed_octets != 0 ? fixed_octets : type_octets(type); }
};

/// Of a reverse element (RFC 5103 section 6.1).
inline constexpr std::uint32_t kReverseEnterprise = 29305;
/// Of weir's own elements: the number for documentation (RFC 5612).
inline constexpr std::uint32_t kExampleEnterprise = 32473;
/// NetFlow v9 has no enterprise numbers, so weir's element n is number 49152 + n there: above IANA's (below 32768),
/// Cisco's firewalls (33000, 40000) and below nProbe's (57472 and up).
inline constexpr std::uint16_t kWeirNetflow9Elements = 0xc000;
/// RFC 5103 section 6.1 gives a reverse to IANA's elements alone; who has elements of its own numbers their reverses
/// itself. The reverse of weir's element n is n + 4096, under the same enterprise number.
inline constexpr std::uint16_t kWeirReverseElements = 4096;

}  // namespace weir
