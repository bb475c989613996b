// Any octets on port 53, in segments or datagrams of any length, through the metric `dns` and the control side's
// decoder: bounded state, a text that is one, and a pool that gets back all that it gave.
//
// The first octet says UDP or TCP; then come pieces, each after an octet with its length, side and gap.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "control/dns_question.h"
#include "dataplane/metric/dns.h"
#include "proto/base/json_string.h"
#include "proto/record/fields.h"

namespace {

using weir::Dns;
using weir::DnsSection;

void expect(bool holds) {
  if (!holds) std::abort();
}

constexpr std::array<std::uint64_t, weir::kMissingFactCount> kNothingMissing{};

/// A flow's states and pool, as a worker has them.
struct Flow {
  Dns::State state{};
  Dns::Slot slot{};
  weir::LinePool pool{Dns::kPoolLines};
  weir::MetricParameters parameters;

  void see(const weir::PacketFacts& facts, unsigned side, std::uint8_t tcp_flags) {
    weir::ParsedPacket packet{};
    packet.tcp_flags = tcp_flags;
    expect(Dns::update(state, slot, {packet, facts, side, false, 0, pool, parameters}) == weir::Verdict::goes_on);
    expect(slot.question_octets <= DnsSection::kMostQuestion && pool.missing() == kNothingMissing);
  }
  DnsSection finish() {
    weir::OwnedRecord record;
    record.add<DnsSection>();
    Dns::finish(state, slot, {record.base(), 0, pool});
    Dns::release(state, slot, pool);
    expect(pool.in_use() == 0);
    return *record.view().find<DnsSection>();
  }
};

void check(DnsSection section, std::size_t octets) {
  expect(std::size_t{section.queries} + section.responses <= octets / Dns::kHeaderOctets + 1);
  weir::decode_dns_question(section);
  const std::string_view name = weir::text_at(section.name);
  expect(name.size() <= weir::kMostTextOctets && section.question_octets == 0);
  char json[weir::kMostTextOctets * weir::kJsonOctetMost];
  expect(weir::write_json_string(json, name) <= json + sizeof json);
  for (std::size_t i = 2 + name.size(); i < sizeof section.name; ++i) expect(section.name[i] == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool tcp = (data[0] & 1) != 0;
  Flow flow;
  std::uint32_t sequences[2] = {0xffff'ff00, 0};
  const std::uint8_t* at = data + 1;
  const std::uint8_t* const end = data + size;
  while (end - at > 1) {
    const std::uint8_t piece = *at++;
    const unsigned side = piece & 1;
    const auto octets = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(end - at, (piece >> 3) * 4 + 1));
    weir::PacketFacts facts{};
    facts.payload = {at, octets, octets + ((piece & 2) != 0 ? 3U : 0U), 1};
    facts.sequence = sequences[side];
    facts.window_plus_1 = tcp ? 1 : 0;
    const bool syn = tcp && at == data + 2;
    flow.see(facts, side, syn ? weir::kTcpSyn : 0);
    sequences[side] += (syn ? 1 : 0) + octets - ((piece & 4) != 0 ? 1U : 0U);  // the last octet comes again
    at += octets;
  }
  check(flow.finish(), size);
  DnsSection section{};
  section.question_octets = static_cast<std::uint16_t>(std::min(size, DnsSection::kMostQuestion));
  std::copy_n(data, section.question_octets, section.name + 1);
  check(section, size);
  return 0;
}
