// metric/NAME/PART: what a metric of payload costs for each event, worker and control side apart.
//
// metric/dns: an event is a query over UDP and its response. `worker` is what comes on top of a packet's other work:
// both payloads found in their frames and copied, both messages read, the record's section filled, the pool's line
// given back. `handover` is the same with both packets crossing a ring between workers. `control` decodes the question.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "control/dns_question.h"
#include "dataplane/handover.h"
#include "dataplane/metric/dns.h"
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

Arrived arrived(bool query, const std::string& message) {
  const Bytes octets(message.begin(), message.end());
  Arrived made;
  made.frame = query ? packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(40000, 53).payload(octets).bytes()
                     : packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(53, 40000).payload(octets).bytes();
  const auto size = static_cast<std::uint32_t>(made.frame.size());
  made.view = {made.frame.data(), size, size, 1, 1, LinkType::ethernet, 0};
  Parser parser;
  (void)parser.parse(made.view, made.packet, &made.facts);
  made.header_offset = parser.flow_header_offset();
  return made;
}

/// A query of an ordinary name with an OPT record, and a response with two answers.
std::vector<Arrived> query_and_response() {
  const std::string question = test::dns_question("www.example.org", 28);
  std::vector<Arrived> both;
  both.push_back(arrived(true, test::dns_message(7, test::kDnsQuery, question) + std::string(11, '\0')));
  both.push_back(arrived(false, test::dns_message(7, test::kDnsResponse, question, 2) + std::string(67, '\1')));
  return both;
}

/// What a worker keeps of the flow.
struct Flow {
  Dns::State state{};
  Dns::Slot slot{};
  LinePool pool{Dns::kPoolLines};
  MetricParameters parameters;
  OwnedRecord record;

  Flow() { record.add<DnsSection>(); }
  void see(const ParsedPacket& packet, const PacketFacts& facts) {
    (void)Dns::update(state, slot, {packet, facts, static_cast<unsigned>(packet.from), false, 0, pool, parameters});
  }
  void end() {
    section_of<DnsSection>(record.base()) = {};
    Dns::finish(state, slot, {record.base(), 0, pool});
    Dns::release(state, slot, pool);
    std::memset(static_cast<void*>(&slot), 0, sizeof slot);
  }
};

void find_and_copy(Arrived& one, PayloadBuffer& buffer, const MetricParameters& parameters) {
  const std::uint32_t wanted = Dns::wanted_payload(one.packet, parameters);
  one.facts.payload = find_payload(one.view, one.packet, one.header_offset);
  one.facts.payload.captured = std::min(one.facts.payload.captured, wanted);
  buffer.keep(one.facts.payload);
}

void dns_worker(benchmark::State& state) {
  std::vector<Arrived> both = query_and_response();
  PayloadBuffer buffer(2);
  Flow flow;
  for ([[maybe_unused]] const auto _ : state) {
    buffer.reset();
    for (Arrived& one : both) find_and_copy(one, buffer, flow.parameters);
    for (const Arrived& one : both) flow.see(one.packet, one.facts);
    flow.end();
    benchmark::DoNotOptimize(flow.record);
  }
}

void dns_handover(benchmark::State& state) {
  std::vector<Arrived> both = query_and_response();
  PayloadBuffer buffer(2), taken(2);
  HandoverRing ring(1024);
  Flow flow;
  for ([[maybe_unused]] const auto _ : state) {
    buffer.reset();
    taken.reset();
    for (Arrived& one : both) {
      find_and_copy(one, buffer, flow.parameters);
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
        [](const FragmentNote& /*note*/) {}, [](const IcmpError& /*error*/) {}, [](std::uint64_t /*at_ns*/) {});
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

BENCHMARK(dns_worker)->Name("metric/dns/worker");
BENCHMARK(dns_handover)->Name("metric/dns/handover");
BENCHMARK(dns_control)->Name("metric/dns/control");

}  // namespace
}  // namespace weir::bench
