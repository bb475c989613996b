// Any octets on a TCP connection, in segments of any length, through the metric `http` and the control side's decoder:
// bounded state, texts that are some, and a pool that gets back all that it gave.
//
// The input is pieces, each after an octet with its length, side and gap.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "control/http_header.h"
#include "dataplane/metric/http.h"
#include "proto/base/json_string.h"
#include "proto/record/fields.h"

namespace {

using weir::Http;
using weir::HttpSection;

void expect(bool holds) {
  if (!holds) std::abort();
}

constexpr std::array<std::uint64_t, weir::kMissingFactCount> kNothingMissing{};

/// A flow's states and pool, as a worker has them.
struct Flow {
  Http::State state{};
  Http::Slot slot{};
  weir::LinePool pool{Http::kPoolLines};
  weir::MetricParameters parameters;

  void see(const weir::PacketFacts& facts, unsigned side) {
    const weir::ParsedPacket packet{};
    expect(Http::update(state, slot, {packet, facts, side, false, 0, pool, parameters}) == weir::Verdict::goes_on);
    expect(pool.missing() == kNothingMissing);
  }
  HttpSection finish() {
    weir::OwnedRecord record;
    record.add<HttpSection>();
    Http::finish(state, slot, {record.base(), 0, pool});
    Http::release(state, slot, pool);
    expect(pool.in_use() == 0);
    return *record.view().find<HttpSection>();
  }
};

void check(HttpSection section) {
  expect(std::size_t{section.request_octets} + section.response_octets <= sizeof section.texts);
  weir::decode_http_header(section);
  expect(section.request_octets == 0 && section.response_octets == 0);
  for (const auto& place : section.texts) {
    const std::string_view text = weir::text_at(place);
    expect(text.size() <= weir::kMostTextOctets);
    char json[weir::kMostTextOctets * weir::kJsonOctetMost];
    expect(weir::write_json_string(json, text) <= json + sizeof json);
    for (std::size_t i = 2 + text.size(); i < sizeof place; ++i) expect(place[i] == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Flow flow;
  std::uint32_t sequences[2] = {0xffff'ff00, 0};
  const std::uint8_t* at = data;
  const std::uint8_t* const end = data + size;
  while (end - at > 1) {
    const std::uint8_t piece = *at++;
    const unsigned side = piece & 1;
    const auto octets = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(end - at, (piece >> 3) * 8 + 1));
    weir::PacketFacts facts{};
    facts.payload = {at, octets, octets + ((piece & 2) != 0 ? 3U : 0U), 1};
    facts.sequence = sequences[side];
    facts.window_plus_1 = 1;
    if (Http::recognises({}, facts)) flow.see(facts, side);
    sequences[side] += octets - ((piece & 4) != 0 ? 1U : 0U);  // the last octet comes again
    at += octets;
  }
  check(flow.finish());
  HttpSection section{};
  const std::size_t kept = std::min(size, sizeof section.texts);
  section.request_octets = static_cast<std::uint16_t>(kept - kept / 3);
  section.response_octets = static_cast<std::uint16_t>(kept / 3);
  if (kept != 0) std::memcpy(section.texts, data, kept);
  check(section);
  return 0;
}
