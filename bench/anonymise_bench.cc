// export/anonymise/…: addresses per second through Crypto-PAn, and whole records through an exporter's anonymiser, on
// one core. Addresses are random, in as many /16 networks as a backbone shows (ipv4) or in 256 /64 networks (ipv6);
// new_networks has a new /64 each time, which is the worst that traffic can bring.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "control/export/record_anonymiser.h"
#include "proto/base/byte_order.h"

namespace weir::bench {
namespace {

constexpr std::size_t kAddresses = 4096;
constexpr CryptoPanKey kKey{1, 2, 3, 4, 5, 6, 7, 8};

struct Address {
  std::uint8_t octets[16];
};

std::vector<Address> random_addresses(std::uint64_t networks) {
  std::mt19937_64 random(1);
  std::vector<Address> addresses(kAddresses);
  for (Address& one : addresses) {
    store_be<std::uint64_t>(one.octets, networks == 0 ? random() : 0x20010db800000000 + random() % networks);
    store_be<std::uint64_t>(one.octets + 8, random());
  }
  return addresses;
}

void addresses(benchmark::State& state, unsigned version, std::uint64_t networks) {
  auto pan = CryptoPan::make(kKey);
  if (!pan) {
    state.SkipWithError(pan.error().c_str());
    return;
  }
  const std::vector<Address> plain = random_addresses(networks);
  std::vector<Address> changed = plain;
  for ([[maybe_unused]] const auto _ : state) {
    changed = plain;
    for (Address& one : changed) version == 4 ? pan->anonymise4(one.octets) : pan->anonymise6(one.octets);
    benchmark::DoNotOptimize(changed.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kAddresses));
}

void records(benchmark::State& state) {
  auto pan = CryptoPan::make(kKey);
  if (!pan) {
    state.SkipWithError(pan.error().c_str());
    return;
  }
  RecordAnonymiser anonymiser(std::move(*pan));
  RecordBatch batch;
  for (const Address& address : random_addresses(0)) {
    FlowRecord record{};
    std::copy_n(address.octets, 4, record.source_address);
    std::copy_n(address.octets + 4, 4, record.destination_address);
    record.ip_version = 4;
    batch.append(record);
  }
  for ([[maybe_unused]] const auto _ : state) {
    benchmark::DoNotOptimize(anonymiser.anonymise(batch.span()).size());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kAddresses));
}

BENCHMARK_CAPTURE(addresses, ipv4, 4, 0)->Name("export/anonymise/ipv4");
BENCHMARK_CAPTURE(addresses, ipv6, 6, 256)->Name("export/anonymise/ipv6");
BENCHMARK_CAPTURE(addresses, new_networks, 6, 0)->Name("export/anonymise/ipv6_new_networks");
BENCHMARK(records)->Name("export/anonymise/records");

}  // namespace
}  // namespace weir::bench
