// One NetFlow v9 or IPFIX message, without state: its header, where its sets lie, the templates in it, and the records
// of a data set by a template that the caller has.
//
// The two formats (RFC 3954, RFC 7011) differ in the header, in the numbers of the template sets, in how an options
// template says how many of its fields are scopes, and in that IPFIX has enterprise numbers and fields of variable
// length. All of that is known here; FlowDecoder (flow_decoder.h) adds what must be remembered between messages.
//
// Input is hostile until proven otherwise: every length is checked, nothing is read behind the message, and what is
// allocated is in proportion to its octets (at most one FieldSpec of 12 octets for each 4 octets of a template set).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proto/base/reasons.h"
#include "proto/element/information_elements.h"

namespace weir {

// clang-format off
#define WEIR_DECODE_ERRORS(X)                                                                                    \
  X(none,                "no error")                                                                             \
  X(short_header,        "the datagram is shorter than its header")                                              \
  X(wrong_version,       "the version is none of 1, 5, 7, 9 and 10, and not sFlow's 5")                          \
  X(bad_message_length,  "an IPFIX message is longer than its datagram, or shorter than its header")           \
  X(bad_record_count,    "a NetFlow v1, v5 or v7 datagram has not the length of the records that it counts")     \
  X(truncated_flow_set,  "octets at the end that are too few for a set header")                                  \
  X(flow_set_too_short,  "a set says that it is shorter than its own header")                                    \
  X(flow_set_too_long,   "a set says that it is longer than what is left of the datagram")                       \
  X(bad_template_id,     "a template has an id below 256")                                                       \
  X(truncated_template,  "a template has more fields than its set has room for")                                 \
  X(zero_length_record,  "a template makes records of no octets")                                                \
  X(record_too_long,     "a template makes records that fit into no datagram")                                   \
  X(bad_scope_length,    "an options template's scope or option length is no multiple of 4")                    \
  X(bad_scope_count,     "an options template has more scopes than fields")                                      \
  X(bad_variable_length, "a field of variable length reaches behind the end of its set")                         \
  X(trailing_octets,     "a set does not end with its last record and padding")                                  \
  X(too_many_templates,  "the stream has more templates or fields than the decoder keeps")                       \
  X(too_many_streams,    "the memory for exporters does not hold this one")                                     \
  X(bad_agent_address,   "an sFlow agent has an address that is neither of IPv4 nor of IPv6")                    \
  X(truncated_sample,    "an sFlow datagram ends before the last sample that it counts")                         \
  X(octets_after_samples, "an sFlow datagram goes on after the last sample that it counts")                      \
  X(short_sample,        "an sFlow sample is shorter than its fixed fields")                                     \
  X(truncated_sample_record, "an sFlow sample ends before the last record that it counts")                       \
  X(short_sample_record, "a record in an sFlow sample is shorter than its fields")
// clang-format on

enum class DecodeError : std::uint8_t { WEIR_DECODE_ERRORS(WEIR_REASON_ENUMERATOR) };

inline constexpr auto kDecodeErrorTexts = std::to_array<ReasonText>({WEIR_DECODE_ERRORS(WEIR_REASON_TEXT)});

inline constexpr std::size_t kDecodeErrorCount = kDecodeErrorTexts.size();

/// The enumerator's own name, and what it means.
std::string_view error_name(DecodeError error);
std::string_view error_text(DecodeError error);

/// The number in the first two octets of every message. sFlow's version 5 has four octets, of which these are 0.
enum class FlowVersion : std::uint16_t {
  sflow = 0,
  netflow1 = 1,
  netflow5 = 5,
  netflow7 = 7,
  netflow9 = 9,
  ipfix = 10
};

/// "NetFlow v9", "IPFIX", "sFlow v5".
std::string_view version_name(FlowVersion version);
/// Whether its sequence counts datagrams, and not records.
[[nodiscard]] bool sequence_counts_datagrams(FlowVersion version);

/// Any version's header, in host order. What the version does not have is 0.
struct MessageHeader {
  FlowVersion version = FlowVersion::netflow9;
  std::uint16_t count = 0;          ///< of records; IPFIX has no count
  std::uint16_t octets = 0;         ///< IPFIX only: of the whole message
  std::uint16_t sampling = 0;       ///< v5 only: 2 bits mode, 14 bits interval
  std::uint32_t sys_uptime_ms = 0;  ///< not in IPFIX
  std::uint32_t unix_secs = 0;      ///< IPFIX: exportTime
  std::uint32_t unix_nsecs = 0;     ///< v1, v5 and v7 only; sFlow has no wall clock: both are the receiver's
  std::uint32_t sequence = 0;       ///< v9, sFlow: of datagrams; v5, v7: of flows; IPFIX: of data records; v1 has none
  std::uint32_t source_id = 0;  ///< IPFIX: observation domain id; v5: engine type and id as 16 bits; sFlow: sub-agent
};

enum class SetKind : std::uint8_t { templates, options_templates, data, reserved };

struct FlowSet {
  std::uint16_t id;
  std::span<const std::uint8_t> body;  ///< without the set header; padding is in it
};

struct FlowMessage {
  MessageHeader header;
  std::vector<FlowSet> flow_sets;  ///< spans into the datagram
};

/// Splits a message of the version that its first two octets name (9 or 10). Its header is filled if the result is
/// neither short_header nor wrong_version. With another error `out` has the sets before the place; those of NetFlow v9
/// are worth decoding, while an IPFIX message is to be discarded whole (RFC 7011 section 9).
DecodeError parse_message(std::span<const std::uint8_t> datagram, FlowMessage& out);
/// The same, and anything but NetFlow v9 is wrong_version.
DecodeError parse_netflow9(std::span<const std::uint8_t> datagram, FlowMessage& out);
/// The same, and anything but IPFIX is wrong_version.
DecodeError parse_ipfix(std::span<const std::uint8_t> datagram, FlowMessage& out);

/// What a set of this id holds. RFC 3954 sections 5.2, 6.1, 5.3 (0, 1, 256 and up), RFC 7011 section 3.3.2 (2, 3).
SetKind set_kind(FlowVersion version, std::uint16_t id);

inline constexpr std::uint16_t kVariableLength = 65'535;      ///< RFC 7011 section 7
inline constexpr std::uint16_t kFirstTemplateId = 256;        ///< RFC 3954 section 5.2, RFC 7011 section 3.4.1
inline constexpr std::uint32_t kLongestMessageBody = 65'515;  ///< an IPFIX message less its header and a set header

struct FieldSpec {
  std::uint16_t element;     ///< or the scope's type (RFC 3954 section 6.1), where `scope` is set and the version is 9
  std::uint16_t octets;      ///< kVariableLength: each record says how many; H3C sends that in v9, too
  std::uint32_t enterprise;  ///< 0: IANA's

