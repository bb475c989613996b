// Minutes of traffic with flows that come and go, while somebody asks for the ledger and for the largest senders every
// second and somebody else follows the records: the ledger balances each time, memory stays flat, records leave in
// time, and at the end what was sent is what was received, counted, exported and collected, and shown or named as
// skipped. WEIR_SOAK_SECONDS says for how long; 1200 without it. A part of `tools/test --long`.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
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
  return wanted == nullptr ? 1200 : static_cast<unsigned>(std::stoul(wanted));
}

/// Resident memory at a moment.
struct Sample {
  double second;
  std::uint64_t kib;
};

/// Least squares: by how many KiB memory rises per second.
double slope(const std::vector<Sample>& samples, std::size_t from) {
  const auto count = static_cast<double>(samples.size() - from);
  double mean_kib = 0;
  double mean_second = 0;
  for (std::size_t i = from; i < samples.size(); ++i) {
    mean_kib += static_cast<double>(samples[i].kib) / count;
    mean_second += samples[i].second / count;
  }
  double products = 0;
  double squares = 0;
  for (std::size_t i = from; i < samples.size(); ++i) {
    const double seconds_off = samples[i].second - mean_second;
    products += seconds_off * (static_cast<double>(samples[i].kib) - mean_kib);
    squares += seconds_off * seconds_off;
  }
  return squares == 0 ? 0 : products / squares;
}

/// The records that a tail of --follow named as skipped.
std::uint64_t skipped_by(const std::string& notices) {
  std::uint64_t skipped = 0;
  std::istringstream in(notices);
  for (std::string line; std::getline(in, line);) {
    std::string digits;
    for (const char c : line.substr(0, line.find(" records"))) {
      if (c >= '0' && c <= '9') digits += c;
    }
    if (!digits.empty()) skipped += std::stoull(digits);
  }
  return skipped;
}

TEST(Soak, EveryPacketIsInARecordAndMemoryStaysFlat) {
  const TemporaryFolder folder;
  const Wire wire = memif();
  Collect collect(folder.path("summary.json"));
  Probe probe(folder, wire, {"--idle-timeout", "5s", "--active-timeout", "30s", "--export", collect.uri()});
  const std::string duration = std::to_string(soak_seconds()) + "s";
  Process sender(generator(wire, {"--flows", "20000", "--new-flows", "3000", "--rate", "1000000", "--duration",
                                  duration, "--size", "imix", "--ipv6", "30", "--tcp", "60"}));

  // What it shows is counted and not kept: that would be gigabytes.
  Process reader(
      {"bash", "-c", "\"$0\" --socket \"$1\" -o csv tail -n 0 --follow | wc -l", kBin + "/weirctl", probe.socket()});

  std::vector<Sample> resident;
  const auto begin = Clock::now();
  const auto end = begin + seconds(soak_seconds());
  // A machine that is busy otherwise takes longer for the same packets.
  const std::uint64_t wanted = std::uint64_t{1'000'000} * soak_seconds();
  std::uint64_t received = 0;
  while (Clock::now() < end || (received < wanted && Clock::now() < begin + 3 * seconds(soak_seconds()))) {
    std::this_thread::sleep_for(seconds(1));
    const json ledger = probe.ask_json("ledger");
    ASSERT_FALSE(ledger.is_discarded());
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    received = packets_of(ledger.at("received"));
    const Finished top = probe.ask({"-o", "json", "top", "--by", "src_addr", "-n", "5"});
    EXPECT_EQ(top.exit_code, 0) << top.err;
    resident.push_back({std::chrono::duration<double>(Clock::now() - begin).count(), resident_kib(probe.pid())});
  }
  const Finished sent_text = sender.wait(seconds(120));
  ASSERT_EQ(sent_text.exit_code, 0) << sent_text.err;
  const json sent = json::parse(sent_text.out);
  const std::uint64_t packets = sent.at("packets");
  EXPECT_TRUE(eventually([&] { return probe.received() >= packets; })) << "sent and not received";
  probe.stop();
  const Finished read = reader.wait(seconds(60));
  const json collected = collect.finish();

  // The table and the queues are full size within the first tenth: after it memory moves by less than 16 MiB.
  const std::size_t settled = resident.size() / 10;
  ASSERT_GT(resident.size(), settled);
  const auto [least, most] =
      std::minmax_element(resident.begin() + static_cast<std::ptrdiff_t>(settled), resident.end(),
                          [](const Sample& a, const Sample& b) { return a.kib < b.kib; });
  const json& lateness = probe.ledger().at("exporters").at(0).at("lateness");
  std::printf(
      "resident memory: %lu to %lu KiB in %.0f s, %+.2f KiB/s; %lu packets, %.0f/s; latest record %lu ms late\n",
      least->kib, most->kib, resident.back().second, slope(resident, settled), packets, sent.at("pps").get<double>(),
      lateness.at("greatest_ms").get<std::uint64_t>());
  EXPECT_LT(most->kib - least->kib, 16U << 10);
  EXPECT_LT(lateness.at("greatest_ms"), 1000U) << "control/export/README.md, Lateness";
  const std::uint64_t records = probe.ledger().at("drained").at("records");
  const std::uint64_t shown = std::stoull(read.out) - 1;  // without the line of names
  std::printf("tail: %lu of %lu records shown, %lu skipped\n", shown, records, records - shown);
  EXPECT_EQ(shown + skipped_by(read.err), records);

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
