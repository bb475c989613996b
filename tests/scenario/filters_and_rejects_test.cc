// --filter, --frame-filter, --save-rejects and --explain rejected as a user of `weir read` sees them, compared with
// what tshark says of the same capture.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/exporters.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

const std::string kWeir = WEIR_BIN "/weir";
constexpr std::uint64_t kStart = 1'700'000'000'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

PacketBuilder& https(PacketBuilder& outer, const std::string& client) {
  return outer.ipv4(client, "10.1.0.2").tcp(40000, 443).flags(kAck).payload(30);
}

/// Ten packets each of TCP port 443 in VLAN, QinQ, MPLS, GRE, VXLAN and GTP-U, of UDP port 53 with and without a tag,
/// and of ARP, and one datagram in two fragments.
std::vector<CapturedFrame> mixed_frames() {
  std::vector<CapturedFrame> frames;
  const auto add = [&](const PacketBuilder& built) { frames.push_back({kStart + frames.size() * kMs, built.bytes()}); };
  for (unsigned round = 0; round < 10; ++round) {
    PacketBuilder vlan = packet().eth().vlan(5);
    add(https(vlan, "10.1.0.11"));
    PacketBuilder qinq = packet().eth().qinq(100).vlan(5);
    add(https(qinq, "10.1.0.12"));
    PacketBuilder mpls = packet().eth().mpls(16).mpls(17);
    add(https(mpls, "10.1.0.13"));
    PacketBuilder gre = packet().eth().ipv4("192.0.2.1", "192.0.2.2").gre(7);
    add(https(gre, "10.1.0.14"));
    PacketBuilder vxlan = packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(5000, 4789).vxlan(11).eth();
    add(https(vxlan, "10.1.0.15"));
    PacketBuilder gtp = packet().eth().vlan(6).ipv4("192.0.2.1", "192.0.2.2").udp(2152, 2152).gtp_u(99);
    add(https(gtp, "10.1.0.16"));
    add(packet().eth().ipv4("10.1.0.17", "10.1.0.2").udp(1234, 53).payload(40));
    add(packet().eth().vlan(5).ipv4("10.1.0.18", "10.1.0.2").udp(1234, 53).payload(40));
    add(packet().eth().ether_type(0x0806).payload(46));
  }
  add(packet().eth().vlan(5).ipv4("10.1.0.19", "10.1.0.2").fragment(0, true, 77).udp(1234, 53).payload(24));
  add(packet().eth().vlan(5).ipv4("10.1.0.19", "10.1.0.2").protocol(17).fragment(32, false, 77).payload(24));
  return frames;
}
constexpr unsigned kFrames = 92;

struct Read {
  Lines flows;  ///< source address and packets of each record, sorted
  json ledger;
  std::string said;
};

/// Reads at 1, 2 and 4 workers, which must give the same.
Read read(const std::string& capture, const std::vector<std::string>& options) {
  const TemporaryFolder folder;
  Read first;
  std::string text;
  for (const char* workers : {"1", "2", "4"}) {
    std::vector<std::string> command{kWeir,   "read",     "--max-flows", "4096",     "--workers",
                                     workers, "--export", "json:-",      "--ledger", folder.path("ledger")};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(capture);
    const Finished done = run(command);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    expect_balanced(done);
    if (text.empty()) {
      text = done.out;
      first = {{}, json::parse(contents(folder.path("ledger"))), done.err};
      EXPECT_EQ(first.ledger.at("balanced"), true);
      for (const json& record : json_lines(done.out)) {
        first.flows.push_back(record.at("src_addr").get<std::string>() + " " + record.at("packets").dump());
      }
      std::sort(first.flows.begin(), first.flows.end());
    }
    EXPECT_EQ(done.out, text) << workers << " workers";
  }
  return first;
}

std::uint64_t packets_of(const json& count) {
  return count.at("packets").get<std::uint64_t>();
}

