// What weir-collect makes of streams that others send: softflowd, nfreplay (of what nfpcapd stored) and pmacctd's
// nfprobe meter a capture whose truth is known and export it as NetFlow v5, v9 and IPFIX.
//
// softflowd and nfprobe put one pair of times on both directions of a conversation, so times are compared by
// conversation; and their v5 and uptime-relative times count from their own start, which an old capture lies decades
// before, so there only packets and octets are compared. nfreplay's times are exact.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/collectors.h"
#include "tests/support/exporters.h"
#include "tests/support/hex.h"
#include "tests/support/process.h"
#include "tests/support/truth.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;

const std::string kBin = WEIR_BIN;
const std::string kAndroid = WEIR_CAPTURES "/basic/ndpi_android.pcap";  // 107 tuples, IPv4 and IPv6
const std::string kScan = WEIR_CAPTURES "/basic/ndpi_synscan.pcap";     // 2002 tuples, IPv4; many datagrams
constexpr std::uint64_t kMs = 1'000'000;

TupleSums sums_of(const std::vector<json>& records) {
  TupleSums sums;
  for (const json& r : records) {
    if (!r.contains("src_addr")) continue;
    const std::string source = r.at("src_addr"), destination = r.at("dst_addr");
    if (r.at("packets") != 0) {
      sums[tuple_of(source, destination, r.at("src_port"), r.at("dst_port"), r.at("proto"))].add(
          r.at("packets"), r.at("bytes"), r.at("fwd_time_start_ns"), r.at("fwd_time_end_ns"));
    }
    if (r.at("rev_packets") != 0) {
      sums[tuple_of(destination, source, r.at("dst_port"), r.at("src_port"), r.at("proto"))].add(
          r.at("rev_packets"), r.at("rev_bytes"), r.at("rev_time_start_ns"), r.at("rev_time_end_ns"));
    }
  }
  return sums;
}

enum class Times { exact, by_conversation, none };

/// Times as they are compared: in ms, those of a conversation, or none.
TupleSums prepared(TupleSums sums, Times times) {
  const TupleSums original = sums;
  for (auto& [tuple, sum] : sums) {
    if (times == Times::by_conversation) {
      Tuple back = tuple;
      std::swap(back.source, back.destination);
      std::swap(back.source_port, back.destination_port);
      if (const auto other = original.find(back); other != original.end()) {
        sum.first_ns = std::min(sum.first_ns, other->second.first_ns);
        sum.last_ns = std::max(sum.last_ns, other->second.last_ns);
      }
    }
    sum.first_ns = times == Times::none ? 0 : sum.first_ns / kMs;
    sum.last_ns = times == Times::none ? 0 : sum.last_ns / kMs;
  }
  return sums;
}

TupleSums only_ipv4(TupleSums sums) {
  std::erase_if(sums, [](const auto& entry) { return entry.first.ip_version != 4; });
  return sums;
}

#define NEED(program)                                                                                    \
  do {                                                                                                   \
    if (!installed(program)) GTEST_SKIP() << "no " #program;                                             \
    if (!std::filesystem::exists(kAndroid)) GTEST_SKIP() << "no captures: " << kAndroid << " is absent"; \
  } while (false)

TEST(DecodeStreams, softflowd_in_every_version_equals_the_truth) {
  NEED("softflowd");
  for (const std::string& capture : {kAndroid, kScan}) {
    TupleSums truth = read_truth(capture).tuples;
    // softflowd counts the Ethernet padding of the scan's answers of 40 octets: 46.
    const auto comparable = [&](TupleSums sums) {
      for (auto& [tuple, sum] : sums) sum.octets = capture == kScan ? 0 : sum.octets;
      return sums;
    };
    truth = comparable(truth);
    for (const char* version : {"5", "9", "10"}) {
      WeirCollect collect(kBin, "netflow9");  // any port takes any version
      softflowd(capture, collect.address(), version);
      const auto result = collect.finish();
      const bool five = version[0] == '5';
      const Times times = five ? Times::none : Times::by_conversation;
      EXPECT_EQ(difference(prepared(five ? only_ipv4(truth) : truth, times),
                           prepared(comparable(sums_of(result.lines)), times)),
                "")
          << capture << " v" << version;
      const json& summary = result.summary;
      EXPECT_EQ(summary.at("sequence_gaps"), 0) << version;
      EXPECT_EQ(summary.at("unknown_template"), 0);
      EXPECT_EQ(summary.at("kernel_drops"), 0);
      for (const auto& [name, count] : summary.at("malformed").items()) EXPECT_EQ(count, 0) << name;
      if (five) continue;
      // Its options say 1:1, which its records do not.
      for (const json& line : result.lines) {
        if (!line.contains("src_addr")) continue;
        ASSERT_EQ(line.at("sampling_rate"), 1) << line;
      }
    }
  }
}

