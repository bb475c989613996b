// The metric `icmp` on captures that hold ICMP errors, held against tshark: which flow each error quotes, type, code
// and MTU of the last one, and how many quote a flow that is not in the capture. At 1, 2 and 4 workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
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

/// Protocol, and from address and port to address and port.
using Way = std::tuple<unsigned, std::string, unsigned, std::string, unsigned>;

Way back(const Way& way) {
  return {std::get<0>(way), std::get<3>(way), std::get<4>(way), std::get<1>(way), std::get<2>(way)};
}

/// What errors say of the packets of a way.
struct Errors {
  unsigned count = 0, type = 0, code = 0, mtu = 0;
  friend bool operator==(const Errors&, const Errors&) = default;
};
std::ostream& operator<<(std::ostream& out, const Errors& errors) {
  return out << errors.count << " errors, last " << errors.type << '/' << errors.code << ", mtu " << errors.mtu;
}

struct Truth {
  std::map<Way, Errors> errors;
  unsigned told = 0;
  unsigned no_flow = 0;
};

/// One packet as tshark shows it: of each field all values, outermost first.
class Shown {
 public:
  static constexpr const char* kFields[] = {"frame.protocols", "ip.src",    "ip.dst",      "ip.proto",    "ipv6.src",
                                            "ipv6.dst",        "ipv6.nxt",  "udp.srcport", "udp.dstport", "tcp.srcport",
                                            "tcp.dstport",     "icmp.type", "icmp.code",   "icmp.mtu",    "icmpv6.type",
                                            "icmpv6.code",     "icmpv6.mtu"};

  explicit Shown(const std::string& line) {
    std::istringstream in(line);
    for (const char* field : kFields) {
      std::string values;
      std::getline(in, values, ';');
      std::istringstream each(values);
      for (std::string value; std::getline(each, value, field == kFields[0] ? ':' : ',');) {
        values_[field].push_back(value);
      }
    }
  }
  /// It quotes another packet.
  [[nodiscard]] bool is_error() const { return quoted_family() != nullptr; }
  [[nodiscard]] unsigned first(const std::string& field) const {
    const auto found = values_.find(field);
    return found == values_.end() ? 0 : static_cast<unsigned>(std::stoul(found->second.front(), nullptr, 0));
  }
  /// The packet, or of an error the packet that is quoted: the innermost.
  [[nodiscard]] Way way() const {
    const std::string family = is_error() ? quoted_family() : innermost_family();
    const bool ipv6 = family == "ipv6";
    const auto protocol = static_cast<unsigned>(std::stoul(last(ipv6 ? "ipv6.nxt" : "ip.proto")));
    const std::string transport = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : "";
    const auto port = [&](const char* end) {
      const std::string text = transport.empty() ? "" : last(transport + end);
      return text.empty() ? 0U : static_cast<unsigned>(std::stoul(text));
    };
    return {protocol, last(family + ".src"), port(".srcport"), last(family + ".dst"), port(".dstport")};
  }
  [[nodiscard]] Errors after(Errors errors) const {
    const std::string name = quoted_family() == std::string("ipv6") ? "icmpv6" : "icmp";
    ++errors.count;
    errors.type = first(name + ".type");
    errors.code = first(name + ".code");
    if (const unsigned mtu = first(name + ".mtu"); mtu != 0) errors.mtu = mtu;
    return errors;
  }
  [[nodiscard]] bool is_ip() const { return values_.contains("ip.src") || values_.contains("ipv6.src"); }

 private:
  [[nodiscard]] std::string last(const std::string& field) const {
    const auto found = values_.find(field);
    return found == values_.end() ? "" : found->second.back();
  }
  [[nodiscard]] const char* quoted_family() const {
    const std::vector<std::string>& protocols = values_.at("frame.protocols");
    for (std::size_t i = 0; i + 1 < protocols.size(); ++i) {
      if (protocols[i] == "icmp" && protocols[i + 1] == "ip") return "ip";
      if (protocols[i] == "icmpv6" && protocols[i + 1] == "ipv6") return "ipv6";
    }
    return nullptr;
  }
  [[nodiscard]] std::string innermost_family() const {
    std::string family;
    for (const std::string& protocol : values_.at("frame.protocols")) {
      if (protocol == "ip" || protocol == "ipv6") family = protocol;
    }
    return family;
  }

  std::map<std::string, std::vector<std::string>> values_;
};

/// Every flow goes on to the end of the capture, so that an error is told where a packet of its flow came before it.
Truth tshark_truth(const std::string& capture) {
  std::vector<std::string> arguments = {
      "tshark", "-n",     "-r", capture,      "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
      "-T",     "fields", "-E", "separator=;"};
  for (const char* field : Shown::kFields) {
    arguments.emplace_back("-e");
    arguments.emplace_back(field);
  }
  const Finished tshark = run(arguments, std::chrono::seconds(120));
  EXPECT_EQ(tshark.exit_code, 0) << tshark.err;
  Truth truth;
  std::set<Way> seen;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    const Shown packet(line);
    if (!packet.is_ip()) continue;
    const Way way = packet.way();
    if (!packet.is_error()) {
      seen.insert(way);
      seen.insert(back(way));
    } else if (seen.contains(way)) {
      ++truth.told;
      truth.errors[way] = packet.after(truth.errors[way]);
    } else {
      ++truth.no_flow;
    }
  }
  return truth;
}

