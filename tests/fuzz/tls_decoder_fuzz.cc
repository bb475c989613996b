// Any octets on a TCP connection, in segments of any length and order, through the metric `tls` and the control side's
// decoders: bounded state, texts that are some, and a pool that gets back all that it gave.
//
// The first octet says whether SYNs were seen; then come pieces, each after an octet with its length, side and place.
// The same octets go to the decoders as if a worker had kept them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "control/tls_certificate.h"
#include "control/tls_hello.h"
#include "dataplane/metric/tls.h"
#include "proto/base/json_string.h"
#include "proto/record/fields.h"

namespace {

using weir::Tls;
using weir::TlsCertificateSection;
using weir::TlsSection;

void expect(bool holds) {
  if (!holds) std::abort();
}

constexpr std::array<std::uint64_t, weir::kMissingFactCount> kNothingMissing{};

void check_text(const std::uint8_t* at) {
  const std::string_view text = weir::text_at(at);
  expect(text.size() <= weir::kMostTextOctets && at[0] <= 1);
  char json[weir::kMostTextOctets * weir::kJsonOctetMost];
  expect(weir::write_json_string(json, text) <= json + sizeof json);
  for (std::size_t i = 2 + text.size(); i < weir::kTextPlaceOctets; ++i) expect(at[i] == 0);
}

void check(TlsSection section) {
  weir::decode_tls_hellos(section);
  expect(section.client_octets == 0 && section.server_octets == 0 && section.kept == 0);
  for (std::size_t at = 0; at < sizeof section.octets; at += weir::kTextPlaceOctets) check_text(section.octets + at);
  const std::size_t ja4 = weir::text_at(section.octets + TlsSection::kJa4At).size();
  expect(ja4 == ((section.known & TlsSection::kJa4) != 0 ? 36 : 0));
}
void check(TlsCertificateSection section) {
  weir::decode_tls_certificate(section);
  expect(section.certificate_octets == 0);
  for (std::size_t at = 0; at < sizeof section.octets; at += weir::kTextPlaceOctets) check_text(section.octets + at);
}

/// A flow's states and pool, as a worker has them.
struct Flow {
  Tls::State state{};
  Tls::Slot slot{};
  weir::LinePool pool{Tls::kPoolLines};
  weir::MetricParameters parameters;

  void see(const weir::PacketFacts& facts, unsigned side, std::uint8_t tcp_flags) {
    weir::ParsedPacket packet{};
    packet.tcp_flags = tcp_flags;
    expect(Tls::update(state, slot, {packet, facts, side, false, 0, pool, parameters}) == weir::Verdict::goes_on);
    expect(pool.missing() == kNothingMissing);
  }
  void finish() {
    const std::uint32_t sections = Tls::sections(state, slot);
    weir::OwnedRecord record;
    if ((sections & weir::kSectionBit<TlsSection>) != 0) record.add<TlsSection>();
    if ((sections & weir::kSectionBit<TlsCertificateSection>) != 0) record.add<TlsCertificateSection>();
    if (sections != 0) Tls::finish(state, slot, {record.base(), 0, pool});
    Tls::release(state, slot, pool);
    expect(pool.in_use() == 0);
    if (const auto* const tls = record.view().find<TlsSection>(); tls != nullptr) check(*tls);
    if (const auto* const certificate = record.view().find<TlsCertificateSection>(); certificate != nullptr) {
      check(*certificate);
    }
    Tls::restart(state, slot);
  }
};

void check_as_kept(const std::uint8_t* data, std::size_t size) {
  TlsSection hellos{};
  hellos.client_octets = static_cast<std::uint16_t>(std::min(size, TlsSection::kMostClient));
  hellos.server_octets = static_cast<std::uint16_t>(std::min(size, TlsSection::kMostServer));
  hellos.kept = TlsSection::kClientWhole;
  std::memcpy(hellos.octets, data, hellos.client_octets);
  std::memcpy(hellos.octets + TlsSection::kMostClient, data, hellos.server_octets);
  check(hellos);
  TlsCertificateSection certificate{};
  certificate.certificate_octets = static_cast<std::uint16_t>(std::min(size, TlsCertificateSection::kMost));
  std::memcpy(certificate.octets, data, certificate.certificate_octets);
  check(certificate);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Flow flow;
  std::uint32_t sequences[2] = {0xffff'ff00, 7};
  weir::PacketFacts facts{};
  facts.window_plus_1 = 1;
  for (const unsigned side : {0U, 1U}) {
    if ((data[0] >> side & 1) == 0) continue;
    facts.payload = {data, 0, 0, 1};
    facts.sequence = sequences[side]++;
    flow.see(facts, side, weir::kTcpSyn);
  }
  const std::uint8_t* at = data + 1;
  const std::uint8_t* const end = data + size;
  while (end - at > 1) {
    const std::uint8_t piece = *at++;
    const unsigned side = piece & 1;
    const auto octets = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(end - at, (piece >> 3) * 16 + 1));
    facts.payload = {at, octets, octets, 1};
    facts.sequence = sequences[side] + ((piece & 2) != 0 ? octets : 0U);  // before its turn
    flow.see(facts, side, weir::kTcpAck);
    sequences[side] += (piece & 2) != 0 ? 0U : octets - ((piece & 4) != 0 ? 1U : 0U);  // the last octet comes again
    at += octets;
  }
  flow.finish();
  check_as_kept(data + 1, size - 1);
  return 0;
}