  bool scope;
  friend bool operator==(const FieldSpec&, const FieldSpec&) = default;
};

/// A template or options template record. Without fields it is a withdrawal (RFC 7011 section 8.1), and then an id
/// below 256 (that of the set) withdraws all templates of its kind.
struct TemplateRecord {
  std::uint16_t id = 0;
  bool options = false;
  std::vector<FieldSpec> fields;  ///< scopes first
};

/// The template records of a templates or options_templates set: all that can be used. The first error is returned; one
/// bad record does not cost those after it, unless it ends past the set.
DecodeError parse_templates(FlowVersion version, const FlowSet& set, std::vector<TemplateRecord>& out);

/// A field of one record as it came.
struct DecodedValue {
  std::uint16_t element;  ///< as in FieldSpec
  bool scope;
  std::uint32_t enterprise;
  std::span<const std::uint8_t> octets;  ///< into the datagram
};

/// The octets of the shortest record of a template: a field of variable length takes one octet at least.
std::uint32_t least_record_octets(std::span<const FieldSpec> fields);

/// The length of a field of variable length at the start of `rest`, and the octets that say so (RFC 7011 section 7);
/// false: they do not fit into `rest`.
bool read_variable_length(std::span<const std::uint8_t> rest, std::size_t& prefix, std::size_t& octets);

/// Appends the fields of the record at the start of `rest` to `values` and takes it off `rest`. false: it does not fit,
/// `values` and `rest` are as before.
bool take_record(std::span<const FieldSpec> fields, std::span<const std::uint8_t>& rest,
                 std::vector<DecodedValue>& values);

inline constexpr std::size_t kUnknownCount = SIZE_MAX;
/// A data set of records of one length, less what is padding. Only v9 records that are shorter than 4 octets leave a
/// doubt: `expected` records where that number is possible (kUnknownCount: it is not known), else zeros at the end are
/// no record.
std::span<const std::uint8_t> without_padding(FlowVersion version, std::size_t record_octets,
                                              std::span<const std::uint8_t> body, std::size_t expected);
/// The same of records of variable length: whether all that is left after `taken` records is padding.
bool only_padding(FlowVersion version, std::span<const std::uint8_t> rest, std::size_t taken, std::size_t expected);

struct DataSet {
  std::vector<DecodedValue> values;      ///< of all records, one after the other
  std::vector<std::size_t> record_ends;  ///< record i is values[record_ends[i - 1], record_ends[i])
};

/// Decodes a data set by a template that the caller gives, whatever its id. `out` is emptied first; with an error it
/// has the records before the place.
DecodeError decode_data_set(const TemplateRecord& known, FlowVersion version, std::span<const std::uint8_t> body,
                            DataSet& out);

}  // namespace weir
