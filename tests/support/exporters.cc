#include "tests/support/exporters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;

Arguments collect_command(const std::string& folder_of_programs, const std::string& scheme, const std::string& summary,
                          const Arguments& more) {
  Arguments result{folder_of_programs + "/weir-collect", "--listen", scheme + "://127.0.0.1:0", "--summary", summary};
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

}  // namespace

std::vector<json> json_lines(const std::string& text) {
  std::vector<json> result;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) result.push_back(json::parse(line));
  return result;
}

SeenFlows seen_flows(const std::vector<json>& lines) {
  constexpr std::uint64_t kMs_ns = 1'000'000;
  SeenFlows flows;
  for (const json& line : lines) {
    if (!line.contains("src_addr")) continue;
    SeenFlow& seen = flows[tuple_of(line.at("src_addr"), line.at("dst_addr"), line.at("src_port"), line.at("dst_port"),
                                    line.at("proto"))];
    seen.packets += line.at("packets").get<std::uint64_t>();
    seen.octets += line.at("bytes").get<std::uint64_t>();
    seen.first_ms = std::min(seen.first_ms, line.at("time_flow_start_ns").get<std::uint64_t>() / kMs_ns);
    seen.last_ms = std::max(seen.last_ms, line.at("time_flow_end_ns").get<std::uint64_t>() / kMs_ns);
    seen.tos = line.at("ip_tos");
    seen.vlan = line.at("vlan_id");
    seen.sampling_rate = line.at("sampling_rate");
    seen.tcp_flags |= line.at("tcp_flags").get<unsigned>();
    seen.icmp = line.value("icmp_type", 0U) * 256 + line.value("icmp_code", 0U);
  }
  return flows;
}

WeirCollect::WeirCollect(const std::string& folder_of_programs, const std::string& scheme, const Arguments& more)
    : process_(collect_command(folder_of_programs, scheme, folder_.path("summary.json"), more)) {
  EXPECT_TRUE(process_.wait_for_error_text("listening on")) << process_.error_text();
  const std::string text = process_.error_text();
  const std::string mark = "://127.0.0.1:";
  port_ = std::to_string(std::stoul(text.substr(text.find(mark) + mark.size())));
}

WeirCollect::Result WeirCollect::finish() {
  process_.signal(SIGTERM);
  const Finished ended = process_.wait(seconds(30));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::ifstream summary(folder_.path("summary.json"));
  return {json_lines(ended.out), json::parse(summary)};
}

void softflowd(const std::string& capture, const std::string& address, const std::string& version,
               const Arguments& more) {
  Arguments command{"softflowd", "-r", capture, "-n", address, "-v", version, "-d", "-c", "none", "-A", "milli"};
  command.insert(command.end(), more.begin(), more.end());
  const Finished done = run(command, seconds(30));
  EXPECT_EQ(done.exit_code, 0) << done.err;
}

void nfreplay(const std::string& capture, const std::string& port, const std::string& version) {
  const TemporaryFolder folder;
  const Finished stored = run({"nfpcapd", "-r", capture, "-w", folder.folder().string()}, seconds(30));
  EXPECT_EQ(stored.exit_code, 0) << stored.err;
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder())) {
    if (!entry.path().filename().string().starts_with("nfcapd.2")) continue;
    const Finished sent =
        run({"nfreplay", "-r", entry.path().string(), "-H", "127.0.0.1", "-p", port, "-v", version}, seconds(30));
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
  }
}

void nfprobe(const std::string& capture, const std::string& address, const std::string& version,
             const std::string& more_fields) {
  const TemporaryFolder folder;
  // The delay: its plugin is a process of its own, and what the core reads before that is ready is lost.
  std::ofstream(folder.path("conf")) << "daemonize: false\npcap_savefile_delay: 1\npcap_savefile: " << capture
                                     << "\nplugins: nfprobe[a]\naggregate[a]: src_host, dst_host, src_port, dst_port, "
                                        "proto, tos, tcpflags, timestamp_start, timestamp_end"
                                     << more_fields << "\nnfprobe_receiver[a]: " << address
                                     << "\nnfprobe_version[a]: " << version << '\n';
  (void)run({"pmacctd", "-f", folder.path("conf")}, seconds(30));  // its exit code is not 0 at the end of a file
}

std::vector<Bytes> datagrams_of(const std::function<void(const std::string& address)>& send) {
  UdpSink sink;
  send(sink.address());
  return sink.finish();
}

}  // namespace weir::test
