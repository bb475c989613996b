// metric/tls_client_hello/PART and metric/certificate/PART: what the metric `tls` costs for each event.
//
// metric/tls_client_hello: an event is a SYN and a browser's ClientHello. metric/certificate: a ServerHello and two
// segments with certificates. `worker` is what comes on top of a packet's other work: payloads found in their frames,
// judged and copied, read, the record's sections filled, the pool's lines given back. `control` decodes the sections.
// metric/tls/other: a segment of an established connection, which the receiver looks at and nobody wants.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/payload_frames.h"
#include "control/tls_certificate.h"
#include "control/tls_hello.h"
#include "dataplane/metric/metric_set.h"
#include "dataplane/metric/tls.h"
#include "dataplane/packet/parser.h"
#include "dataplane/packet/payload.h"
#include "tests/support/packet_builder.h"
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

Arrived arrived(bool client, std::uint32_t sequence, const std::string& payload, std::uint8_t flags = kTcpAck) {
  const Bytes octets(payload.begin(), payload.end());
  const auto from = [&](test::PacketBuilder& builder, std::uint16_t source, std::uint16_t destination) {
    return builder.tcp(source, destination).flags(flags).sequence(sequence).payload(octets).bytes();
  };
  test::PacketBuilder ahead = packet().eth().ipv4("10.0.0.2", "10.0.0.1");
  test::PacketBuilder back = packet().eth().ipv4("10.0.0.1", "10.0.0.2");
  Arrived made;
  made.frame = client ? from(ahead, 40'000, 443) : from(back, 443, 40'000);
  const auto size = static_cast<std::uint32_t>(made.frame.size());
  made.view = {made.frame.data(), size, size, 1, 1, LinkType::ethernet, 0};
  Parser parser;
  (void)parser.parse(made.view, made.packet, &made.facts);
  made.header_offset = parser.flow_header_offset();
  return made;
}

std::vector<Arrived> opening() {
  std::vector<Arrived> segments;
  segments.push_back(arrived(true, 99, "", kTcpSyn));
  segments.push_back(arrived(true, 100, browser_hello()));
  return segments;
}

/// A certificate with a key of RSA, as a server presents it.
std::string certificate() {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  X509* const made = X509_new();
  if (key == nullptr || made == nullptr) throw std::runtime_error("OpenSSL makes no certificate");
  const auto name = [](X509_NAME* to, const char* field, const char* text) {
    X509_NAME_add_entry_by_txt(to, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text), -1, -1, 0);
  };
  for (X509_NAME* const to : {X509_get_subject_name(made), X509_get_issuer_name(made)}) {
    name(to, "C", "US");
    name(to, "ST", "California");
    name(to, "O", "An Example, Incorporated");
    name(to, "CN", to == X509_get_subject_name(made) ? "www.example.org" : "Example Issuing CA 3");
  }
  ASN1_TIME_set(X509_getm_notBefore(made), 1'600'000'000);
  ASN1_TIME_set(X509_getm_notAfter(made), 1'700'000'000);
  X509_set_pubkey(made, key);
  X509_sign(made, key, EVP_sha256());
  std::string der(static_cast<std::size_t>(i2d_X509(made, nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(made, &at);
  X509_free(made);
  EVP_PKEY_free(key);
  return der;
}

std::vector<Arrived> answer() {
  const std::string stream =
      test::tls_record(test::server_hello(0x0303, 0xc02f, test::tls_alpn({"h2"}), std::string(32, 's')) +
                       test::certificate_message({certificate(), std::string(1200, 'i')}));
  std::vector<Arrived> segments;
  segments.push_back(arrived(false, 500, stream.substr(0, 1400)));
  segments.push_back(arrived(false, 1900, stream.substr(1400, 1400)));
  return segments;
}

/// What a receiver and a worker keep.
struct Rig {
  Tls::State state{};
  Tls::Slot slot{};
  LinePool pool{Tls::kPoolLines};
  MetricSet<Tls> metrics{1};
  std::vector<StreamWatch> watches = metrics.make_watches(KeyHash({1, 2, 3, 4, 5, 6}));
  PayloadBuffer buffer{2};
  OwnedRecord record;

  Rig() {
    record.add<TlsSection>();
    record.add<TlsCertificateSection>();
  }
  bool receive(Arrived& one) {
    one.facts.payload = find_payload(one.view, one.packet, one.header_offset);
    metrics.choose_payload(one.packet, one.facts, watches);
    buffer.keep(one.facts.payload);
    return one.facts.payload.wanted_by != 0;
  }
  void see(const Arrived& one) {
    if (one.facts.payload.wanted_by == 0) return;
    (void)Tls::update(
        state, slot,
        {one.packet, one.facts, static_cast<unsigned>(one.packet.from), false, 0, pool, metrics.parameters()});
  }
  void end() {
    Tls::finish(state, slot, {record.base(), 0, pool});
    Tls::release(state, slot, pool);
    std::memset(static_cast<void*>(&slot), 0, sizeof slot);
  }
  void pass(std::vector<Arrived>& segments) {
    buffer.reset();
    for (Arrived& one : segments) (void)receive(one);
    for (const Arrived& one : segments) see(one);
    end();
  }
};

void worker(benchmark::State& state, std::vector<Arrived> (*make)()) {
  std::vector<Arrived> segments = make();
  Rig rig;
  for ([[maybe_unused]] const auto _ : state) {
    rig.pass(segments);
    benchmark::DoNotOptimize(rig.record);
  }
}

void hello_control(benchmark::State& state) {
  std::vector<Arrived> segments = opening();
  Rig rig;
  rig.pass(segments);
  const TlsSection sent = *rig.record.view().find<TlsSection>();
  if (sent.kept == 0) return state.SkipWithError("no ClientHello was kept");
  for ([[maybe_unused]] const auto _ : state) {
    TlsSection section = sent;
    decode_tls_hellos(section);
    benchmark::DoNotOptimize(section);
  }
}

void certificate_control(benchmark::State& state) {
  std::vector<Arrived> segments = answer();
  Rig rig;
  rig.pass(segments);
  const TlsCertificateSection sent = *rig.record.view().find<TlsCertificateSection>();
  if (sent.certificate_octets == 0) return state.SkipWithError("no certificate was kept");
  for ([[maybe_unused]] const auto _ : state) {
    TlsCertificateSection section = sent;
    decode_tls_certificate(section);
    benchmark::DoNotOptimize(section);
  }
}

void other_segment(benchmark::State& state) {
  Arrived one = arrived(false, 70'000, std::string(1400, 'd'));
  Rig rig;
  for ([[maybe_unused]] const auto _ : state) {
    if (rig.receive(one)) return state.SkipWithError("it was wanted");
    benchmark::DoNotOptimize(one.facts);
  }
}

BENCHMARK_CAPTURE(worker, hello, &opening)->Name("metric/tls_client_hello/worker");
BENCHMARK(hello_control)->Name("metric/tls_client_hello/control");
BENCHMARK_CAPTURE(worker, certificate, &answer)->Name("metric/certificate/worker");
BENCHMARK(certificate_control)->Name("metric/certificate/control");
BENCHMARK(other_segment)->Name("metric/tls/other");

}  // namespace
}  // namespace weir::bench
