// encode/…: records per second of each encoder; encode/packed_struct is a hand-written encoder of one fixed struct.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/encode/netflow9_encoder.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"
#include "proto/record/flow_record.h"

namespace weir::bench {
namespace {

constexpr std::uint64_t kNowNs = 1'700'000'000'000'000'000;

std::vector<FlowRecord> make_records() {
  std::mt19937_64 random(1);
  std::vector<FlowRecord> records(1024);
  for (FlowRecord& record : records) {
    record = FlowRecord{};
    store_be<std::uint32_t>(record.source_address, static_cast<std::uint32_t>(random()));
    store_be<std::uint32_t>(record.destination_address, static_cast<std::uint32_t>(random()));
    record.ports[kForward] = static_cast<std::uint16_t>(random());
    record.ports[kReverse] = 443;
    record.protocol = kProtocolTcp;
    record.ip_version = 4;
    record.ether_type = 0x0800;
    record.packets[kForward] = 1 + random() % 1000;
    record.octets[kForward] = record.packets[kForward] * 500;
    record.first_ns[kForward] = kNowNs - random() % 30'000'000'000;
    record.last_ns[kForward] = kNowNs - random() % 1'000'000'000;
    record.sampling_rate = 1;
    record.end_reason = EndReason::idle_timeout;
  }
  return records;
}

struct PackedFlow {
  std::uint8_t source[4], destination[4];
  Be16 source_port, destination_port;
  Be64 octets, packets;
  Be32 first_ms, last_ms;
  Be32 interface;
  std::uint8_t protocol, flags, tos, reason;
};
static_assert(sizeof(PackedFlow) == 44 && alignof(PackedFlow) == 1, "as it goes on the wire");

void packed_struct(benchmark::State& state) {
  const auto records = make_records();
  std::array<PackedFlow, 24> datagram;
  std::size_t at = 0;
  std::size_t filled = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const FlowRecord& r = records[at++ % records.size()];
    PackedFlow& out = datagram[filled];
    std::memcpy(out.source, r.source_address, 4);
    std::memcpy(out.destination, r.destination_address, 4);
    out.source_port = Be16::from_host(r.ports[0]);
    out.destination_port = Be16::from_host(r.ports[1]);
    out.octets = Be64::from_host(r.octets[0]);
    out.packets = Be64::from_host(r.packets[0]);
    out.first_ms = Be32::from_host(static_cast<std::uint32_t>(r.first_ns[0] / 1'000'000));
    out.last_ms = Be32::from_host(static_cast<std::uint32_t>(r.last_ns[0] / 1'000'000));
    out.interface = Be32::from_host(r.ingress_interface);
    out.protocol = r.protocol;
    out.flags = r.tcp_flags[0];
    out.tos = r.ip_tos[0];
    out.reason = static_cast<std::uint8_t>(r.end_reason);
    if (++filled == datagram.size()) {
      benchmark::DoNotOptimize(datagram.data());
      benchmark::ClobberMemory();
      filled = 0;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void netflow9(benchmark::State& state) {
  const auto records = make_records();
  Netflow9Options options;
  options.start_ns = kNowNs;
  Netflow9Encoder encoder(options);
  std::size_t at = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const FlowRecord& record = records[at++ % records.size()];
    if (!encoder.add(record, kNowNs)) {
      benchmark::DoNotOptimize(encoder.finish(kNowNs).data());
      benchmark::DoNotOptimize(encoder.add(record, kNowNs));
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void json(benchmark::State& state) {
  const auto records = make_records();
  std::array<char, kFlowJsonMaxOctets> line;
  std::size_t at = 0;
  for ([[maybe_unused]] const auto _ : state)
    benchmark::DoNotOptimize(write_flow_json(line.data(), records[at++ % records.size()]));
  state.SetItemsProcessed(state.iterations());
}

void protobuf(benchmark::State& state) {
  const auto records = make_records();
  std::array<std::uint8_t, kFlowProtobufMaxOctets> message;
  std::size_t at = 0;
  for ([[maybe_unused]] const auto _ : state)
    benchmark::DoNotOptimize(write_flow_protobuf(message.data(), records[at++ % records.size()]));
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(json)->Name("encode/json");
BENCHMARK(protobuf)->Name("encode/protobuf");
BENCHMARK(packed_struct)->Name("encode/packed_struct");
BENCHMARK(netflow9)->Name("encode/netflow9");

}  // namespace
}  // namespace weir::bench
