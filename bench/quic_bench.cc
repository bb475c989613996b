// metric/quic_initial/PART and metric/quic_short/worker: what the metric `quic` costs for each event.
//
// metric/quic_initial: an event is a datagram of 1200 octets with a browser's ClientHello. `worker` is what comes on
// top of a packet's other work: the payload found in its frame, judged and copied, read, kept, the record's sections
// filled, the pool's lines given back. `control` derives the keys, opens the packet, reads the ClientHello and makes
// JA3 and JA4. metric/quic_short: a packet of an established connection, from its frame to the counters.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "control/quic_hello.h"
#include "dataplane/metric/quic.h"
#include "dataplane/packet/parser.h"
#include "dataplane/packet/payload.h"
#include "tests/support/packet_builder.h"
#include "tests/support/quic_initials.h"
#include "tests/support/tls_messages.h"

namespace weir::bench {
namespace {

using test::Bytes;
using test::packet;

/// A frame as the parser leaves it.
struct Arrived {
  Bytes frame;
  PacketView view{};
  ParsedPacket packet{};
  PacketFacts facts{};
  std::uint32_t header_offset = 0;
};

Arrived arrived(const std::string& payload) {
  const Bytes octets(payload.begin(), payload.end());
  Arrived made;
  made.frame = packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(40'000, 443).payload(octets).bytes();
  const auto size = static_cast<std::uint32_t>(made.frame.size());
  made.view = {made.frame.data(), size, size, 1, 1, LinkType::ethernet, 0};
  Parser parser;
  (void)parser.parse(made.view, made.packet, &made.facts);
  made.header_offset = parser.flow_header_offset();
  return made;
}

Arrived initial() {
  const std::string hello = test::client_hello(
      0x0303, {0x1a1a, 0x1301, 0x1302, 0x1303},
      test::tls_extension(0x1a1a) + test::tls_server_name("www.example.org") + test::tls_alpn({"h3"}) +
          test::tls_groups({0x1a1a, 29, 23, 24}) + test::tls_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805}) +
          test::tls_extension(51, std::string(43, 'k')) + test::tls_versions({0x1a1a, 0x0304}) +
          test::tls_extension(57, std::string(100, 't')));
  std::string frames = test::crypto_frame(0, hello);
  frames.resize(1154);  // PADDING
  return arrived(test::protected_initial(1, "original", "original", "client-1", frames));
}

/// What a receiver and a worker keep.
struct Rig {
  Quic::State state{};
  Quic::Slot slot{};
  LinePool pool{Quic::kPoolLines};
  PayloadBuffer buffer{2};
  MetricParameters parameters;
  OwnedRecord record;

  Rig() {
    record.add<TlsSection>();
    record.add<QuicSection>();
    record.add<QuicHelloSection>();
  }
  bool pass(Arrived& one) {
    buffer.reset();
    one.facts.payload = find_payload(one.view, one.packet, one.header_offset);
    const std::uint32_t wanted = Quic::recognised_octets(one.packet, one.facts, parameters);
    one.facts.payload.captured = std::min(one.facts.payload.captured, wanted);
    buffer.keep(one.facts.payload);
    (void)Quic::update(state, slot,
                       {one.packet, one.facts, static_cast<unsigned>(one.packet.from), false, 0, pool, parameters});
    return wanted != 0;
  }
  void end() {
    Quic::finish(state, slot, {record.base(), 0, pool});
    Quic::release(state, slot, pool);
    state = {};
    slot = {};
  }
};

void initial_worker(benchmark::State& state) {
  Arrived one = initial();
  Rig rig;
  for ([[maybe_unused]] const auto _ : state) {
    if (!rig.pass(one)) return state.SkipWithError("it was not wanted");
    rig.end();
    benchmark::DoNotOptimize(rig.record);
  }
}

void initial_control(benchmark::State& state) {
  Arrived one = initial();
  Rig rig;
  (void)rig.pass(one);
  rig.end();
  const QuicHelloSection sent = *rig.record.view().find<QuicHelloSection>();
  QuicHelloDecoder decoder;
  for ([[maybe_unused]] const auto _ : state) {
    QuicHelloSection section = sent;
    TlsSection tls{};
    decoder.decode(section, &tls);
    if (section.known == 0) return state.SkipWithError("the packet stayed closed");
    benchmark::DoNotOptimize(tls);
  }
}

void short_worker(benchmark::State& state) {
  Arrived first = initial();
  Arrived one = arrived(test::quic_short("server-1", false, 1200));
  Rig rig;
  (void)rig.pass(first);
  for ([[maybe_unused]] const auto _ : state) {
    if (!rig.pass(one)) return state.SkipWithError("it was not wanted");
    benchmark::DoNotOptimize(rig.state);
  }
  rig.end();
}

BENCHMARK(initial_worker)->Name("metric/quic_initial/worker");
BENCHMARK(initial_control)->Name("metric/quic_initial/control");
BENCHMARK(short_worker)->Name("metric/quic_short/worker");

}  // namespace
}  // namespace weir::bench
