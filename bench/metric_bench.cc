// metric/NAME/PART: what a metric of payload costs for each event, worker and control side apart.
//
// metric/dns: an event is a query over UDP and its response. `worker` is what comes on top of a packet's other work:
// both payloads found in their frames and copied, both messages read, the record's section filled, the pool's line
// given back. `handover` is the same with both packets crossing a ring between workers. `control` decodes the question.
//
// metric/http: likewise, an event is a request of a browser (407 octets of header) and its response (248). `other` is
// what a segment that is no text costs, as of TLS: found and looked at.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bench/payload_frames.h"
#include "control/dns_question.h"
#include "control/http_header.h"
#include "dataplane/handover.h"
#include "dataplane/metric/dns.h"
#include "dataplane/metric/http.h"
#include "dataplane/metric/metric_set.h"
#include "dataplane/packet/parser.h"
#include "dataplane/packet/payload.h"
#include "tests/support/dns_message.h"
#include "tests/support/packet_builder.h"

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

Arrived arrived(Bytes frame) {
  Arrived made;
  made.frame = std::move(frame);
  const auto size = static_cast<std::uint32_t>(made.frame.size());
  made.view = {made.frame.data(), size, size, 1, 1, LinkType::ethernet, 0};
  Parser parser;
  (void)parser.parse(made.view, made.packet, &made.facts);
  made.header_offset = parser.flow_header_offset();
  return made;
}

Arrived datagram(bool query, const std::string& message) {
  const Bytes octets(message.begin(), message.end());
  return arrived(query ? packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(40000, 53).payload(octets).bytes()
                       : packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(53, 40000).payload(octets).bytes());
}
Arrived segment(bool request, const std::string& text) {
  const Bytes octets(text.begin(), text.end());
  return arrived(request ? packet().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(40000, 80).payload(octets).bytes()
                         : packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(80, 40000).payload(octets).bytes());
}

/// A query of an ordinary name with an OPT record, and a response with two answers.
std::vector<Arrived> query_and_response() {
  const std::string question = test::dns_question("www.example.org", 28);
  std::vector<Arrived> both;
  both.push_back(datagram(true, test::dns_message(7, test::kDnsQuery, question) + std::string(11, '\0')));
  both.push_back(datagram(false, test::dns_message(7, test::kDnsResponse, question, 2) + std::string(67, '\1')));
  return both;
}

/// As browsers and servers send them.
std::vector<Arrived> request_and_response() {
  std::vector<Arrived> both;
  both.push_back(segment(true, browser_request()));
  both.push_back(segment(false, server_response(std::string(900, '\x89'))));
  return both;
}

/// What a worker keeps of the flow.
template <typename Metric, typename Section>
struct Flow {
  typename Metric::State state{};
  typename Metric::Slot slot{};
  LinePool pool{Metric::kPoolLines};
  MetricParameters parameters;
  OwnedRecord record;

  Flow() { record.add<Section>(); }
  void see(const ParsedPacket& packet, const PacketFacts& facts) {
    if (facts.payload.octets == nullptr) return;
    (void)Metric::update(state, slot, {packet, facts, static_cast<unsigned>(packet.from), false, 0, pool, parameters});
  }
  void end() {
    section_of<Section>(record.base()) = {};
    Metric::finish(state, slot, {record.base(), 0, pool});
    Metric::release(state, slot, pool);
    std::memset(static_cast<void*>(&slot), 0, sizeof slot);
  }
};
using DnsFlow = Flow<Dns, DnsSection>;
using HttpFlow = Flow<Http, HttpSection>;

template <typename Metric>
void find_and_copy(Arrived& one, PayloadBuffer& buffer) {
  static const MetricSet<Metric> metrics(1);
  static std::vector<StreamWatch> watches = metrics.make_watches(KeyHash({1, 2, 3, 4, 5, 6}));
  one.facts.payload = {};
  if (metrics.wanted_payload(one.packet) == 0) return;
  one.facts.payload = find_payload(one.view, one.packet, one.header_offset);
  metrics.choose_payload(one.packet, one.facts, watches);
  buffer.keep(one.facts.payload);
}

