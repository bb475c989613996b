// Minutes of traffic with flows that come and go, while a person asks for the ledger every second: it balances each
// time, memory stays flat, and at the end what was sent is what was received, counted, exported and collected.
// WEIR_SOAK_SECONDS says for how long; 600 without it. A part of `tools/test --long`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

/// Resident memory of a process in KiB.
std::uint64_t resident_kib(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoull(line.substr(6));
  }
  return 0;
}

unsigned soak_seconds() {
  const char* const wanted = std::getenv("WEIR_SOAK_SECONDS");
  return wanted == nullptr ? 600 : static_cast<unsigned>(std::stoul(wanted));
}

TEST(Soak, EveryPacketIsInARecordAndMemoryStaysFlat) {
  const TemporaryFolder folder;
  const Wire wire = memif();
  Collect collect(folder.path("summary.json"));
  Probe probe(folder, wire, {"--idle-timeout", "5s", "--active-timeout", "30s", "--export", collect.uri()});
  const std::string duration = std::to_string(soak_seconds()) + "s";
  Process sender(generator(wire, {"--flows", "20000", "--new-flows", "3000", "--rate", "200000", "--duration", duration,
                                  "--size", "imix", "--ipv6", "30", "--tcp", "60"}));

  std::vector<std::uint64_t> resident;
  const auto end = Clock::now() + seconds(soak_seconds());
  while (Clock::now() < end) {
    std::this_thread::sleep_for(seconds(1));
    const json ledger = probe.ask_json("ledger");
    ASSERT_FALSE(ledger.is_discarded());
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    resident.push_back(resident_kib(probe.pid()));
  }
  const Finished sent_text = sender.wait(seconds(120));
  ASSERT_EQ(sent_text.exit_code, 0) << sent_text.err;
  const json sent = json::parse(sent_text.out);
  const std::uint64_t packets = sent.at("packets");
  EXPECT_TRUE(eventually([&] { return probe.received() >= packets; })) << "sent and not received";
  probe.stop();
  const json collected = collect.finish();

  // The table and the queues are full size within the first tenth: after it memory moves by less than 16 MiB.
  const std::size_t settled = resident.size() / 10;
  ASSERT_GT(resident.size(), settled);
  const auto [least, most] =
      std::minmax_element(resident.begin() + static_cast<std::ptrdiff_t>(settled), resident.end());
  std::printf("resident memory: %lu to %lu KiB in %zu s; %lu packets\n", *least, *most, resident.size(), packets);
  EXPECT_LT(*most - *least, 16U << 10);

  const json& ledger = probe.ledger();
  EXPECT_EQ(packets_of(ledger.at("received")), packets);
  EXPECT_EQ(packets_of(ledger.at("counted")), packets);
  EXPECT_EQ(octets_of(ledger.at("counted_ip")), sent.at("octets").get<std::uint64_t>());
  expect_no_loss(ledger.at("lost"));
  EXPECT_EQ(packets_of(ledger.at("exporters").at(0).at("exported")), packets);
  expect_no_loss(ledger.at("exporters").at(0).at("lost"));
  EXPECT_EQ(collected.at("packets"), packets);
  EXPECT_EQ(collected.at("octets"), sent.at("octets"));
  EXPECT_EQ(collected.at("sequence_gaps"), 0);
  EXPECT_EQ(collected.at("kernel_drops"), 0);
}

}  // namespace
}  // namespace weir::test
