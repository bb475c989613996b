// Minutes of traffic with flows that come and go, while somebody asks for the ledger and for the largest senders every
// second, somebody else follows the records, and a setting, the key, the size of the table or an exporter changes every
// ten seconds: the ledger balances each time, memory stays flat, records leave in time, and at the end what was sent is
// what was received, counted, exported and collected, and shown or named as skipped. WEIR_SOAK_SECONDS says for how
// long, 1200 without it, WEIR_SOAK_RATE at how many packets a second, a million without it, and WEIR_SOAK_LATENESS_MS
// how late a record may be, 1000 without it. A part of
// `tools/test --long`; tools/test runs two minutes of it at a rate that leaves room for other tests.
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

unsigned setting(const char* name, unsigned usual) {
  const char* const wanted = std::getenv(name);
  return wanted == nullptr ? usual : static_cast<unsigned>(std::stoul(wanted));
}
unsigned soak_seconds() {
  return setting("WEIR_SOAK_SECONDS", 1200);
}
unsigned soak_rate() {
  return setting("WEIR_SOAK_RATE", 1'000'000);
}

/// What shares its CPUs with others is as late as they let it.
unsigned most_lateness_ms() {
  return setting("WEIR_SOAK_LATENESS_MS", 1000);
}

/// What changes while it runs: none of it keeps a packet out.
class Changes {
 public:
  Changes(Probe& probe, const TemporaryFolder& folder) : probe_(probe), file_(folder.path("soak.conf")) {}
  static void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }
  void next() {
    switch (made_++ % 8) {
      case 0:
        return apply("idle_timeout: \"3s\" active_timeout: \"30s\"");
      case 1:
        return expect_done({"exporters", "add", "json:/dev/null?name=extra"});
      case 2:  // an apply would remove it, too, as the file does not name it
        return expect_done({"exporters", "remove", "extra"});
      case 3:
        return apply("idle_timeout: \"3s\" active_timeout: \"20s\" filter: \"ip or ip6\"");
      case 4:
        return apply("idle_timeout: \"5s\" active_timeout: \"20s\" tcp_linger: \"1s\"");
      case 5:
        return apply("idle_timeout: \"5s\" active_timeout: \"20s\" key: \"src_addr,dst_addr\"");
      case 6:
        return apply("idle_timeout: \"5s\" active_timeout: \"20s\" max_flows: 150000");
      default:
        return apply(kSoakStart);
    }
  }
  [[nodiscard]] unsigned made() const { return made_; }

  static constexpr const char* kSoakStart = "idle_timeout: \"5s\" active_timeout: \"30s\"";

 private:
  void apply(const std::string& text) {
    write(file_, text);
    expect_done({"config", "apply", file_});
  }
  void expect_done(const Arguments& what) {
    const Finished done = probe_.ask(what);
    EXPECT_EQ(done.exit_code, 0) << what.back() << ": " << done.err << done.out;
  }

  Probe& probe_;
  const std::string file_;
  unsigned made_ = 0;
};

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
  Changes::write(folder.path("soak.conf"), Changes::kSoakStart);
  Probe probe(folder, wire, {"--config", folder.path("soak.conf"), "--export", collect.uri()});
  Changes changes(probe, folder);
  const std::string duration = std::to_string(soak_seconds()) + "s";
  Process sender(generator(wire, {"--flows", "20000", "--new-flows", "3000", "--rate", std::to_string(soak_rate()),
                                  "--duration", duration, "--size", "imix", "--ipv6", "30", "--tcp", "60"}));

  // What it shows is counted and not kept: that would be gigabytes.
  Process reader(
      {"bash", "-c", "\"$0\" --socket \"$1\" -o csv tail -n 0 --follow | wc -l", kBin + "/weirctl", probe.socket()});

  std::vector<Sample> resident;
  const auto begin = Clock::now();
  const auto end = begin + seconds(soak_seconds());
  // A short run makes each change once, too.
  const auto between = std::min<milliseconds>(seconds(10), milliseconds(1000 * soak_seconds() / 9));
  // A machine that is busy otherwise takes longer for the same packets.
  const std::uint64_t wanted = std::uint64_t{soak_rate()} * soak_seconds();
  std::uint64_t received = 0;
  while (Clock::now() < end || (received < wanted && Clock::now() < begin + 3 * seconds(soak_seconds()))) {
    std::this_thread::sleep_for(seconds(1));
    const json ledger = probe.ask_json("ledger");
    ASSERT_FALSE(ledger.is_discarded());
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    received = packets_of(ledger.at("received"));
    const Finished top = probe.ask({"-o", "json", "top", "--by", "src_addr", "-n", "5"});
    EXPECT_EQ(top.exit_code, 0) << top.err;
    if (Clock::now() - begin >= between * (changes.made() + 1)) changes.next();
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
  EXPECT_LT(lateness.at("greatest_ms"), most_lateness_ms()) << "control/export/README.md, Lateness";
  const std::uint64_t records = probe.ledger().at("drained").at("records");
  const std::uint64_t shown = std::stoull(read.out) - 1;  // without the line of names
  std::printf("%u changes; %lu exporters were there\n", changes.made(), probe.ledger().at("exporters").size());
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