TEST(DecodeStreams, nfpcapd_replayed_as_v5_and_v9_equals_the_truth_in_milliseconds) {
  NEED("nfreplay");
  const TupleSums truth = read_truth(kScan).tuples;
  for (const char* version : {"5", "9"}) {
    WeirCollect collect(kBin, "netflow5");
    nfreplay(kScan, collect.port(), version);
    const auto result = collect.finish();
    EXPECT_EQ(difference(prepared(truth, Times::exact), prepared(sums_of(result.lines), Times::exact)), "") << version;
    EXPECT_EQ(result.summary.at("sequence_gaps"), 0);
  }
}

TEST(DecodeStreams, nfprobe_in_every_version_equals_the_truth) {
  NEED("pmacctd");
  const TupleSums truth = read_truth(kAndroid).tuples;
  for (const char* version : {"5", "9", "10"}) {
    WeirCollect collect(kBin, "ipfix");
    nfprobe(kAndroid, collect.address(), version);
    const auto result = collect.finish();
    const bool five = version[0] == '5';
    const Times times = five ? Times::none : Times::by_conversation;
    EXPECT_EQ(difference(prepared(five ? only_ipv4(truth) : truth, times), prepared(sums_of(result.lines), times)), "")
        << version;
    EXPECT_EQ(result.summary.at("sequence_gaps"), 0) << version;
    EXPECT_EQ(result.summary.at("unknown_template"), 0) << version;
  }
}

TEST(DecodeStreams, tshark_reads_the_same_in_every_field_of_a_capture) {
  NEED("softflowd");
  NEED("tshark");
  const std::pair<const char*, const char*> fields[] = {
      {"cflow.srcaddr", "src_addr"}, {"cflow.dstaddr", "dst_addr"},   {"cflow.srcport", "src_port"},
      {"cflow.dstport", "dst_port"}, {"cflow.protocol", "proto"},     {"cflow.packets", "packets"},
      {"cflow.octets", "bytes"},     {"cflow.tcpflags", "tcp_flags"}, {"cflow.tos", "ip_tos"}};
  TemporaryFolder folder;
  for (const char* version : {"5", "9", "10"}) {
    const auto datagrams = datagrams_of([&](const std::string& address) { softflowd(kScan, address, version); });
    const std::string capture = folder.path("export.pcap");
    write_datagram_capture(capture, datagrams, kTsharkPort);
    const Finished decoded = run({kBin + "/weir-collect", "--json", capture});
    ASSERT_EQ(decoded.exit_code, 0) << decoded.err;
    const std::vector<json> lines = json_lines(decoded.out);
    ASSERT_GT(lines.size(), 1900U);
    Arguments command{"tshark", "-n",     "-r", capture,       "-d", "udp.port==2055,cflow",
                      "-T",     "fields", "-E", "occurrence=a"};
    for (const auto& [field, name] : fields) command.insert(command.end(), {"-e", field});
    // A line is a datagram: for each field the values of all its records.
    std::size_t record = 0;
    std::istringstream shown(run(command).out);
    for (std::string line; std::getline(shown, line);) {
      std::istringstream columns(line);
      std::size_t next = record;
      for (const auto& [field, name] : fields) {
        std::string column;
        std::getline(columns, column, '\t');
        std::istringstream values(column);
        std::size_t i = record;
        for (std::string value; std::getline(values, value, ','); ++i) {
          ASSERT_LT(i, lines.size()) << field << " v" << version;
          const json& ours = lines[i].at(name);
          const bool equal = ours.is_string() ? ours == value : ours == std::stoull(value, nullptr, 0);
          ASSERT_TRUE(equal) << field << " v" << version << ": " << value << " and " << ours;
        }
        ASSERT_TRUE(next == record || next == i) << field << " v" << version;
        next = i;
      }
      record = next;
    }
    EXPECT_EQ(record, lines.size()) << "v" << version;
  }
}

