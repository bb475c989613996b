// Any octets in UDP datagrams through the metric `quic` and the control side's decoder: bounded state, texts that are
// some, and a pool that gets back all that it gave.
//
// The first octet says which header is read; then come datagrams, each after two octets with length, side and how much
// of it was captured. What the metric kept is decoded, and then the whole input as if a worker had kept it. Since no
// fuzzer finds a packet that opens, the input is also taken for the frames of one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "control/quic_hello.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/metric/quic.h"
#include "proto/base/json_string.h"
#include "proto/record/fields.h"

namespace {

using weir::Quic;
using weir::QuicHelloSection;

void expect(bool holds) {
  if (!holds) std::abort();
}

/// A flow's states and pool, as a worker has them.
struct Flow {
  Quic::State state{};
  Quic::Slot slot{};
  weir::LinePool pool{Quic::kPoolLines};
  weir::MetricParameters parameters;

  void see(weir::PacketFacts facts, unsigned side, std::uint64_t now_ns) {
    weir::ParsedPacket packet{};
    packet.key.protocol = 17;
    packet.key.port_low = 443;
    packet.time_ns = now_ns;
    const std::uint32_t wanted = Quic::recognised_octets(packet, facts, parameters);
    if (wanted == 0) return;
    facts.payload.captured = std::min(facts.payload.captured, wanted);
    expect(Quic::update(state, slot, {packet, facts, side, false, now_ns, pool, parameters}) == weir::Verdict::goes_on);
    expect(slot.packet_octets <= QuicHelloSection::kMostOctets && slot.packets <= QuicHelloSection::kMostPackets);
    expect(pool.in_use() * sizeof(Quic::PacketPart) < slot.packet_octets + sizeof(Quic::PacketPart));
  }
  weir::OwnedRecord finish() {
    weir::OwnedRecord record;
    const std::uint32_t sections = Quic::sections(state, slot);
    for (std::size_t i = 1; i < weir::kSectionCount; ++i) {
      if ((sections & weir::section_bit(static_cast<weir::Section>(i))) != 0) {
        record.add(static_cast<weir::Section>(i));
      }
    }
    if (sections != 0) Quic::finish(state, slot, {record.base(), 0, pool});
    Quic::release(state, slot, pool);
    expect(pool.in_use() == 0);
    Quic::restart(state, slot);
    expect(Quic::sections(state, slot) == 0);
    return record;
  }
};

void check_text(const std::uint8_t* place) {
  const std::string_view text = weir::text_at(place);
  expect(place[0] <= 1 && text.size() <= weir::kMostTextOctets);
  char json[weir::kMostTextOctets * weir::kJsonOctetMost];
  expect(weir::write_json_string(json, text) <= json + sizeof json);
}

void check(weir::QuicHelloDecoder& decoder, QuicHelloSection section) {
  weir::TlsSection tls{};
  decoder.decode(section, &tls);
  expect(section.packet_octets == 0 && section.offered_versions == 0);
  for (const std::size_t place : {QuicHelloSection::kSniAt, QuicHelloSection::kAlpnAt, QuicHelloSection::kVersionsAt}) {
    check_text(section.octets + place);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static weir::QuicHelloDecoder decoder;
  Flow flow;
  flow.parameters.quic_options = data[0] & 3;
  flow.parameters.quic_2017_port = (data[0] & 4) != 0 ? 443 : 0;
  const std::uint8_t* at = data + 1;
  const std::uint8_t* const end = data + size;
  std::uint64_t now_ns = 1'000'000;
  while (end - at > 2) {
    const unsigned head = at[0], length = at[1];
    at += 2;
    const auto octets = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(end - at, (head >> 3) * 64 + length));
    weir::PacketFacts facts{};
    facts.payload = {at, octets, octets + ((head & 2) != 0 ? 100U : 0U), 0};
    now_ns += (head & 4) != 0 ? 20'000'000 : 1;
    flow.see(facts, head & 1, now_ns);
    at += octets;
  }
  const weir::OwnedRecord record = flow.finish();
  if (const auto* const hello = record.view().find<QuicHelloSection>(); hello != nullptr) check(decoder, *hello);

  QuicHelloSection section{};
  section.packet_octets = static_cast<std::uint16_t>(std::min(size, QuicHelloSection::kMostOctets));
  section.offered_versions = data[0];
  std::copy_n(data, section.packet_octets, section.octets);
  check(decoder, section);

  weir::QuicCryptoStream stream;
  stream.add_frames({data, size});
  expect(stream.octets().size() <= std::min(size, weir::QuicCryptoStream::kMostOctets));
  return 0;
}
