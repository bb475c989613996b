#include "bench/gen/gen_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

#include "proto/base/cpu_list.h"
#include "proto/base/duration.h"
#include "proto/base/quantity.h"

namespace weir::bench {
namespace {

constexpr const char* kExamples = R"(Examples:
  weir-gen --write mix.pcap --flows 1000 --packets 100000 --size imix --ipv6 30
  weir-gen --port net_memif0,role=client,socket=weir,socket-abstract=yes --rate 1M --duration 10s
  weir-gen --port 0000:3b:00.1 --rate max --duration 60s --flows 1000000 --zipf 1.1 --queues 2 --cores 2,3,4

Sizes include the FCS: 64 is 60 octets in the buffer or file. IPv6 needs 66 for UDP and 78 for TCP.
IMIX is 64, 594 and 1518 octets in the ratio 7:4:1 (361.8 on average).
With --packets, or --duration at a rate, exactly that many packets are made and every TCP conversation ends in them;
with --rate max and --duration the conversations are closed after that time. SIGINT closes them and ends; a second one
ends at once. At --rate max a packet that the device refuses is given up and counted; otherwise it is sent again.)";

}  // namespace

std::optional<GenOptions> read_options(int argc, char** argv, int& exit_code) {
  GenOptions options;
  std::string size = "64";
  std::string rate = "100000";
  std::string duration;
  std::string cores;
  CLI::App app("weir-gen: synthetic biflows to a DPDK port or into a capture file", "weir-gen");
  app.set_version_flag("--version", "weir-gen " WEIR_VERSION, "Print the version");
  app.footer(kExamples);
  app.add_option("--port", options.port, "DPDK device to send to: PCI address or vdev")->type_name("DEV");
  app.add_option("--write", options.write, "capture file to write (pcap, nanoseconds); no EAL, no root")
      ->type_name("FILE");
  app.add_option("--flows", options.traffic.flows, "biflows at a time")->capture_default_str()->type_name("N");
  app.add_option("--rate", rate, "packets a second in total (suffix k or M), or max")
      ->capture_default_str()
      ->type_name("PPS|max");
  app.add_option("--packets", options.traffic.packets, "packets to make")->type_name("N");
  app.add_option("--duration", duration, "time to run: 500ms, 10s, 2m")->type_name("T");
  app.add_option("--size", size, "frame size with FCS, or imix")->capture_default_str()->type_name("N|imix");
  app.add_option("--ipv6", options.traffic.ipv6_percent, "share of IPv6 biflows")
      ->capture_default_str()
      ->type_name("PERCENT");
  app.add_option("--tcp", options.traffic.tcp_percent, "share of TCP biflows, the others are UDP")
      ->capture_default_str()
      ->type_name("PERCENT");
  app.add_option("--zipf", options.traffic.zipf, "exponent of the biflows' popularity, 0: all alike")
      ->capture_default_str()
      ->type_name("S");
  app.add_option("--new-flows", options.new_flows, "biflows that end and are replaced a second")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--queues", options.queues, "transmit queues; a conversation stays in one")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  app.add_option("--seed", options.traffic.seed, "the same seed makes the same traffic")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--manifest", options.manifest, "file for what was sent of each biflow, JSON lines")
      ->type_name("FILE");
  app.add_flag("--json", options.json, "the receipt as one JSON object");
  app.add_option("--cores", cores, "CPUs: main thread, then sending threads (default: one for all)")->type_name("LIST");
  app.add_option("--eal", options.eal, "further EAL arguments")->type_name("ARGS");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      exit_code = 0;
    } else {
      std::string_view what = error.what();
      constexpr std::string_view kNotANumber = "Could not convert: ";  // CLI11's words: "--tcp = -1" follows
      const bool not_a_number = what.starts_with(kNotANumber);
      if (not_a_number) what.remove_prefix(kNotANumber.size());
      std::fprintf(stderr, "weir-gen: %.*s%s (--help shows the options)\n", static_cast<int>(what.size()), what.data(),
                   not_a_number ? ": expected a number that is not negative" : "");
      exit_code = 2;
    }
    return std::nullopt;
  }

  const auto refuse = [&exit_code](const std::string& text) -> std::optional<GenOptions> {
    std::fprintf(stderr, "weir-gen: %s\n", text.c_str());
    exit_code = 2;
    return std::nullopt;
  };
  if (app.count("--packets") != 0 && options.traffic.packets == 0) return refuse("--packets: 0; expected 1 or more");
  if (options.port.empty() == options.write.empty()) return refuse("give one of --port DEV and --write FILE");
  if (size == "imix") {
    options.traffic.size = 0;
  } else {
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), options.traffic.size);
    if (error != std::errc() || end != size.data() + size.size()) {
      return refuse("--size: '" + size + "' is neither a number of octets nor imix");
    }
    // 0 stands for IMIX inside.
    if (options.traffic.size == 0) return refuse("--size: 0 octets are no Ethernet frame: at least 64, FCS included");
  }
  if (const auto good = check_options(options.traffic); !good) return refuse(good.error());
  if (rate == "max") {
    options.rate = 0;
  } else {
    constexpr std::uint64_t kGreatestRate = 1'000'000'000;
    const auto parsed = parse_count(rate);
    if (!parsed || *parsed == 0 || *parsed > kGreatestRate) {
      return refuse("--rate: '" + rate + "' is neither packets a second (1 to 1000M) nor max");
    }
    options.rate = *parsed;
  }
  if (!duration.empty()) {
    const auto parsed = parse_duration(duration, 1, kGreatestRunNs);
    if (!parsed) return refuse("--duration: '" + duration + "': " + parsed.error());
    options.duration_s = static_cast<double>(*parsed) / 1e9;
  }
  if (!cores.empty()) {
    auto parsed = parse_cpu_list(cores);
    if (!parsed) return refuse("--cores: " + parsed.error());
    options.cores = std::move(*parsed);
  }
  if (options.queues > options.traffic.flows) return refuse("--queues: more queues than --flows");
  if (!options.write.empty()) {
    if (options.rate == 0) return refuse("--rate max: a file has no rate of its own; its packet times need one");
    if (options.traffic.packets == 0 && options.duration_s == 0) return refuse("--write needs --packets or --duration");
    if (options.queues != 1 || !options.cores.empty() || !options.eal.empty()) {
      return refuse("--queues, --cores and --eal go with --port only");
    }
  }
  if (options.rate != 0 && options.duration_s != 0) {
    const double packets = std::max(1.0, std::floor(static_cast<double>(options.rate) * options.duration_s + 0.5));
    if (packets > 1e18) return refuse("--duration: too long");
    const auto limit = static_cast<std::uint64_t>(packets);
    options.traffic.packets = options.traffic.packets == 0 ? limit : std::min(options.traffic.packets, limit);
  }
  if (options.queues > 1 && options.traffic.packets != 0 && options.traffic.packets < options.queues) {
    return refuse("--packets: fewer packets than queues");
  }
  return options;
}

}  // namespace weir::bench