TEST(DecodeStreams, ipfix_over_tcp_in_pieces_equals_ipfix_over_udp) {
  NEED("softflowd");
  const auto messages = datagrams_of([](const std::string& address) { softflowd(kAndroid, address, "10"); });
  WeirCollect collect(kBin, "ipfix+tcp");
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(collect.port())));
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  Bytes stream;
  for (const Bytes& message : messages) stream.insert(stream.end(), message.begin(), message.end());
  for (std::size_t at = 0; at < stream.size(); at += 333) {
    const std::size_t octets = std::min<std::size_t>(333, stream.size() - at);
    ASSERT_EQ(send(fd, stream.data() + at, octets, 0), static_cast<ssize_t>(octets));
  }
  close(fd);
  const auto result = collect.finish();
  const TupleSums truth = read_truth(kAndroid).tuples;
  EXPECT_EQ(
      difference(prepared(truth, Times::by_conversation), prepared(sums_of(result.lines), Times::by_conversation)), "");
  EXPECT_EQ(result.summary.at("connections"), 1);
  EXPECT_EQ(result.summary.at("streams_cut_off"), 0);

  // The same octets as a file (RFC 5655).
  TemporaryFolder folder;
  std::ofstream(folder.path("messages.ipfix"), std::ios::binary)
      .write(reinterpret_cast<const char*>(stream.data()), static_cast<std::streamsize>(stream.size()));
  const Finished file = run({kBin + "/weir-collect", "--json", folder.path("messages.ipfix")});
  EXPECT_EQ(file.exit_code, 0) << file.err;
  EXPECT_EQ(difference(prepared(truth, Times::by_conversation),
                       prepared(sums_of(json_lines(file.out)), Times::by_conversation)),
            "");
}

/// A connection to a port of this host.
int connected(const std::string& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(port)));
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(DecodeStreams, stalled_connections_lock_nobody_out) {
  WeirCollect collect(kBin, "ipfix+tcp");
  std::vector<int> stalled;
  for (unsigned i = 0; i < 70; ++i) {  // more than one address may have
    stalled.push_back(connected(collect.port()));
    const Bytes half = hex("000a 0020");
    ASSERT_EQ(send(stalled.back(), half.data(), half.size(), MSG_NOSIGNAL), static_cast<ssize_t>(half.size()));
  }
  const int exporter = connected(collect.port());
  const Bytes message =
      hex("000a 002c 6553f100 00000000 00000001 0002 0010 0100 0002 0008 0004 0004 0001 0100 000c c0000201 06 000000");
  ASSERT_EQ(send(exporter, message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  const auto result = collect.finish();
  ASSERT_EQ(result.lines.size(), 1U);
  EXPECT_EQ(result.lines[0].at("src_addr"), "192.0.2.1");
  EXPECT_EQ(result.summary.at("connections"), 71);
  EXPECT_EQ(result.summary.at("connections_closed"), 71 - 64);
  EXPECT_EQ(result.summary.at("connections_refused"), 0);
  close(exporter);
  for (const int fd : stalled) close(fd);
}

/// A capture with so many datagrams of NetFlow v5, 30 records each.
void write_netflow5_capture(const std::string& path, unsigned datagrams) {
  Bytes datagram = hex("0005 001e 00002710 6553f100 00000000 00000000 0000 0000");
  datagram.resize(datagram.size() + std::size_t{30} * 48, 1);
  write_datagram_capture(path, std::vector<Bytes>(datagrams, datagram), 2055);
}

TEST(DecodeStreams, a_reader_that_has_enough_ends_it_quietly) {
  TemporaryFolder folder;
  write_netflow5_capture(folder.path("many.pcap"), 200);
  const Finished finished =
      run({"bash", "-c",
           kBin + "/weir-collect --json " + folder.path("many.pcap") + " | head -n 1 | wc -l; echo ${PIPESTATUS[0]}"});
  EXPECT_EQ(finished.out, "1\n0\n");
  EXPECT_EQ(finished.err, "");
}

TEST(DecodeStreams, what_a_capture_shows_is_dated_by_the_capture) {
  TemporaryFolder folder;
  write_netflow5_capture(folder.path("export.pcap"), 1);  // sent and captured in 2023
  const Finished then = run({kBin + "/weir-collect", "--quiet", folder.path("export.pcap")});
  EXPECT_EQ(then.err.find("clock"), std::string::npos) << then.err;
  EXPECT_EQ(then.err.find("replay"), std::string::npos) << then.err;
  EXPECT_NE(then.err.find("1 datagram, 30 records, no sequence gap\n"), std::string::npos) << then.err;
  EXPECT_NE(then.err.find("1 datagram found in 1 packet\n"), std::string::npos) << then.err;
  // Exported in 2001, captured in 2023.
  Bytes old = hex("0005 0001 00002710 3b9aca00 00000000 00000000 0000 0000");
  old.resize(old.size() + 48);
  write_datagram_capture(folder.path("old.pcap"), {old}, 2055);
  const Finished replay = run({kBin + "/weir-collect", "--quiet", folder.path("old.pcap")});
  EXPECT_NE(replay.err.find("headers carry times of 2001-09-09: this looks like a replay"), std::string::npos)
      << replay.err;
}

TEST(DecodeStreams, names_do_not_write_to_the_terminal) {
  TemporaryFolder folder;
  const std::string path = folder.path("a\x1b[31m\"b");
  const Finished missing = run({kBin + "/weir-collect", path});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.err.find('\x1b'), std::string::npos);
  EXPECT_NE(missing.err.find("a\\x1b[31m\"b: No such file"), std::string::npos) << missing.err;
  std::ofstream(path, std::ios::binary) << "\0\x0a";  // an IPFIX message that is cut
  const Finished cut = run({kBin + "/weir-collect", path});
  EXPECT_EQ(cut.err.find('\x1b'), std::string::npos);
  // As an exporter's name in JSON.
  const Bytes message =
      hex("000a 002c 6553f100 00000000 00000001 0002 0010 0100 0002 0008 0004 0004 0001 0100 000c c0000201 06 000000");
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(message.data()), static_cast<std::streamsize>(message.size()));
  const Finished shown = run({kBin + "/weir-collect", "--json", path});
  ASSERT_EQ(json_lines(shown.out).size(), 1U) << shown.out << shown.err;
  EXPECT_EQ(shown.err.find('\x1b'), std::string::npos);
}

