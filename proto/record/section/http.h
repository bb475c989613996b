// HttpSection: what the metric `http` tells of a flow's first request and response of HTTP/1.x (RFC 9112).
//
// A worker does not decode header fields. It copies the lines that matter into `texts`, those of the request and then
// those of the response, and the control side makes the texts of them there (control/http_header.h) before anything
// else sees the record.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct HttpSection {
  enum Text : std::uint8_t { kMethod, kHost, kUrl, kUserAgent, kReferer, kContentType };
  static constexpr std::size_t kTexts = 6;

  std::uint8_t texts[kTexts][kTextPlaceOctets];  ///< texts (field.h), or lines of the headers as they came
  std::uint16_t request_octets;                  ///< of such lines, each with its line feed; 0 with the next: decoded
  std::uint16_t response_octets;
  std::uint16_t status;
  std::uint8_t known;       ///< bits, see below
  std::uint8_t header_cut;  ///< bits, see below

  // Bits of `known`. The worker sets that of the status, the decoder the others.
  static constexpr unsigned kStatus = 0x40;
  static constexpr unsigned known_bit(Text text) { return 1U << text; }
  // Bits of `header_cut`.
  static constexpr unsigned kRequest = 1;
  static constexpr unsigned kResponse = 2;
};
static_assert(sizeof(HttpSection) == 1544 && std::has_unique_object_representations_v<HttpSection>);

#define WEIR_IF_KNOWN(text) WEIR_PRESENCE(HttpSection, known, HttpSection::known_bit(HttpSection::text))

// clang-format off
inline constexpr auto kHttpFields = std::to_array<Field>({
    {.name = "http_method", .form = Form::text, .place = WEIR_TEXT(HttpSection, texts[HttpSection::kMethod]),
     .protobuf = {1500}, .wire = {WireRule::text, 180, kOwnElement}, .presence = WEIR_IF_KNOWN(kMethod),
     .meaning = "method of the flow's first request"},
    {.name = "http_host", .form = Form::text, .place = WEIR_TEXT(HttpSection, texts[HttpSection::kHost]),
     .protobuf = {1501}, .wire = {WireRule::text, 181, kOwnElement}, .presence = WEIR_IF_KNOWN(kHost),
     .meaning = "its Host field; without one, the authority in its target"},
    {.name = "http_host_cut", .place = WEIR_TEXT_CUT(HttpSection, texts[HttpSection::kHost]), .protobuf = {1502},
     .wire = {WireRule::plain, 182, kOwnElement}, .meaning = "1: the host is not whole"},
    {.name = "http_url", .form = Form::text, .place = WEIR_TEXT(HttpSection, texts[HttpSection::kUrl]),
     .protobuf = {1503}, .wire = {WireRule::text, 183, kOwnElement}, .presence = WEIR_IF_KNOWN(kUrl),
     .meaning = "its target, as sent: a path and query, a whole URL, or host and port"},
    {.name = "http_url_cut", .place = WEIR_TEXT_CUT(HttpSection, texts[HttpSection::kUrl]), .protobuf = {1504},
     .wire = {WireRule::plain, 184, kOwnElement}, .meaning = "1: the target is not whole"},
    {.name = "http_user_agent", .form = Form::text, .place = WEIR_TEXT(HttpSection, texts[HttpSection::kUserAgent]),
     .protobuf = {1505}, .wire = {WireRule::text, 185, kOwnElement}, .presence = WEIR_IF_KNOWN(kUserAgent),
     .meaning = "its User-Agent field"},
    {.name = "http_user_agent_cut", .place = WEIR_TEXT_CUT(HttpSection, texts[HttpSection::kUserAgent]),
     .protobuf = {1506}, .wire = {WireRule::plain, 186, kOwnElement}, .meaning = "1: the user agent is not whole"},
    {.name = "http_referer", .form = Form::text, .place = WEIR_TEXT(HttpSection, texts[HttpSection::kReferer]),
     .protobuf = {1507}, .wire = {WireRule::text, 187, kOwnElement}, .presence = WEIR_IF_KNOWN(kReferer),
     .meaning = "its Referer field"},
    {.name = "http_referer_cut", .place = WEIR_TEXT_CUT(HttpSection, texts[HttpSection::kReferer]),
     .protobuf = {1508}, .wire = {WireRule::plain, 188, kOwnElement}, .meaning = "1: the referer is not whole"},
    {.name = "http_status", .place = WEIR_PLACE(HttpSection, status), .protobuf = {1509},
     .wire = {WireRule::plain, 189, kOwnElement}, .presence = WEIR_PRESENCE(HttpSection, known, HttpSection::kStatus),
     .meaning = "status code of the response (200, 404)"},
    {.name = "http_content_type", .form = Form::text, .place = WEIR_TEXT(HttpSection, texts[HttpSection::kContentType]),
     .protobuf = {1510}, .wire = {WireRule::text, 190, kOwnElement}, .presence = WEIR_IF_KNOWN(kContentType),
     .meaning = "its Content-Type field"},
    {.name = "http_content_type_cut", .place = WEIR_TEXT_CUT(HttpSection, texts[HttpSection::kContentType]),
     .protobuf = {1511}, .wire = {WireRule::plain, 191, kOwnElement}, .meaning = "1: the content type is not whole"},
    {.name = "http_header_cut", .place = WEIR_PLACE(HttpSection, header_cut), .protobuf = {1512},
     .wire = {WireRule::plain, 192, kOwnElement},
     .meaning = "headers that were not seen to their end, or had no room: 1 the request's, 2 the response's; fields may be missing"},
    {.name = "http_known", .place = WEIR_PLACE(HttpSection, known), .wire = {WireRule::plain, 193, kOwnElement},
     .marks = kNotInJson,
     .meaning = "which values there are: 1 method, 2 host, 4 URL, 8 user agent, 16 referer, 32 content type, 64 status"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
