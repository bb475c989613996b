// `--metrics all` on traffic that has something for the metrics of payload: every exporter, with its usual options,
// says what JSON says. What had no room is shorter, and marked. Fingerprints are whole; only of tunnelled IPv6 two
// uniflow records with all metrics have no room for them in a datagram.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/exporters.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
const std::string kWeir = kBin + "/weir";
const std::string kCaptures = WEIR_CAPTURES;

/// Facts of a flow, which both of its uniflow records have. Of ICMP errors and the like the direction matters.
bool is_of_payload(const std::string& name) {
  for (const char* prefix : {"tls_", "http_", "dns_", "wireguard_", "community_id"}) {
    if (name.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

/// Source, its port, destination, its port, protocol.
using Key = std::tuple<std::string, unsigned, std::string, unsigned, unsigned>;
/// The records of each key by their start: several follow one another where a conversation was idle.
using Records = std::map<Key, std::map<std::uint64_t, json>>;

void add(Records& records, const json& record, bool reverse) {
  const char* const source = reverse ? "dst_" : "src_";
  const char* const destination = reverse ? "src_" : "dst_";
  const std::string addr = "addr", port = "port";
  const Key key{record.at(source + addr), record.at(source + port), record.at(destination + addr),
                record.at(destination + port), record.at("proto")};
  const std::uint64_t start_ns = record.at(reverse ? "rev_time_start_ns" : "fwd_time_start_ns");
  EXPECT_TRUE(records[key].emplace(start_ns, record).second) << record;
}

/// `both`: each conversation once more, seen from the responder, as in uniflow records.
Records by_key(const std::vector<json>& lines, bool both) {
  Records records;
  for (const json& line : lines) {
    if (!line.contains("src_addr")) continue;  // options
    add(records, line, false);
    if (both && line.at("rev_packets") != 0) add(records, line, true);
  }
  return records;
}

struct Seen {
  unsigned whole = 0;
  unsigned cut = 0;
  unsigned fingerprints = 0;
  unsigned without_room = 0;  ///< of fingerprints
};

/// `got` has all that `own` says of payload.
void expect_all(const json& own, const json& got, Seen& seen) {
  for (const auto& [name, value] : own.items()) {
    if (!is_of_payload(name)) continue;
    SCOPED_TRACE(name);
    ASSERT_TRUE(got.contains(name)) << got;
    if (got.at(name) == value) {
      ++seen.whole;
      seen.fingerprints += name == "tls_ja4" || name == "tls_ja3" ? 1 : 0;
      continue;
    }
    if (name.ends_with("_cut") && got.at(name) == 1) continue;  // the text says how much
    ASSERT_TRUE(value.is_string()) << value << " became " << got.at(name);
    const std::string whole = value, part = got.at(name);
    if (name == "tls_ja3" || name == "tls_ja4") {
      EXPECT_EQ(part, "") << "a part of one says nothing";
      ++seen.without_room;
      continue;
    }
    EXPECT_EQ(whole.substr(0, part.size()), part);
    EXPECT_GE(part.size(), 8U);
    if (own.contains(name + "_cut")) {
      EXPECT_EQ(got.value(name + "_cut", 0), 1);
    }
    ++seen.cut;
  }
}

TEST(MetricsOfPayload, ArriveInEveryFormatWithUsualOptions) {
  Seen seen;
  std::size_t records = 0;
  for (const std::string name : {"basic/ndpi_android.pcap", "tunnels/ndpi_6in4tunnel.pcap", "basic/ndpi_zoom.pcap",
                                 "vlan/zeek_mpls-in-vlan.pcap"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    const TemporaryFolder folder;
    WeirCollect ipfix(kBin, "ipfix"), ipfix_tcp(kBin, "ipfix+tcp"), netflow9(kBin, "netflow9"), both(kBin, "ipfix"),
        both9(kBin, "netflow9");
    const Finished read = run({kWeir,       "read",
                               "--metrics", "all",
                               "--export",  "json:" + folder.path("own"),
                               "--export",  "protobuf:" + folder.path("pb"),
                               "--export",  "ipfix://" + ipfix.address(),
                               "--export",  "ipfix+tcp://" + ipfix_tcp.address(),
                               "--export",  "netflow9://" + netflow9.address(),
                               "--export",  "ipfix://" + both.address() + "?uniflow=0",
                               "--export",  "netflow9://" + both9.address() + "?uniflow=0",
                               "--ledger",  folder.path("ledger"),
                               capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    EXPECT_EQ(json::parse(contents(folder.path("ledger"))).at("balanced"), true);
    const std::vector<json> own = json_lines(contents(folder.path("own")));
    records += own.size();
    const auto compare = [&](const std::string& format, const std::vector<json>& lines, bool biflow) {
      SCOPED_TRACE(format);
      const unsigned before = seen.without_room;
      const Records expected = by_key(own, !biflow);
      Records got = by_key(lines, false);
      EXPECT_EQ(got.size(), expected.size());
      for (const auto& [key, conversations] : expected) {
        ASSERT_EQ(got[key].size(), conversations.size()) << conversations.begin()->second;
        auto at = got[key].begin();
        for (const auto& [start_ns, record] : conversations) expect_all(record, (at++)->second, seen);
      }
      const bool too_long = format == "IPFIX" && name == "tunnels/ndpi_6in4tunnel.pcap";
      EXPECT_EQ(seen.without_room - before, too_long ? 8U : 0U) << "two of each record of two conversations";
    };
    compare("protobuf", json_lines(run({kBin + "/weir-collect", "--json", folder.path("pb")}).out), true);
    compare("IPFIX", ipfix.finish().lines, false);
    compare("IPFIX over TCP", ipfix_tcp.finish().lines, false);
    compare("NetFlow v9", netflow9.finish().lines, false);
    compare("IPFIX biflow", both.finish().lines, true);
    compare("NetFlow v9, both directions in one record", both9.finish().lines, true);
  }
  if (records == 0) GTEST_SKIP() << "no captures";
  EXPECT_GT(seen.whole, 5000U);
  EXPECT_GT(seen.cut, 0U) << "user agents in NetFlow v9";
  EXPECT_GT(seen.fingerprints, 400U);
}

}  // namespace
}  // namespace weir::test