TEST(DecodeStreams, what_is_collected_goes_on_and_arrives_whole) {
  NEED("softflowd");
  const TupleSums truth = read_truth(kAndroid).tuples;
  TemporaryFolder folder;
  WeirCollect last(kBin, "netflow9");
  {
    WeirCollect middle(kBin, "ipfix",
                       {"--export", "netflow9://" + last.address(), "--export", "json:" + folder.path("out.json")});
    softflowd(kAndroid, middle.address(), "10");
    const auto result = middle.finish();
    EXPECT_TRUE(result.lines.empty()) << "records that go on are not shown";
    EXPECT_EQ(result.summary.at("records"), 107);
  }
  const auto result = last.finish();
  EXPECT_EQ(difference(prepared(truth, Times::none), prepared(sums_of(result.lines), Times::none)), "");
  const std::vector<json> written = json_lines(contents(folder.path("out.json")));
  EXPECT_EQ(difference(prepared(truth, Times::by_conversation), prepared(sums_of(written), Times::by_conversation)),
            "");
}

TEST(DecodeStreams, from_a_file_the_times_go_on_as_they_are) {
  NEED("softflowd");
  TemporaryFolder folder;
  write_datagram_capture(folder.path("export.pcap"),
                         datagrams_of([](const std::string& address) { softflowd(kAndroid, address, "9"); }),
                         kTsharkPort);
  WeirCollect last(kBin, "netflow9");
  const Finished middle = run(
      {kBin + "/weir-collect", "--export", "netflow9://" + last.address() + "?rate=20000", folder.path("export.pcap")});
  EXPECT_EQ(middle.exit_code, 0) << middle.err;
  const auto result = last.finish();
  EXPECT_EQ(difference(prepared(read_truth(kAndroid).tuples, Times::by_conversation),
                       prepared(sums_of(result.lines), Times::by_conversation)),
            "");
}

TEST(DecodeStreams, sums_by_fields_add_up_to_the_truth) {
  NEED("softflowd");
  TemporaryFolder folder;
  write_datagram_capture(folder.path("export.pcap"),
                         datagrams_of([](const std::string& address) { softflowd(kAndroid, address, "9"); }),
                         kTsharkPort);
  const Finished summed =
      run({kBin + "/weir-collect", "--json", "--sum-by", "src_addr,proto", folder.path("export.pcap")});
  ASSERT_EQ(summed.exit_code, 0) << summed.err;
  std::map<std::pair<std::string, unsigned>, std::uint64_t> wanted;
  std::ifstream truth(kAndroid + ".truth.outer.jsonl");
  for (std::string line; std::getline(truth, line);) {
    const json tuple = json::parse(line);
    if (tuple.contains("src_addr"))
      wanted[{tuple.at("src_addr"), tuple.at("proto")}] += tuple.at("bytes").get<std::uint64_t>();
  }
  const std::vector<json> rows = json_lines(summed.out);
  EXPECT_EQ(rows.size(), wanted.size());
  std::uint64_t before = UINT64_MAX;
  for (const json& row : rows) {
    const std::uint64_t octets = row.at("bytes");
    EXPECT_EQ(octets, (wanted[{row.at("src_addr"), row.at("proto")}])) << row;
    EXPECT_LE(octets, before) << "the largest first";
    before = octets;
  }
}