std::map<Way, Errors> errors_of(const std::vector<json>& records) {
  std::map<Way, Errors> errors;
  for (const json& record : records) {
    if (!record.contains("icmp_errors")) continue;
    const Way way{record.at("proto"), record.at("src_addr"), record.at("src_port"), record.at("dst_addr"),
                  record.at("dst_port")};
    for (const bool reverse : {false, true}) {
      const auto value = [&](const std::string& name) { return record.at((reverse ? "rev_" : "") + name); };
      if (value("icmp_errors") == 0) continue;
      errors[reverse ? back(way) : way] = {value("icmp_errors"), value("icmp_error_type"), value("icmp_error_code"),
                                           value("icmp_error_mtu")};
    }
  }
  return errors;
}

TEST(IcmpErrors, AreThoseThatTsharkFindsForEachFlow) {
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  unsigned told = 0, no_flow = 0, with_mtu = 0, captures = 0;
  for (const std::string name :
       {"basic/ipfixprobe_mixed.pcap", "basic/pcpp_IcmpPackets.pcap", "basic/ndpi_zoom.pcap",
        "basic/zeek_icmp-icmp6-toobig.pcap", "tcp/ipfixprobe_smtp.pcap", "linktypes/tcpdump_mpls-traceroute.pcap",
        "tunnels/zeek_tunnels-gre-sample.pcap", "tunnels/ndpi_6in4tunnel.pcap"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    ++captures;
    const Truth truth = tshark_truth(capture);
    for (const char* workers : {"1", "2", "4"}) {
      const TemporaryFolder folder;
      const Finished read =
          run({kWeir, "read", "--metrics", "icmp", "--workers", workers, "--tcp-close", "off", "--idle-timeout", "72h",
               "--active-timeout", "72h", "--export", "json:-", "--ledger", folder.path("ledger"), capture});
      ASSERT_EQ(read.exit_code, 0) << read.err;
      EXPECT_EQ(errors_of(json_lines(read.out)), truth.errors) << workers << " workers";
      const json ledger = json::parse(contents(folder.path("ledger")));
      EXPECT_EQ(ledger.at("balanced"), true);
      const json& quotes = ledger.at("icmp_quotes");
      EXPECT_EQ(quotes.value("told", 0U), truth.told);
      EXPECT_EQ(quotes.value("no_flow", 0U), truth.no_flow);
      EXPECT_FALSE(quotes.contains("unreadable"));
    }
    told += truth.told;
    no_flow += truth.no_flow;
    for (const auto& [way, errors] : truth.errors) with_mtu += errors.mtu != 0 ? 1 : 0;
  }
  if (captures == 0) GTEST_SKIP() << "no captures";
  EXPECT_GT(told, 10U);
  EXPECT_GT(no_flow, 0U);
  EXPECT_GT(with_mtu, 0U) << "fragmentation needed, or packet too big";
}

TEST(IcmpErrors, WithIcmpCloseEndTheFlowsWhosePortsNobodyListensAt) {
  const std::string capture = kCaptures + "/basic/ndpi_zoom.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures";
  std::vector<std::string> first;
  for (const char* workers : {"1", "2", "4"}) {
    const Finished off = run({kWeir, "read", "--metrics", "icmp", "--export", "json:-", capture});
    const Finished on = run({kWeir, "read", "--metrics", "icmp", "--icmp-close", "on", "--workers", workers, "--export",
                             "json:-", capture});
    ASSERT_EQ(off.exit_code, 0) << off.err;
    ASSERT_EQ(on.exit_code, 0) << on.err;
    expect_balanced(on);
    std::uint64_t packets[2] = {};
    unsigned refused = 0;
    for (const json& record : json_lines(off.out)) {
      packets[0] += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
      if (record.at("proto") == 17) {
        EXPECT_NE(record.at("end_reason"), 3) << "UDP has no end of its own";
      }
    }
    std::vector<std::string> lines;
    for (const json& record : json_lines(on.out)) {
      packets[1] += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
      lines.push_back(record.dump());
      if (record.at("proto") != 17) continue;
      const auto is_refusal = [&](const std::string& side) {
        return record.contains("icmp_errors") && record.at(side + "icmp_errors") != 0 &&
               record.at(side + "icmp_error_type") == 3 && record.at(side + "icmp_error_code") == 3;
      };
      const bool ended = is_refusal("") || is_refusal("rev_");
      EXPECT_EQ(record.at("end_reason") == 3, ended) << record;
      refused += ended ? 1 : 0;
    }
    EXPECT_GT(refused, 0U);
    EXPECT_EQ(packets[0], packets[1]) << "records are cut otherwise, and no packet is lost";
    std::sort(lines.begin(), lines.end());
    if (first.empty()) first = lines;
    EXPECT_EQ(lines, first) << workers << " workers";
  }
}

TEST(IcmpErrors, AreNotAskedForByAnOptionAlone) {
  const Finished refused = run({kWeir, "check", "--icmp-close", "on", "--metrics", "tcp"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--icmp-close"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("icmp in --metrics"), std::string::npos) << refused.err;
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
  const Finished good = run({kWeir, "check", "--icmp-close", "on", "--metrics", "tcp,icmp"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_NE(good.out.find("icmp_close: true\n"), std::string::npos) << good.out;
}

}  // namespace
}  // namespace weir::test