/// How many packets of the capture tshark's display filter matches.
std::uint64_t shown_by_tshark(const std::string& capture, const std::string& filter) {
  const Finished done = run({"tshark", "-r", capture, "-Y", filter, "-T", "fields", "-e", "frame.number"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  return static_cast<std::uint64_t>(std::count(done.out.begin(), done.out.end(), '\n'));
}

class FiltersAndRejects : public testing::Test {
 protected:
  FiltersAndRejects() { write_capture(capture_, mixed_frames()); }
  TemporaryFolder folder_;
  std::string capture_ = folder_.path("mixed.pcap");
};

TEST_F(FiltersAndRejects, AFilterCountsTheFlowsThatItNamesWhateverTagsAndTunnelsAreAroundThem) {
  const Read https = read(capture_, {"--filter", "tcp port 443"});
  EXPECT_EQ(https.flows,
            (Lines{"10.1.0.11 10", "10.1.0.12 10", "10.1.0.13 10", "10.1.0.14 10", "10.1.0.15 10", "10.1.0.16 10"}));
  EXPECT_EQ(packets_of(https.ledger.at("received")), kFrames);
  EXPECT_EQ(packets_of(https.ledger.at("counted")), 60U);
  EXPECT_EQ(packets_of(https.ledger.at("filtered_out")), 22U);
  EXPECT_EQ(packets_of(https.ledger.at("frame_filtered_out")), 0U);
  EXPECT_NE(https.said.find("92 packets: 60 counted in 6 flow records, 22 filtered out (--filter), 10 rejected (10 "
                            "ether_type_arp); the ledger balances"),
            std::string::npos)
      << https.said;
  if (installed("tshark")) {
    EXPECT_EQ(shown_by_tshark(capture_, "tcp.port == 443"), 60U);
  }

  const Read dns = read(capture_, {"--filter", "udp port 53"});
  EXPECT_EQ(dns.flows, (Lines{"10.1.0.17 10", "10.1.0.18 10", "10.1.0.19 2"}))
      << "a later fragment goes with its first";
  const Read one = read(capture_, {"--filter", "host 10.1.0.15 or host 192.0.2.1", "--key", "5tuple,tunnel_id"});
  EXPECT_EQ(one.flows, (Lines{"10.1.0.15 10"}));
  const Read outer = read(capture_, {"--filter", "host 192.0.2.1", "--layer", "outer"});
  EXPECT_EQ(outer.flows, (Lines{"192.0.2.1 10", "192.0.2.1 10", "192.0.2.1 10"}));
}

TEST_F(FiltersAndRejects, AFrameFilterSeesTheFrameAsItCame) {
  const Read tagged = read(capture_, {"--frame-filter", "vlan 5"});
  EXPECT_EQ(tagged.flows, (Lines{"10.1.0.11 10", "10.1.0.18 10", "10.1.0.19 2"}));
  EXPECT_EQ(packets_of(tagged.ledger.at("frame_filtered_out")), kFrames - 22);
  EXPECT_EQ(packets_of(tagged.ledger.at("filtered_out")), 0U);
  EXPECT_NE(tagged.said.find("92 packets: 22 counted in 3 flow records, 70 filtered out (--frame-filter), 0 rejected"),
            std::string::npos)
      << tagged.said;
  // Both: the frame filter first.
  const Read both = read(capture_, {"--frame-filter", "vlan", "--filter", "tcp"});
  EXPECT_EQ(packets_of(both.ledger.at("counted")) + packets_of(both.ledger.at("filtered_out")) +
                packets_of(both.ledger.at("frame_filtered_out")),
            kFrames);
  EXPECT_EQ(packets_of(both.ledger.at("filtered_out")), 12U);
  // What --frame-filter sees of a tunnel is the outside.
  const Read outside = read(capture_, {"--frame-filter", "udp port 4789"});
  EXPECT_EQ(outside.flows, (Lines{"10.1.0.15 10"}));
  if (installed("tcpdump")) {
    const Finished tcpdump = run({"tcpdump", "-n", "-r", capture_, "vlan 5"});
    EXPECT_EQ(std::count(tcpdump.out.begin(), tcpdump.out.end(), '\n'), 22);
  }
}

TEST_F(FiltersAndRejects, AFilterThatAsksForTheLinkLayerIsRefusedWithTheOptionThatSeesIt) {
  const Finished refused = run({kWeir, "read", "--filter", "vlan 5 and tcp", capture_});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--filter 'vlan 5 and tcp': "), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("--frame-filter"), std::string::npos) << refused.err;
}

TEST_F(FiltersAndRejects, ExplainSaysWhichFilterKeepsAPacketOut) {
  const auto explained = [&](const std::vector<std::string>& options, const char* packet) {
    std::vector<std::string> command{kWeir, "read", "--explain", packet};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(capture_);
    return run(command).out;
  };
  EXPECT_NE(explained({"--filter", "tcp port 443"}, "5").find("opened by packet 5"), std::string::npos);
  EXPECT_NE(explained({"--filter", "udp"}, "5").find("filtered out: --filter does not match"), std::string::npos);
  EXPECT_NE(explained({"--frame-filter", "tcp"}, "5").find("filtered out: --frame-filter 'tcp' does not match"),
            std::string::npos);
  const std::string later = explained({"--filter", "udp port 53"}, "92");
  EXPECT_NE(later.find("ports and protocol are those of its first"), std::string::npos) << later;
  EXPECT_EQ(later.find("filtered out"), std::string::npos) << later;
  const Finished beyond = run({kWeir, "read", "--explain", "93", capture_});
  EXPECT_EQ(beyond.exit_code, 1);
  EXPECT_NE(beyond.err.find("--explain 93: " + capture_ + " has only 92 packets"), std::string::npos) << beyond.err;
}

TEST_F(FiltersAndRejects, ExplainRejectedNamesThePacketsOfEachReject) {
  const Finished done = run({kWeir, "read", "--explain", "rejected", capture_});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out,
            "10 of 92 packets rejected; --explain N shows one, layer by layer\n"
            "  ether_type_arp: 10 packets\n"
            "    ARP or RARP\n"
            "    9 18 27 36 45 54 63 72 81 90\n");
}

TEST_F(FiltersAndRejects, SavesTheRejectedFramesWithTheirReasonsForTshark) {
  std::vector<CapturedFrame> frames = mixed_frames();
  frames.push_back({kStart + 10'000 * kMs, packet().eth().vlan(5).ether_type(0x88cc).payload(46).bytes()});
  frames.push_back({kStart + 10'001 * kMs, packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).cut(14 + 7).bytes()});
  write_capture(capture_, frames);
  const std::string file = folder_.path("rejects.pcapng");
  const Read all = read(capture_, {"--save-rejects", file});
  EXPECT_EQ(all.ledger.at("saved_rejects").at("file"), file);
  EXPECT_EQ(packets_of(all.ledger.at("saved_rejects").at("saved")), 12U);
  EXPECT_NE(all.said.find(
                "12 rejected (10 ether_type_arp, 1 ether_type_other, 1 ipv4_truncated), 12 of them saved in " + file),
            std::string::npos)
      << all.said;
  const Finished again = run({kWeir, "read", "--ledger", folder_.path("again"), file});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(json::parse(contents(folder_.path("again"))).at("rejects"), all.ledger.at("rejects"));
  if (!installed("tshark")) return;
  const Finished shown = run({"tshark", "-r", file, "-T", "fields", "-e", "frame.comment"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  std::string expected;
  for (unsigned i = 0; i < 10; ++i) expected += "ether_type_arp: ARP or RARP\n";
  EXPECT_TRUE(shown.out.starts_with(expected)) << shown.out;
  EXPECT_TRUE(shown.out.ends_with("ipv4_truncated: the frame ends inside the IPv4 header (options included)\n"))
      << shown.out;
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 12);
}

TEST_F(FiltersAndRejects, SaysWhatTheFileOfRejectsHadNoRoomFor) {
  std::vector<CapturedFrame> frames;
  for (unsigned i = 0; i < 100; ++i)
    frames.push_back({kStart + i * kMs, packet().eth().ether_type(0x0806).payload(1000).bytes()});
  write_capture(capture_, frames);
  const Read some = read(capture_, {"--save-rejects", folder_.path("rejects.pcapng") + "?max=8k"});
  const json& saved = some.ledger.at("saved_rejects");
  EXPECT_EQ(packets_of(saved.at("saved")), 7U);
  EXPECT_EQ(packets_of(saved.at("unsaved").at("rejects_file_full")), 93U);
  EXPECT_NE(some.said.find(", 93 not (rejects_file_full)"), std::string::npos) << some.said;
}

TEST_F(FiltersAndRejects, TheFileOfRejectsTakesThePlaceOfNoOtherFile) {
  const std::string before = contents(capture_);
  const Finished input = run({kWeir, "read", "--save-rejects", capture_, capture_});
  EXPECT_EQ(input.exit_code, 1);
  EXPECT_NE(input.err.find("--save-rejects " + capture_ + ": that is the input"), std::string::npos) << input.err;
  EXPECT_EQ(contents(capture_), before);
  const std::string out = folder_.path("out");
  const Finished twice = run({kWeir, "read", "--save-rejects", out, "--export", "json:" + out, capture_});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_NE(twice.err.find("is written by json:" + out + ", too; expected a file of its own"), std::string::npos)
      << twice.err;
  const Finished wrong = run({kWeir, "read", "--save-rejects", out + "?max=5", capture_});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("expected at least 4096 octets"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace weir::test