TEST(DecodeStreams, malformed_datagrams_are_counted_by_name_and_nothing_else_happens) {
  WeirCollect collect(kBin, "netflow9");
  const std::string_view nine = "0009 0001 00002710 6553f100 00000000 00000001";
  const std::pair<std::string, std::string_view> cases[] = {
      {"00", "short_header"},
      {"0006 0000 00000000 00000000 00000000 00000000", "wrong_version"},
      {std::string(nine) + "0100 0003", "flow_set_too_short"},
      {std::string(nine) + "0100 ffff", "flow_set_too_long"},
      {std::string(nine) + "0000 000c 0100 ffff 0004 0001", "truncated_template"},
      {std::string(nine) + "0000 000c 0100 0001 0004 0000", "zero_length_record"},
      {std::string(nine) + "0001 0012 0100 0003 0005 0001 0004 0022 0004", "bad_scope_length"},
      {"000a 0012 6553f100 00000000", "bad_message_length"},
      {"000a 001e 6553f100 00000000 00000001 0003 000e 0100 0001 0002 0095 0004", "bad_scope_count"},
      {"0005 0002 00002710 6553f100 00000000 00000000 00000000", "bad_record_count"},
  };
  for (const auto& [octets, name] : cases) {
    Bytes datagram = hex(octets);
    if (name == "bad_message_length") datagram.resize(17);
    UdpSource(static_cast<std::uint16_t>(std::stoul(collect.port()))).send(datagram);
  }
  const auto result = collect.finish();
  EXPECT_TRUE(result.lines.empty());
  EXPECT_EQ(result.summary.at("datagrams"), std::size(cases));
  for (const auto& [octets, name] : cases) EXPECT_EQ(result.summary.at("malformed").at(std::string(name)), 1) << name;
}

TEST(DecodeStreams, gaps_late_ones_restarts_template_changes_and_clocks_are_told_of_each_exporter) {
  // What goes first is 2023's time to the second, so this exporter's clock is years behind.
  const auto nine = [](std::uint32_t sequence, std::string_view sets) {
    Bytes datagram = hex("0009 0001 00002710 6553f100");
    put(datagram, sequence, 4);
    put(datagram, 7, 4);  // source id
    const Bytes body = hex(sets);
    datagram.insert(datagram.end(), body.begin(), body.end());
    return datagram;
  };
  const auto ipfix = [](std::uint32_t sequence, std::string_view sets) {
    const Bytes body = hex(sets);
    Bytes message = hex("000a");
    put(message, 16 + body.size(), 2);
    put(message, 0x6553f100, 4);
    put(message, sequence, 4);
    put(message, 9, 4);  // observation domain
    message.insert(message.end(), body.begin(), body.end());
    return message;
  };
  constexpr std::string_view kTemplate9 = "0000 0010 0100 0002 0004 0001 0002 0001";
  constexpr std::string_view kOther9 = "0000 0010 0100 0002 0004 0001 0002 0002";  // packets in two octets
  constexpr std::string_view kRecord9 = "0100 0006 1105";
  constexpr std::string_view kTemplate10 = "0002 0010 0100 0002 0004 0001 0002 0001";
  WeirCollect collect(kBin, "netflow9");
  const UdpSource source(static_cast<std::uint16_t>(std::stoul(collect.port())));
  source.send(nine(100, kTemplate9));
  source.send(nine(101, kRecord9));
  source.send(nine(105, kRecord9));    // 102, 103 and 104 are missing
  source.send(nine(103, kRecord9));    // and one of them was only late
  source.send(nine(106, kTemplate9));  // the same again is no change
  source.send(nine(107, kOther9));
  source.send(ipfix(1000, kTemplate10));
  source.send(ipfix(1000, "0100 000a 1105 0606 1107"));  // three records
  source.send(ipfix(1010, "0100 0006 1101"));            // 1003 to 1009 are missing
  const auto result = collect.finish();
  const auto stream = [&](unsigned version) -> const json& {
    for (const json& one : result.summary.at("streams")) {
      if (one.at("version") == version) return one;
    }
    throw std::runtime_error("no such stream");
  };
  const json& of9 = stream(9);
  EXPECT_EQ(of9.at("source_id"), 7);
  EXPECT_EQ(of9.at("datagrams"), 6);
  EXPECT_EQ(of9.at("records"), 3);
  EXPECT_EQ(of9.at("sequence_gaps"), 1);
  EXPECT_EQ(of9.at("lost_datagrams"), 2);
  EXPECT_EQ(of9.at("late_datagrams"), 1);
  EXPECT_EQ(of9.at("template_changes"), 1);
  EXPECT_GT(of9.at("clock_skew_ms").at("least"), std::int64_t{86'400'000} * 365);
  const json& of10 = stream(10);
  EXPECT_EQ(of10.at("source_id"), 9);
  EXPECT_EQ(of10.at("records"), 4);
  EXPECT_EQ(of10.at("sequence_gaps"), 1);
  EXPECT_EQ(of10.at("lost_records"), 7);
  EXPECT_EQ(of10.at("lost_datagrams"), 0);
  EXPECT_EQ(result.summary.at("sequence_gaps"), 2);
}

