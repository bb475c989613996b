// The structures of sFlow v5: what is in a sample, by name (sflow.org, "sFlow Version 5", July 2004, section 5, and the
// list of structures that were added to it since).
//
// sFlow is written in XDR (RFC 4506): integers of 4 octets, big-endian; what has a length is filled up to a multiple of
// 4. A structure has a data format, 20 bits of enterprise number and 12 bits of format; the numbers of flow records, of
// counter records and of samples are apart. A structure that is not in the list is shown in hex and never skipped.
//
// What a record has no place for is kept as a DecodedValue: `enterprise` is the structure's data format, `element` the
// place of the field in it, from 1, with kSflowCounters for counter records; place 0 is the structure as a whole.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "proto/base/ip_address.h"
#include "proto/element/element.h"

namespace weir {

/// How a field is written.
enum class XdrKind : std::uint8_t {
  unsigned32,
  unsigned64,
  float32,
  mac,      ///< 6 octets and 2 of filling
  uuid,     ///< 16 octets
  ipv4,     ///< 4 octets
  ipv6,     ///< 16 octets
  address,  ///< a type (0 unknown: nothing follows; 1 IPv4; 2 IPv6) and the address
  octets,   ///< a length, as many octets, filling
  text,     ///< likewise, characters
  list,     ///< a count, as many integers
  as_path,  ///< a count of segments, each a type and a list of AS numbers
};

struct SflowField {
  std::string_view name;
  XdrKind kind;
};

struct SflowStructure {
  std::uint32_t format;  ///< enterprise << 12 | format
  std::string_view name;
  std::span<const SflowField> fields;
};

/// Data formats of the flow records that fill fields of a record.
enum SflowFlowFormat : std::uint32_t {
  kSampledHeader = 1,
  kSampledEthernet = 2,
  kSampledIpv4 = 3,
  kSampledIpv6 = 4,
  kExtendedSwitch = 1001,
  kExtendedRouter = 1002,
  kExtendedGateway = 1003,
};

/// Bit of DecodedValue::element: the field is one of a counter record.
inline constexpr std::uint16_t kSflowCounters = 0x8000;
/// DecodedValue::enterprise of what names the source of a counter sample: element 1 its type, 2 its index.
inline constexpr std::uint32_t kSflowSource = UINT32_MAX;

/// nullptr: it is not known.
const SflowStructure* find_flow_structure(std::uint32_t format);
const SflowStructure* find_counter_structure(std::uint32_t format);

/// Reads XDR one after the other. What is not there is 0 or empty, and failed() from then on.
class XdrReader {
 public:
  explicit XdrReader(std::span<const std::uint8_t> octets) : rest_(octets) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return rest_; }
  /// So many octets, without their filling, which may be missing at the very end.
  std::span<const std::uint8_t> take(std::size_t count);
  std::uint32_t u32();
  /// A length and the octets.
  std::span<const std::uint8_t> opaque() { return take(u32()); }
  /// An address with its type; of an unknown one its octets are empty. A type above 2 has failed.
  IpAddress address(std::span<const std::uint8_t>* octets = nullptr);
  /// A count and so many integers: their octets.
  std::span<const std::uint8_t> list();

 private:
  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

/// Calls `take` with each field, its place from 1, and its octets; an AS path with each of its segments. What stands
/// behind the last field that is known has place 0. False: the structure is shorter than its fields.
bool walk_structure(
    const SflowStructure& structure, std::span<const std::uint8_t> octets,
    const std::function<void(std::size_t place, const SflowField& field, std::span<const std::uint8_t> octets)>& take);

/// The name of a value (see above), and the type by which its octets are shown.
struct SflowName {
  std::string name;
  ElementType type;
};
SflowName sflow_name(std::uint16_t element, std::uint32_t enterprise, std::size_t octets);

}  // namespace weir
