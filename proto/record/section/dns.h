// DnsSection: what the metric `dns` tells of a flow's DNS messages (RFC 1035): the first query and its response, and
// how many messages there were.
//
// A worker does not decode names. It copies the octets after the header of the message into `name`, and the control
// side decodes them there (control/dns_question.h) before anything else sees the record.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct DnsSection {
  /// Of what follows the header (RFC 1035 section 4.1.2): a name of 255 octets, type and class.
  static constexpr std::size_t kMostQuestion = 255 + 4;

  std::uint64_t response_time_ns;
  std::uint32_t queries;
  std::uint32_t responses;
  std::uint32_t errors;
  std::uint16_t id;
  std::uint16_t flags;
  std::uint16_t query_type;
  std::uint16_t query_class;
  std::uint16_t answers;
  /// Octets of `name`, from its second one, that are a question as it came; 0: it was decoded.
  std::uint16_t question_octets;
  std::uint8_t name[1 + kMostQuestion];  ///< a text (field.h); what follows its 254 characters is of the question only
  std::uint8_t rcode;
  std::uint8_t known;        ///< bits, see below
  std::uint8_t reserved[2];  ///< zero

  // Bits of `known`.
  static constexpr unsigned kName = 1;
  static constexpr unsigned kType = 2;  ///< and class
  static constexpr unsigned kResponse = 4;
  static constexpr unsigned kResponseTime = 8;
};
static_assert(sizeof(DnsSection) == 296 && std::has_unique_object_representations_v<DnsSection>);
static_assert(kTextPlaceOctets <= sizeof(DnsSection::name));

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(DnsSection, known, (bits))

// clang-format off
inline constexpr auto kDnsFields = std::to_array<Field>({
    {.name = "dns_id", .place = WEIR_PLACE(DnsSection, id), .protobuf = {1200},
     .wire = {WireRule::plain, 120, kOwnElement}, .meaning = "ID of the flow's first query; without any, of its first response"},
    {.name = "dns_query_name", .form = Form::text, .place = WEIR_TEXT(DnsSection, name), .protobuf = {1201},
     .wire = {WireRule::text, 121, kOwnElement}, .presence = WEIR_IF_KNOWN(DnsSection::kName),
     .meaning = "name of its first question, as sent, without the trailing dot"},
    {.name = "dns_query_name_cut", .place = WEIR_TEXT_CUT(DnsSection, name), .protobuf = {1202},
     .wire = {WireRule::plain, 122, kOwnElement},
     .meaning = "1: the name is not whole: so it came, or no more of it was captured or had room"},
    {.name = "dns_query_type", .place = WEIR_PLACE(DnsSection, query_type), .protobuf = {1203},
     .wire = {WireRule::plain, 123, kOwnElement}, .presence = WEIR_IF_KNOWN(DnsSection::kType),
     .meaning = "type of its first question (IANA: 1 A, 28 AAAA)"},
    {.name = "dns_query_class", .place = WEIR_PLACE(DnsSection, query_class), .protobuf = {1204},
     .wire = {WireRule::plain, 124, kOwnElement}, .presence = WEIR_IF_KNOWN(DnsSection::kType),
     .meaning = "class of its first question (1: Internet)"},
    {.name = "dns_flags", .place = WEIR_PLACE(DnsSection, flags), .protobuf = {1205},
     .wire = {WireRule::plain, 125, kOwnElement},
     .meaning = "flags as in the header, 16 bits: of the response, or, if none was seen, of the query"},
    {.name = "dns_rcode", .place = WEIR_PLACE(DnsSection, rcode), .protobuf = {1206},
     .wire = {WireRule::plain, 126, kOwnElement}, .presence = WEIR_IF_KNOWN(DnsSection::kResponse),
     .meaning = "response code of the response (0: no error, 3: no such name)"},
    {.name = "dns_answers", .place = WEIR_PLACE(DnsSection, answers), .protobuf = {1207},
     .wire = {WireRule::plain, 127, kOwnElement}, .presence = WEIR_IF_KNOWN(DnsSection::kResponse),
     .meaning = "answer records of the response, as its header counts them"},
    {.name = "dns_response_time_ns", .place = WEIR_PLACE(DnsSection, response_time_ns), .protobuf = {1208},
     .wire = {WireRule::plain, 128, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(DnsSection::kResponseTime), .meaning = "first query to its response"},
    {.name = "dns_queries", .place = WEIR_PLACE(DnsSection, queries), .protobuf = {1209},
     .wire = {WireRule::plain, 129, kOwnElement}, .meaning = "queries of the flow, repeated ones included"},
    {.name = "dns_responses", .place = WEIR_PLACE(DnsSection, responses), .protobuf = {1210},
     .wire = {WireRule::plain, 130, kOwnElement}, .meaning = "responses of the flow"},
    {.name = "dns_errors", .place = WEIR_PLACE(DnsSection, errors), .protobuf = {1211},
     .wire = {WireRule::plain, 131, kOwnElement}, .meaning = "responses whose response code is not 0"},
    {.name = "dns_known", .place = WEIR_PLACE(DnsSection, known), .wire = {WireRule::plain, 132, kOwnElement},
     .marks = kNotInJson,
     .meaning = "which values there are: 1 the name, 2 type and class, 4 those of the response, 8 the response time"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
