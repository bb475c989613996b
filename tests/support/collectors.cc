#include "tests/support/collectors.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;

void pause() {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

/// A collector is ready when its socket is there.
void wait_for_socket(std::uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (!udp_socket_state(port).found && std::chrono::steady_clock::now() < deadline) pause();
}

/// It has taken everything when its socket holds nothing.
void wait_until_read(std::uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (udp_socket_state(port).unread != 0 && std::chrono::steady_clock::now() < deadline) pause();
  EXPECT_EQ(udp_socket_state(port).drops, 0U) << "the kernel dropped datagrams";
}

std::string uri_of(const std::string& scheme, std::uint16_t port, const std::string& options) {
  return scheme + "://127.0.0.1:" + std::to_string(port) + "?rate=20000" + options;
}

SeenFlow& add_counts(SeenFlows& flows, Tuple tuple, std::uint64_t packets, std::uint64_t octets, std::uint64_t first_ms,
                     std::uint64_t last_ms) {
  // NetFlow v5 has type and code of ICMP in the destination port; some collectors put them there of any version.
  unsigned icmp = 0;
  if (tuple.protocol == IPPROTO_ICMP || tuple.protocol == IPPROTO_ICMPV6) {
    icmp = std::exchange(tuple.destination_port, std::uint16_t{0});
  }
  SeenFlow& seen = flows[tuple];
  seen.icmp = icmp;
  seen.packets += packets;
  seen.octets += octets;
  seen.first_ms = std::min(seen.first_ms, first_ms);
  seen.last_ms = std::max(seen.last_ms, last_ms);
  return seen;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  if (!text.empty() && text.back() == separator) parts.emplace_back();
  return parts;
}

}  // namespace

std::uint64_t parse_time_ms(const std::string& text) {
  std::tm tm{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == nullptr || *rest != '.' || std::strlen(rest) != 4) throw std::runtime_error("no time: " + text);
  return static_cast<std::uint64_t>(timegm(&tm)) * 1000 + std::stoull(rest + 1);
}

// ---- nfcapd and nfdump

Nfcapd::Nfcapd()
    : port_(free_udp_port()),
      nfcapd_({"nfcapd", "-w", folder_.folder().string(), "-b", "127.0.0.1", "-p", std::to_string(port_), "-t", "3600",
               "-B", "4000000"}) {
  wait_for_socket(port_);
}

std::string Nfcapd::uri(const std::string& scheme, const std::string& options) const {
  return uri_of(scheme, port_, options);
}

void Nfcapd::finish(bool gaps) {
  wait_until_read(port_);
  nfcapd_.signal(SIGTERM);
  const Finished ended = nfcapd_.wait(seconds(20));
  const std::string log = ended.out + ended.err;
  EXPECT_NE(log.find(gaps ? "Bad Packets: 0" : "Sequence Errors: 0, Bad Packets: 0"), std::string::npos) << log;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.folder())) {
    if (entry.path().filename().string().starts_with("nfcapd.2")) file_ = entry.path().string();
  }
  ASSERT_FALSE(file_.empty()) << log;
  const Finished summary = run({"nfdump", "-r", file_, "-I"});
  if (!gaps) {
    EXPECT_NE(summary.out.find("Sequence failures: 0\n"), std::string::npos) << summary.out;
  }
}

json Nfcapd::flows() const {
  return json::parse(run({"nfdump", "-r", file_, "-o", "json"}).out);
}

void add_nfdump_flow(SeenFlows& flows, const json& flow) {
  const char* family = flow.contains("src4_addr") ? "4" : "6";
  const Tuple tuple =
      tuple_of(flow.at(std::string("src") + family + "_addr"), flow.at(std::string("dst") + family + "_addr"),
               flow.value("src_port", 0U), flow.value("dst_port", 0U), flow.at("proto"));
  SeenFlow& seen = add_counts(flows, tuple, flow.at("in_packets"), flow.at("in_bytes"), parse_time_ms(flow.at("first")),
                              parse_time_ms(flow.at("last")));
  seen.tos = flow.at("src_tos");
  seen.vlan = flow.value("src_vlan", 0U);  // not there in NetFlow v5
  seen.icmp |= flow.value("icmp_type", 0U) * 256 + flow.value("icmp_code", 0U);
  if (tuple.protocol != IPPROTO_TCP) return;
  // "CEUAPRSF", a dot where the flag is not set.
  const std::string text = flow.at("tcp_flags");
  unsigned flags = 0;
  for (const char flag : text) flags = flags << 1 | (flag == '.' ? 0U : 1U);
  seen.tcp_flags |= flags;
}