TEST(DecodeStreams, a_dump_names_every_field) {
  NEED("softflowd");
  TemporaryFolder folder;
  write_datagram_capture(folder.path("export.pcap"),
                         datagrams_of([](const std::string& address) { softflowd(kAndroid, address, "10"); }),
                         kTsharkPort);
  const Finished dumped = run({kBin + "/weir-collect", "--dump", folder.path("export.pcap")});
  EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
  for (const char* text : {"192.0.2.1:40000: IPFIX, observation domain 0", "    template 1024, ", "(152), 8 octets",
                           "options template 256", "scope meteringProcessId", "sourceIPv6Address=fe80::"}) {
    EXPECT_NE(dumped.out.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(dumped.out.find("error"), std::string::npos);
}

TEST(DecodeStreams, data_without_templates_is_decoded_by_those_of_a_dump) {
  NEED("softflowd");
  for (const char* version : {"9", "10"}) {
    TemporaryFolder folder;
    const auto datagrams = datagrams_of([&](const std::string& address) { softflowd(kScan, address, version); });
    write_datagram_capture(folder.path("whole.pcap"), datagrams, kTsharkPort);
    // softflowd sends its templates at the beginning, and again later.
    std::vector<Bytes> data;
    for (const Bytes& one : datagrams) {
      const std::size_t header = version[0] == '9' ? 20 : 16;
      if (one.at(header) != 0) data.push_back(one);  // its first set has an id of 256 or more
    }
    ASSERT_LT(data.size(), datagrams.size());
    ASSERT_GT(data.size(), 10U);
    write_datagram_capture(folder.path("data.pcap"), data, kTsharkPort);
    const auto collected = [&](Arguments more) {
      Arguments command{kBin + "/weir-collect", "--json", "--summary", folder.path("summary")};
      command.insert(command.end(), more.begin(), more.end());
      const Finished done = run(command);
      EXPECT_EQ(done.exit_code, 0) << done.err;
      std::vector<json> lines = json_lines(done.out);
      for (json& line : lines) line.erase("sampling_rate");  // options data say it, which came with the templates
      return lines;
    };
    EXPECT_TRUE(collected({folder.path("data.pcap")}).empty()) << "v" << version;
    const Finished dumped = run({kBin + "/weir-collect", "--dump", folder.path("whole.pcap")});
    write_file(folder.path("templates"), {reinterpret_cast<const std::uint8_t*>(dumped.out.data()), dumped.out.size()});
    const std::vector<json> whole = collected({folder.path("whole.pcap")});
    const std::vector<json> given = collected({"--templates", folder.path("templates"), folder.path("data.pcap")});
    EXPECT_GT(given.size(), whole.size() / 2);
    // Each record is as it is by the exporter's own templates.
    std::size_t at = 0;
    for (const json& line : given) {
      while (at < whole.size() && whole[at] != line) ++at;
      ASSERT_LT(at, whole.size()) << line << " v" << version;
    }
    EXPECT_GT(json::parse(contents(folder.path("summary"))).at("streams").at(0).at("given_template_sets"), 0);
  }
}

}  // namespace
}  // namespace weir::test
