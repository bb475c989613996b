#include "bench/gen/generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <tuple>
#include <vector>

#include "bench/gen/gen_report.h"
#include "proto/base/byte_order.h"

namespace weir::bench::generator_test {
namespace {

using Tuple = std::tuple<std::string, std::string, unsigned, unsigned, unsigned>;

struct Packet {
  std::vector<std::uint8_t> octets;
  Frame frame;
};

struct Traffic {
  std::vector<Packet> packets;
  std::vector<BiflowCount> biflows;
  Totals totals;
};

Traffic generate(const GeneratorOptions& options, std::uint64_t replace_every = 0) {
  Traffic result;
  EXPECT_TRUE(check_options(options).has_value());
  Generator generator(options, [&result](const BiflowCount& biflow) { result.biflows.push_back(biflow); });
  std::vector<std::uint8_t> buffer(kMaxFrame);
  for (Frame frame; generator.next(buffer.data(), frame) == Next::frame;) {
    result.packets.push_back({{buffer.begin(), buffer.begin() + frame.octets}, frame});
    generator.commit(frame, true);
    generator.commit_batch();
    if (replace_every != 0 && result.packets.size() % replace_every == 0) generator.replace(1);
  }
  generator.finish();
  result.totals = generator.totals();
  return result;
}

// The one's complement sum of RFC 1071, octet pair by octet pair; 0xffff over data with a right checksum in it.
std::uint32_t ones_sum(const std::uint8_t* octets, std::size_t size, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < size; ++i) sum += i % 2 == 0 ? unsigned{octets[i]} << 8 : octets[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

struct View {
  bool ipv6 = false;
  std::string source, destination;
  unsigned source_port = 0, destination_port = 0, protocol = 0, ip_octets = 0, flags = 0, payload = 0;
  std::uint32_t sequence = 0, acknowledged = 0;
  bool checksums_right = false;
};

View parse(const std::vector<std::uint8_t>& p) {
  View v;
  v.ipv6 = p[12] == 0x86;
  const std::uint8_t* ip = p.data() + 14;
  const std::size_t header = v.ipv6 ? 40 : 20;
  const std::size_t address = v.ipv6 ? 16 : 4;
  const std::uint8_t* addresses = ip + (v.ipv6 ? 8 : 12);
  v.ip_octets = v.ipv6 ? 40U + load_be<std::uint16_t>(ip + 4) : load_be<std::uint16_t>(ip + 2);
  v.protocol = v.ipv6 ? ip[6] : ip[9];
  v.source.assign(addresses, addresses + address);
  v.destination.assign(addresses + address, addresses + 2 * address);
  const std::uint8_t* transport = ip + header;
  v.source_port = load_be<std::uint16_t>(transport);
  v.destination_port = load_be<std::uint16_t>(transport + 2);
  const std::size_t size = v.ip_octets - header;
  if (v.protocol == 6) {
    v.sequence = load_be<std::uint32_t>(transport + 4);
    v.acknowledged = load_be<std::uint32_t>(transport + 8);
    v.flags = transport[13];
    v.payload = static_cast<unsigned>(size - 20);
  } else {
    EXPECT_EQ(load_be<std::uint16_t>(transport + 4), size) << "UDP length";
  }
  const std::uint32_t pseudo = ones_sum(addresses, 2 * address, static_cast<std::uint32_t>(size) + v.protocol);
  v.checksums_right = ones_sum(transport, size, pseudo) == 0xffff && (v.ipv6 || ones_sum(ip, 20) == 0xffff);
  return v;
}

Tuple tuple_of(const View& v) {
  return {v.source, v.destination, v.source_port, v.destination_port, v.protocol};
}
Tuple reverse_of(const View& v) {
  return {v.destination, v.source, v.destination_port, v.source_port, v.protocol};
}

GeneratorOptions mixed() {
  GeneratorOptions options;
  options.flows = 100;
  options.packets = 20'000;
  options.size = 0;
  options.ipv6_percent = 30;
  options.tcp_percent = 60;
  return options;
}

TEST(Generator, MakesTheSameFramesForTheSameSeedAndOthersForAnother) {
  const Traffic a = generate(mixed(), 50);
  const Traffic b = generate(mixed(), 50);
  ASSERT_EQ(a.packets.size(), b.packets.size());
  for (std::size_t i = 0; i < a.packets.size(); ++i) ASSERT_EQ(a.packets[i].octets, b.packets[i].octets) << i;
  GeneratorOptions other = mixed();
  other.seed = 2;
  const Traffic c = generate(other, 50);
  ASSERT_EQ(a.packets.size(), c.packets.size());
  std::size_t same = 0;
  for (std::size_t i = 0; i < a.packets.size(); ++i) same += a.packets[i].octets == c.packets[i].octets ? 1 : 0;
  EXPECT_LT(same, 10U);
}

TEST(Generator, MakesExactlyTheNumberOfPacketsAskedFor) {
  for (const std::uint64_t packets : {1U, 3U, 6U, 7U, 599U, 600U, 601U, 5000U}) {
    GeneratorOptions options = mixed();
    options.packets = packets;
    EXPECT_EQ(generate(options).packets.size(), packets);
    options.tcp_percent = 100;
    EXPECT_EQ(generate(options, 10).packets.size(), packets);
  }
}

TEST(Generator, CountsWhatIsInTheFrames) {
  const Traffic result = generate(mixed(), 50);
  std::map<Tuple, std::pair<std::uint64_t, std::uint64_t>> seen;
  std::uint64_t octets = 0;
  std::uint64_t frame_octets = 0;
  for (const Packet& packet : result.packets) {
    const View v = parse(packet.octets);
    auto& entry = seen[tuple_of(v)];
    ++entry.first;
    entry.second += v.ip_octets;
    octets += v.ip_octets;
    frame_octets += packet.octets.size();
  }
  EXPECT_EQ(result.totals.packets, result.packets.size());
  EXPECT_EQ(result.totals.octets, octets);
  EXPECT_EQ(result.totals.frame_octets, frame_octets);
  EXPECT_EQ(result.totals.flows, seen.size());
  EXPECT_EQ(result.totals.biflows, result.biflows.size());
  EXPECT_GT(result.biflows.size(), 100U) << "replaced biflows are reported too";
  // The manifest, direction by direction, is what was seen, and nothing else was.
  std::size_t directions = 0;
  for (const BiflowCount& biflow : result.biflows) {
    const std::size_t size = biflow.ip_version == 6 ? 16 : 4;
    const std::string source(biflow.source_address.begin(), biflow.source_address.begin() + size);
    const std::string destination(biflow.destination_address.begin(), biflow.destination_address.begin() + size);
    const Tuple forward{source, destination, biflow.source_port, biflow.destination_port, biflow.protocol};
    const Tuple reverse{destination, source, biflow.destination_port, biflow.source_port, biflow.protocol};
    const std::array<Tuple, 2> tuples{forward, reverse};
    for (std::size_t d = 0; d < 2; ++d) {
      if (biflow.packets[d] == 0) continue;
      ++directions;
      EXPECT_EQ(seen[tuples[d]], std::pair(biflow.packets[d], biflow.octets[d]));
    }
  }
  EXPECT_EQ(directions, seen.size());
}

TEST(Generator, CountsOnlyWhatTheDeviceTook) {
  GeneratorOptions options = mixed();
  std::vector<BiflowCount> biflows;
  Generator generator(options, [&biflows](const BiflowCount& biflow) { biflows.push_back(biflow); });
  std::vector<std::uint8_t> buffer(kMaxFrame);
  std::uint64_t made = 0;
  std::uint64_t sent = 0;
  std::uint64_t octets = 0;
  for (Frame frame; generator.next(buffer.data(), frame) == Next::frame; ++made) {
    const bool took = made % 3 != 0;
    sent += took ? 1 : 0;
    octets += took ? frame.ip_octets : 0U;
    generator.commit(frame, took);
    generator.commit_batch();
  }
  generator.finish();
  EXPECT_EQ(made, options.packets);
  EXPECT_EQ(generator.totals().packets, sent);
  EXPECT_EQ(generator.totals().octets, octets);
  std::uint64_t reported = 0;
  for (const BiflowCount& biflow : biflows) reported += biflow.packets[0] + biflow.packets[1];
  EXPECT_EQ(reported, sent);
}

TEST(Generator, WaitsForACommitBeforeItReusesABiflow) {
  GeneratorOptions options;
  options.flows = 1;
  options.tcp_percent = 0;
  Generator generator(options, [](const BiflowCount&) {});
  std::vector<std::uint8_t> buffer(kMaxFrame);
  Frame frame;
  ASSERT_EQ(generator.next(buffer.data(), frame), Next::frame);
  generator.replace(1);
  EXPECT_EQ(generator.next(buffer.data(), frame), Next::commit);
  generator.commit(frame, true);
  generator.commit_batch();
  EXPECT_EQ(generator.next(buffer.data(), frame), Next::frame);
}

TEST(Generator, WritesRightChecksums) {
  for (const Packet& packet : generate(mixed(), 50).packets) ASSERT_TRUE(parse(packet.octets).checksums_right);
}

TEST(Generator, SizesIncludeTheFcs) {
  GeneratorOptions options = mixed();
  options.ipv6_percent = 0;
  for (const unsigned size : {64U, 65U, 1518U}) {
    options.size = size;
    for (const Packet& packet : generate(options).packets) ASSERT_EQ(packet.octets.size(), size - 4);
  }
  // UDP fills the frame: 60 octets of frame are 46 of IP.
  options.size = 64;
  options.tcp_percent = 0;
  for (const Packet& packet : generate(options).packets) ASSERT_EQ(parse(packet.octets).ip_octets, 46U);
}

TEST(Generator, RefusesSizesThatDoNotHoldTheHeaders) {
  const auto accepts = [](unsigned size, unsigned ipv6, unsigned tcp) {
    GeneratorOptions options;
    options.size = size;
    options.ipv6_percent = ipv6;
    options.tcp_percent = tcp;
    return check_options(options).has_value();
  };
  EXPECT_FALSE(accepts(63, 0, 50));
  EXPECT_TRUE(accepts(64, 0, 100));
  EXPECT_FALSE(accepts(65, 1, 0));
  EXPECT_TRUE(accepts(66, 1, 0));
  EXPECT_FALSE(accepts(77, 100, 1));
  EXPECT_TRUE(accepts(78, 100, 100));
  EXPECT_TRUE(accepts(kMaxFrame, 50, 50));
  EXPECT_FALSE(accepts(kMaxFrame + 1, 50, 50));
}

TEST(Generator, SmallestIpv6FramesAreAsLongAsTheirHeaders) {
  GeneratorOptions options = mixed();
  options.ipv6_percent = 100;
  options.tcp_percent = 100;
  options.size = 78;
  for (const Packet& packet : generate(options).packets) {
    ASSERT_EQ(packet.octets.size(), 74U);
    ASSERT_EQ(parse(packet.octets).ip_octets, 60U);
  }
  options.tcp_percent = 0;
  options.size = 66;
  for (const Packet& packet : generate(options).packets) ASSERT_EQ(parse(packet.octets).ip_octets, 48U);
}

// Follows every TCP conversation as its two ends would.
TEST(Generator, TcpConversationsOpenTalkAndCloseInOrder) {
  GeneratorOptions options = mixed();
  options.tcp_percent = 100;
  options.size = 100;
  struct Conversation {
    Tuple forward;
    std::vector<View> packets;
  };
  std::map<Tuple, Conversation> conversations;
  for (const Packet& packet : generate(options, 40).packets) {
    const View v = parse(packet.octets);
    const Tuple forward = conversations.contains(reverse_of(v)) ? reverse_of(v) : tuple_of(v);
    conversations[forward].forward = forward;
    conversations[forward].packets.push_back(v);
  }
  EXPECT_GT(conversations.size(), 300U);
  for (const auto& [key, conversation] : conversations) {
    const auto& packets = conversation.packets;
    const std::size_t n = packets.size();
    ASSERT_GE(n, 6U);
    const auto from_initiator = [&key](const View& v) { return tuple_of(v) == key; };
    constexpr unsigned kSynAck = 0x12;
    constexpr unsigned kFinAck = 0x11;
    EXPECT_TRUE(packets[0].flags == 0x02 && from_initiator(packets[0]));
    EXPECT_TRUE(packets[1].flags == kSynAck && !from_initiator(packets[1]));
    EXPECT_TRUE(packets[2].flags == 0x10 && from_initiator(packets[2]));
    EXPECT_TRUE(packets[n - 3].flags == kFinAck && from_initiator(packets[n - 3]));
    EXPECT_TRUE(packets[n - 2].flags == kFinAck && !from_initiator(packets[n - 2]));
    EXPECT_TRUE(packets[n - 1].flags == 0x10 && from_initiator(packets[n - 1]));
    std::map<bool, std::uint32_t> next;
    for (std::size_t i = 0; i < n; ++i) {
      const View& v = packets[i];
      const bool side = from_initiator(v);
      if (next.contains(side)) {
        ASSERT_EQ(v.sequence, next[side]);
      }
      if (i > 0) {
        ASSERT_EQ(v.acknowledged, next[!side]);
      }
      if (i > 2 && i < n - 3) {
        ASSERT_EQ(v.flags, 0x18U);
      }
      next[side] = v.sequence + v.payload + ((v.flags & 0x03) != 0 ? 1 : 0);
    }
  }
}

TEST(Generator, OpensOnlyAsManyConversationsAsThePacketsClose) {
  GeneratorOptions options;
  options.flows = 1000;
  options.tcp_percent = 100;
  options.packets = 600;
  EXPECT_EQ(generate(options).totals.biflows, 100U) << "6 packets each";
  options.packets = 6000;
  EXPECT_EQ(generate(options).totals.biflows, 1000U);
}

TEST(Generator, ClosesConversationsWhenToldTo) {
  GeneratorOptions options;
  options.flows = 50;
  options.tcp_percent = 100;
  Generator generator(options, nullptr);
  std::vector<std::uint8_t> buffer(kMaxFrame);
  unsigned fins = 0;
  unsigned made = 0;
  for (Frame frame; generator.next(buffer.data(), frame) == Next::frame; ++made) {
    if (made == 1000) generator.close();
    fins += (buffer[47] & 0x01) != 0 ? 1 : 0;
    generator.commit(frame, true);
    generator.commit_batch();
  }
  EXPECT_EQ(fins, 100U) << "one from each side";
  EXPECT_LE(made, 1001U + 50 * 5);
}

TEST(Generator, SharesAreExactWithinEachOther) {
  GeneratorOptions options;
  options.flows = 1000;
  options.packets = 10'000;
  options.size = 100;
  options.ipv6_percent = 30;
  options.tcp_percent = 50;
  std::map<std::pair<unsigned, unsigned>, unsigned> count;
  for (const BiflowCount& biflow : generate(options).biflows) ++count[{biflow.ip_version, biflow.protocol}];
  EXPECT_EQ((count[{6, 6}]), 150U);
  EXPECT_EQ((count[{6, 17}]), 150U);
  EXPECT_EQ((count[{4, 6}]), 350U);
  EXPECT_EQ((count[{4, 17}]), 350U);
}

TEST(Generator, ImixIsSevenFourOne) {
  GeneratorOptions options;
  options.size = 0;
  options.packets = 120'000;
  std::map<std::size_t, double> count;
  for (const Packet& packet : generate(options).packets) ++count[packet.octets.size()];
  ASSERT_EQ(count.size(), 3U);
  // Binomial: the standard deviation of 70 000 of 120 000 is 171; four of them.
  EXPECT_NEAR(count[60], 70'000, 700);
  EXPECT_NEAR(count[590], 40'000, 700);
  EXPECT_NEAR(count[1514], 10'000, 400);
}

TEST(Generator, PopularityFollowsZipf) {
  GeneratorOptions options;
  options.flows = 100;
  options.tcp_percent = 0;
  options.zipf = 1;
  options.packets = 500'000;
  std::vector<double> share;
  for (const BiflowCount& biflow : generate(options).biflows) {
    share.push_back(static_cast<double>(biflow.packets[0] + biflow.packets[1]) / 500'000.0);
  }
  // With s = 1 and 100 ranks the sum of 1/k is 5.187378 (the 100th harmonic number).
  constexpr double kHarmonic100 = 5.187377517639621;
  for (const unsigned rank : {1U, 2U, 10U, 100U}) {
    const double expected = 1.0 / (rank * kHarmonic100);
    const double deviation = std::sqrt(expected * (1 - expected) / 500'000.0);
    EXPECT_NEAR(share[rank - 1], expected, 5 * deviation + 1e-5) << "rank " << rank;
  }
}

TEST(Generator, ShardsNeverShareAFiveTuple) {
  std::map<Tuple, unsigned> owners;
  for (unsigned shard = 0; shard < 3; ++shard) {
    GeneratorOptions options = mixed();
    options.ipv6_percent = 0;
    options.first_serial = shard;
    options.serial_step = 3;
    for (const Packet& packet : generate(options, 10).packets) {
      const View v = parse(packet.octets);
      const auto [place, added] = owners.emplace(tuple_of(v), shard);
      ASSERT_EQ(place->second, shard);
    }
  }
}

TEST(GenReport, ManifestLineHasTheRecordFieldNames) {
  BiflowCount biflow;
  biflow.source_address = {10, 0, 0, 1};
  biflow.destination_address = {172, 16, 0, 2};
  biflow.source_port = 50000;
  biflow.destination_port = 61000;
  biflow.protocol = 17;
  biflow.ip_version = 4;
  biflow.packets = {3, 1};
  biflow.octets = {138, 46};
  EXPECT_EQ(manifest_line(biflow),
            "{\"src_addr\":\"10.0.0.1\",\"dst_addr\":\"172.16.0.2\",\"src_port\":50000,\"dst_port\":61000,\"proto\":17,"
            "\"packets\":3,\"bytes\":138,\"rev_packets\":1,\"rev_bytes\":46}\n");
}

TEST(GenReport, ReceiptIsOneJsonObject) {
  Receipt receipt;
  receipt.totals = {.packets = 10, .octets = 460, .frame_octets = 600, .flows = 4, .biflows = 2};
  receipt.refused = 1;
  receipt.retried = 2;
  receipt.seconds = 2;
  EXPECT_EQ(receipt_json(receipt),
            "{\"packets\":10,\"octets\":460,\"frame_octets\":600,\"flows\":4,\"biflows\":2,\"refused\":1,\"retried\":2,"
            "\"unread\":0,\"seconds\":2.000000,\"pps\":5}\n");
}

}  // namespace
}  // namespace weir::bench::generator_test