// ---- nfacctd

Nfacctd::Nfacctd() : port_(free_udp_port()), nfacctd_({"nfacctd", "-f", configuration()}) {
  // Its plugin is a process of its own, and what comes before that is ready may be lost.
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (log().find("setting object handlers") == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    pause();
  }
  wait_for_socket(port_);
}

std::string Nfacctd::log() const {
  std::ifstream in(folder_.path("log"));
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string Nfacctd::configuration() {
  // Every field that is compared is part of what it aggregates by, so that it does not aggregate.
  std::ofstream(folder_.path("conf")) << "daemonize: false\nnfacctd_ip: 127.0.0.1\nnfacctd_port: " << port_
                                      << "\nlogfile: " << folder_.path("log")
                                      << "\nplugins: print[a]\n"
                                         "aggregate[a]: src_host, dst_host, src_port, dst_port, proto, tcpflags, tos, "
                                         "vlan, sampling_rate, timestamp_start, timestamp_end\n"
                                         "print_output[a]: json\nprint_refresh_time[a]: 1\n"
                                         "print_output_file_append[a]: true\nprint_output_file[a]: "
                                      << folder_.path("out") << "\ntimestamps_since_epoch: true\n";
  return folder_.path("conf");
}

std::string Nfacctd::uri(const std::string& scheme, const std::string& options) const {
  return uri_of(scheme, port_, options);
}

json Nfacctd::finish() {
  wait_until_read(port_);
  nfacctd_.signal(SIGINT);  // what it has read goes to its plugin when a buffer is full, or now
  const Finished ended = nfacctd_.wait(seconds(20));
  EXPECT_FALSE(ended.timed_out) << log();
  json flows = json::array();
  std::ifstream in(folder_.path("out"));
  for (std::string line; std::getline(in, line);) flows.push_back(json::parse(line));
  return flows;
}

std::string Nfacctd::complaints() const {
  std::istringstream in(log());
  std::string result;
  for (std::string line; std::getline(in, line);) {
    if (line.find("unable to read") != std::string::npos || line.find("ERROR") != std::string::npos)
      result += line + '\n';
  }
  return result;
}

void add_nfacctd_flow(SeenFlows& flows, const json& flow) {
  static const std::map<std::string, unsigned> protocols{
      {"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"ipv6-icmp", 58}, {"sctp", 132}};
  const std::string protocol = flow.at("ip_proto");
  const auto known = protocols.find(protocol);
  const unsigned number = known != protocols.end() ? known->second : static_cast<unsigned>(std::stoul(protocol));
  const Tuple tuple = tuple_of(flow.at("ip_src"), flow.at("ip_dst"), flow.at("port_src"), flow.at("port_dst"), number);
  // "1700000000.010000"
  const auto ms = [](const std::string& text) {
    const std::size_t dot = text.find('.');
    return std::stoull(text.substr(0, dot)) * 1000 + std::stoull(text.substr(dot + 1)) / 1000;
  };
  SeenFlow& seen = add_counts(flows, tuple, flow.at("packets"), flow.at("bytes"), ms(flow.at("timestamp_start")),
                              ms(flow.at("timestamp_end")));
  seen.tos = flow.at("tos");
  seen.vlan = flow.at("vlan");
  seen.sampling_rate = std::max(seen.sampling_rate, flow.at("sampling_rate").get<unsigned>());
  seen.tcp_flags |= static_cast<unsigned>(std::stoul(flow.at("tcp_flags").get<std::string>()));
}

// ---- tshark

namespace {

std::vector<std::string> tshark_command(const std::string& capture) {
  return {"tshark", "-n", "-r", capture, "-d", "udp.port==" + std::to_string(kTsharkPort) + ",cflow"};
}

/// A tshark text: "86400.040000000 seconds", of uptime; or "Nov 14, 2023 22:13:20.040000000 UTC".
std::uint64_t tshark_ms(const std::string& text, std::int64_t boot_ms) {
  const std::size_t dot = text.find('.');
  const std::uint64_t ms = std::stoull(text.substr(dot + 1, 3));
  if (text.ends_with(" seconds")) return static_cast<std::uint64_t>(boot_ms) + std::stoull(text) * 1000 + ms;
  std::tm tm{};
  if (strptime(text.c_str(), "%b %d, %Y %H:%M:%S", &tm) == nullptr) throw std::runtime_error("no time: " + text);
  return static_cast<std::uint64_t>(timegm(&tm)) * 1000 + ms;
}

/// The first number of a text such as "TCP (6)", "0x001b, ..." or "17".
unsigned number_in(const std::string& text) {
  const std::size_t bracket = text.rfind('(');
  return static_cast<unsigned>(std::stoul(bracket == std::string::npos ? text : text.substr(bracket + 1), nullptr, 0));
}

using Record = std::map<std::string, std::string>;

void add_tshark_record(TsharkReading& reading, const Record& record, const Record& header) {
  const auto value = [](const Record& of, const char* name) {
    const auto found = of.find(name);
    return found == of.end() ? std::string() : found->second;
  };
  const auto number = [&](const char* name, unsigned otherwise = 0) {
    const std::string text = value(record, name);
    return text.empty() ? otherwise : number_in(text);
  };
  if (value(record, "SrcAddr").empty()) return;  // options
  std::int64_t boot_ms = 0;
  if (const std::string uptime = value(header, "SysUptime"); !uptime.empty()) {
    boot_ms = std::stoll(value(header, "CurrentSecs")) * 1000 - static_cast<std::int64_t>(tshark_ms(uptime, 0));
  }
  const Tuple tuple = tuple_of(value(record, "SrcAddr"), value(record, "DstAddr"), number("SrcPort"), number("DstPort"),
                               number("Protocol"));
  SeenFlow& seen =
      add_counts(reading.flows, tuple, std::stoull(value(record, "Packets")), std::stoull(value(record, "Octets")),
                 tshark_ms(value(record, "StartTime"), boot_ms), tshark_ms(value(record, "EndTime"), boot_ms));
  seen.tos = number("IP ToS");
  seen.vlan = number("Vlan Id");
  seen.tcp_flags |= number("TCP Flags");
  const std::string rate = value(header, "SampleRate");
  seen.sampling_rate = std::max(seen.sampling_rate, rate.empty() ? number("Sampling interval") : number_in(rate));
  seen.icmp |= number("ICMP Type") + number("IPv6 ICMP Type") * 256 + number("IPv6 ICMP Code");
  ++reading.records;
}

}  // namespace

std::vector<std::vector<std::string>> tshark_fields(const std::string& capture, const std::string& filter,
                                                    const std::vector<std::string>& fields) {
  std::vector<std::string> command = tshark_command(capture);
  command.insert(command.end(), {"-T", "fields", "-E", "occurrence=a", "-E", "separator=|"});
  if (!filter.empty()) command.insert(command.end(), {"-Y", filter});
  for (const std::string& field : fields) command.insert(command.end(), {"-e", field});
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(run(command).out);
  for (std::string line; std::getline(lines, line);) rows.push_back(split(line, '|'));
  return rows;
}

TsharkReading tshark_reading(const std::string& capture) {
  TsharkReading reading;
  for (const auto& row :
       tshark_fields(capture, "_ws.malformed || _ws.expert", {"frame.number", "_ws.expert.message"})) {
    reading.complaints += "frame " + row.at(0) + ": " + (row.size() > 1 ? row[1] : "malformed") + '\n';
  }
  std::vector<std::string> command = tshark_command(capture);
  command.insert(command.end(), {"-O", "cflow"});
  Record header, record;
  bool in_record = false;
  const auto finish_record = [&] {
    if (in_record) add_tshark_record(reading, record, header);
    in_record = false;
    record.clear();
  };
  std::istringstream lines(run(command).out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos || line.starts_with("Frame ")) {
      finish_record();
      if (indent != std::string::npos) header.clear();
      continue;
    }
    const std::string text = line.substr(indent);
    const bool begins = text.starts_with("pdu ") || (text.starts_with("Flow ") && text.find(':') == std::string::npos);
    if (begins || text.starts_with("Set ") || text.starts_with("FlowSet ")) {
      finish_record();
      in_record = begins;
    }
    if (text.find("Unknown") != std::string::npos || text.find("Private entry") != std::string::npos) {
      reading.unknown.push_back(text);
    }
    const std::size_t colon = text.find(": ");
    if (colon == std::string::npos) continue;
    const std::size_t bits = text.find(" = ");  // "..00 0000 0000 0001 = SampleRate: 1"
    const std::size_t begin = bits < colon ? bits + 3 : 0;
    // The first of a name stays.
    (in_record ? record : header).emplace(text.substr(begin, colon - begin), text.substr(colon + 2));
  }
  finish_record();
  return reading;
}

}  // namespace weir::test