template <typename Metric, typename OneFlow>
void worker(benchmark::State& state, std::vector<Arrived> both) {
  PayloadBuffer buffer(2);
  OneFlow flow;
  for ([[maybe_unused]] const auto _ : state) {
    buffer.reset();
    for (Arrived& one : both) find_and_copy<Metric>(one, buffer);
    for (const Arrived& one : both) flow.see(one.packet, one.facts);
    flow.end();
    benchmark::DoNotOptimize(flow.record);
  }
}

template <typename Metric, typename OneFlow>
void handover(benchmark::State& state, std::vector<Arrived> both) {
  PayloadBuffer buffer(2), taken(2);
  HandoverRing ring(1024);
  OneFlow flow;
  for ([[maybe_unused]] const auto _ : state) {
    buffer.reset();
    taken.reset();
    for (Arrived& one : both) {
      find_and_copy<Metric>(one, buffer);
      (void)ring.push(one.packet, &one.facts, 0);
    }
    ring.publish();
    (void)ring.consume(
        2,
        [&](std::uint8_t /*monitor*/, const SentPacket& sent, const SentFacts* facts_sent) {
          ParsedPacket packet;
          PacketFacts facts;
          sent.copy_to(packet);
          facts_sent->copy_to(facts);
          taken.keep(facts.payload);
          flow.see(packet, facts);
        },
        [](const FragmentNote& /*note*/) {}, [](std::uint8_t /*monitor*/, const IcmpError& /*error*/) {},
        [](std::uint64_t /*at_ns*/) {});
    flow.end();
    benchmark::DoNotOptimize(flow.record);
  }
}

void dns_control(benchmark::State& state) {
  const std::string question = test::dns_question("www.example.org", 28) + std::string(11, '\0');
  DnsSection sent{};
  sent.question_octets = static_cast<std::uint16_t>(question.size());
  std::memcpy(sent.name + 1, question.data(), question.size());
  for ([[maybe_unused]] const auto _ : state) {
    DnsSection section = sent;
    decode_dns_question(section);
    benchmark::DoNotOptimize(section);
  }
}

/// The section as a worker leaves it.
void http_control(benchmark::State& state) {
  std::vector<Arrived> both = request_and_response();
  PayloadBuffer buffer(2);
  HttpFlow flow;
  for (Arrived& one : both) {
    find_and_copy<Http>(one, buffer);
    flow.see(one.packet, one.facts);
  }
  flow.end();
  const HttpSection sent = section_of<HttpSection>(flow.record.base());
  for ([[maybe_unused]] const auto _ : state) {
    HttpSection section = sent;
    decode_http_header(section);
    benchmark::DoNotOptimize(section);
  }
}

void http_other(benchmark::State& state) {
  Arrived one = segment(true, "\x17\x03\x03" + std::string(1400, '\x5c'));
  PayloadBuffer buffer(1);
  for ([[maybe_unused]] const auto _ : state) {
    buffer.reset();
    find_and_copy<Http>(one, buffer);
    benchmark::DoNotOptimize(one.facts.payload);
  }
}

void dns_worker(benchmark::State& state) {
  worker<Dns, DnsFlow>(state, query_and_response());
}
void dns_handover(benchmark::State& state) {
  handover<Dns, DnsFlow>(state, query_and_response());
}
void http_worker(benchmark::State& state) {
  worker<Http, HttpFlow>(state, request_and_response());
}
void http_handover(benchmark::State& state) {
  handover<Http, HttpFlow>(state, request_and_response());
}

BENCHMARK(dns_worker)->Name("metric/dns/worker");
BENCHMARK(dns_handover)->Name("metric/dns/handover");
BENCHMARK(dns_control)->Name("metric/dns/control");
BENCHMARK(http_worker)->Name("metric/http/worker");
BENCHMARK(http_handover)->Name("metric/http/handover");
BENCHMARK(http_control)->Name("metric/http/control");
BENCHMARK(http_other)->Name("metric/http/other");

}  // namespace
}  // namespace weir::bench
