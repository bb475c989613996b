// `weir read --metrics wireguard` against tshark: on a capture with handshakes, and on every capture of the collection
// in which tshark sees any; and the same records at any number of workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/exporters.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace weir::test {
namespace {

using Json = nlohmann::json;

const std::string kWeir = WEIR_BIN "/weir";

Bytes message(std::uint8_t type, std::size_t octets, std::uint32_t first, std::uint32_t second = 0) {
  Bytes made(octets, 0x5a);
  made[0] = type;
  made[1] = made[2] = made[3] = 0;
  for (unsigned i = 0; i < 4; ++i) {
    made[4 + i] = static_cast<std::uint8_t>(first >> 8 * i);
    if (second != 0) made[8 + i] = static_cast<std::uint8_t>(second >> 8 * i);
  }
  return made;
}

/// Peers on many ports: a handshake, data both ways, a cookie reply in some, new keys in others.
std::vector<CapturedFrame> tunnels() {
  std::vector<CapturedFrame> frames;
  std::uint64_t now = 1'700'000'000'000'000'000;
  for (std::uint16_t i = 0; i < 20; ++i) {
    const std::uint16_t port = static_cast<std::uint16_t>(40000 + i), other = i % 2 == 0 ? 51820 : 23456;
    const auto add = [&](bool initiator, const Bytes& payload) {
      auto made = packet().eth();
      Bytes octets = initiator ? made.ipv4("10.0.0.2", "10.0.0.1").udp(port, other).payload(payload).bytes()
                               : made.ipv4("10.0.0.1", "10.0.0.2").udp(other, port).payload(payload).bytes();
      frames.push_back({now += 1'000'000, std::move(octets)});
    };
    const std::uint32_t ours = 0x8000'0001U + i * 77U, theirs = 0x1234'0001U + i;
    if (i % 3 == 0) add(true, message(1, 148, ours - 1));  // lost on its way
    if (i % 5 == 0) add(false, message(3, 64, ours - 1));
    add(true, message(1, 148, ours));
    add(false, message(2, 92, theirs, ours));
    for (unsigned n = 0; n < 3U + i; ++n) add(n % 2 == 0, message(4, 32 + 16 * n, n % 2 == 0 ? theirs : ours));
    if (i % 4 == 0) {
      add(false, message(1, 148, theirs + 1000));
      add(true, message(2, 92, ours + 1000, theirs + 1000));
    }
  }
  return frames;
}

std::vector<Json> records_of(const std::string& capture, unsigned workers) {
  const Finished read = run(
      {kWeir, "read", "--metrics", "wireguard", "--workers", std::to_string(workers), "--export", "json:-", capture});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  expect_balanced(read);
  return json_lines(read.out);
}

/// By the initiator's port: messages by type, from 1, and the handshake's indexes.
struct Facts {
  std::array<std::uint64_t, 4> counts{};
  std::uint64_t sender = 0, receiver = 0;
  bool operator==(const Facts&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Facts& facts) {
  for (const std::uint64_t count : facts.counts) out << count << ' ';
  return out << facts.sender << ' ' << facts.receiver;
}

unsigned initiators_port(unsigned source, unsigned destination) {
  return source >= 40000 && source < 41000 ? source : destination;
}

std::map<unsigned, Facts> facts_by_tshark(const std::string& capture) {
  const Finished tshark =
      run({"tshark", "-n",          "-r", capture,       "-Y", "wg",      "-T", "fields",    "-E", "separator=;",
           "-e",     "udp.srcport", "-e", "udp.dstport", "-e", "wg.type", "-e", "wg.sender", "-e", "wg.receiver"},
          std::chrono::seconds(120));
  EXPECT_EQ(tshark.exit_code, 0) << tshark.err;
  std::map<unsigned, Facts> all;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream values(line);
    std::array<std::uint64_t, 5> value{};
    for (std::uint64_t& one : value) {
      std::string text;
      std::getline(values, text, ';');
      one = text.empty() ? 0 : std::stoull(text, nullptr, 0);
    }
    Facts& facts = all[initiators_port(static_cast<unsigned>(value[0]), static_cast<unsigned>(value[1]))];
    if (value[2] < 1 || value[2] > 4) continue;
    ++facts.counts[value[2] - 1];
    if (value[2] == 2 && facts.receiver == 0) {
      facts.receiver = value[3];
      facts.sender = value[4];
    }
  }
  return all;
}

TEST(WireguardTruth, IsWhatTsharkSaysOfEachTunnel) {
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  const TemporaryFolder folder;
  const std::string capture = folder.path("tunnels.pcap");
  write_capture(capture, tunnels());
  const std::map<unsigned, Facts> expected = facts_by_tshark(capture);
  EXPECT_EQ(expected.size(), 20U);
  const std::vector<Json> records = records_of(capture, 1);
  std::map<unsigned, Facts> got;
  for (const Json& record : records) {
    // A cookie reply may come first.
    Facts& facts = got[initiators_port(record.at("src_port"), record.at("dst_port"))];
    facts.counts = {record.at("wireguard_initiations"), record.at("wireguard_responses"),
                    record.at("wireguard_cookies"), record.at("wireguard_data")};
    facts.sender = record.at("wireguard_sender");
    facts.receiver = record.at("wireguard_receiver");
  }
  EXPECT_EQ(got, expected);
  for (const unsigned workers : {2U, 4U}) {
    std::vector<std::string> one, several;
    for (const Json& record : records) one.push_back(record.dump());
    for (const Json& record : records_of(capture, workers)) several.push_back(record.dump());
    std::sort(one.begin(), one.end());
    std::sort(several.begin(), several.end());
    EXPECT_EQ(one, several) << workers << " workers";
  }
}

TEST(WireguardTruth, IsNotSeenInACallOfZoom) {
  // Its RTP begins like data of WireGuard; tshark takes it for that.
  const std::string capture = std::string(WEIR_CAPTURES) + "/basic/ndpi_zoom.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures";
  for (const Json& record : records_of(capture, 1)) EXPECT_FALSE(record.contains("wireguard_data")) << record;
}

}  // namespace
}  // namespace weir::test
