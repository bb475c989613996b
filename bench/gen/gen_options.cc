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

/// The options that are read after the command line: as they were written.
struct Texts {
  std::string size = "64";
  std::string rate = "100000";
  std::string duration;
  std::string cores;
};

void describe(CLI::App& app, GenOptions& options, Texts& texts) {
  app.set_version_flag("--version", "weir-gen " WEIR_VERSION, "Print the version");
  app.footer(kExamples);
  app.add_option("--port", options.port, "DPDK device to send to: PCI address or vdev")->type_name("DEV");
  app.add_option("--write", options.write, "capture file to write (pcap, nanoseconds); no EAL, no root")
      ->type_name("FILE");
  app.add_option("--flows", options.traffic.flows, "biflows at a time")->capture_default_str()->type_name("N");
  app.add_option("--rate", texts.rate, "packets per second in total (suffix k or M), or max")
      ->capture_default_str()
      ->type_name("PPS|max");
  app.add_option("--packets", options.traffic.packets, "packets to make")->type_name("N");
  app.add_option("--duration", texts.duration, "time to run: 500ms, 10s, 2m")->type_name("T");
  app.add_option("--size", texts.size, "frame size with FCS, or imix")->capture_default_str()->type_name("N|imix");
  app.add_option("--ipv6", options.traffic.ipv6_percent, "share of IPv6 biflows")
      ->capture_default_str()
      ->type_name("PERCENT");
  app.add_option("--tcp", options.traffic.tcp_percent, "share of TCP biflows, the others are UDP")
      ->capture_default_str()
      ->type_name("PERCENT");
  app.add_option("--zipf", options.traffic.zipf, "exponent of the biflows' popularity, 0: all alike")
      ->capture_default_str()
      ->type_name("S");
  app.add_option("--new-flows", options.new_flows, "biflows that end and are replaced per second")
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
  app.add_option("--cores", texts.cores, "CPUs: main thread, then sending threads (default: one for all)")
      ->type_name("LIST");
  app.add_option("--eal", options.eal, "further EAL arguments")->type_name("ARGS");
}

/// Prints help, or what was wrong; returns the exit code.
int finish(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {
    app.exit(error);
    return 0;
  }
  std::string_view what = error.what();
  constexpr std::string_view kNotANumber = "Could not convert: ";  // CLI11's words: "--tcp = -1" follows
  const bool not_a_number = what.starts_with(kNotANumber);
  if (not_a_number) what.remove_prefix(kNotANumber.size());
  std::fprintf(stderr, "weir-gen: %.*s%s (--help shows the options)\n", static_cast<int>(what.size()), what.data(),
               not_a_number ? ": expected a number that is not negative" : "");
  return 2;
}

/// Whether there is a place to send to and a packet to send. The error is a line for the user.
tl::expected<void, std::string> check_given(const CLI::App& app, const GenOptions& options) {
  if (app.count("--packets") != 0 && options.traffic.packets == 0)
    return tl::make_unexpected("--packets: 0; expected 1 or more");
  if (options.port.empty() == options.write.empty())
    return tl::make_unexpected("give one of --port DEV and --write FILE");
  return {};
}

/// Reads the texts into the options. The error is a line for the user.
tl::expected<void, std::string> read_texts(const Texts& texts, GenOptions& options) {
  if (texts.size == "imix") {
    options.traffic.size = 0;
  } else {
    const auto [end, error] =
        std::from_chars(texts.size.data(), texts.size.data() + texts.size.size(), options.traffic.size);
    if (error != std::errc() || end != texts.size.data() + texts.size.size()) {
      return tl::make_unexpected("--size: '" + texts.size + "' is neither a number of octets nor imix");
    }
    // 0 stands for IMIX inside.
    if (options.traffic.size == 0)
      return tl::make_unexpected("--size: 0 octets are too few for an Ethernet frame: at least 64, FCS included");
  }
  if (const auto good = check_options(options.traffic); !good) return tl::make_unexpected(good.error());
  if (texts.rate == "max") {
    options.rate = 0;
  } else {
    constexpr std::uint64_t kGreatestRate = 1'000'000'000;
    const auto parsed = parse_count(texts.rate);
    if (!parsed || *parsed == 0 || *parsed > kGreatestRate) {
      return tl::make_unexpected("--rate: '" + texts.rate + "' is neither packets per second (1 to 1000M) nor max");
    }
    options.rate = *parsed;
  }
  if (!texts.duration.empty()) {
    const auto parsed = parse_duration(texts.duration, 1, kGreatestRunNs);
    if (!parsed) return tl::make_unexpected("--duration: '" + texts.duration + "': " + parsed.error());
    options.duration_s = static_cast<double>(*parsed) / 1e9;
  }
  if (!texts.cores.empty()) {
    auto parsed = parse_cpu_list(texts.cores);
    if (!parsed) return tl::make_unexpected("--cores: " + parsed.error());
    options.cores = std::move(*parsed);
  }
  return {};
}

/// Whether the options go together, and the number of packets that they make. The error is a line for the user.
tl::expected<void, std::string> settle(GenOptions& options) {
  if (options.queues > options.traffic.flows) return tl::make_unexpected("--queues: more queues than --flows");
  if (!options.write.empty()) {
    if (options.rate == 0)
      return tl::make_unexpected("--rate max: a file has no rate of its own; its packet times need one");
    if (options.traffic.packets == 0 && options.duration_s == 0)
      return tl::make_unexpected("--write needs --packets or --duration");
    if (options.queues != 1 || !options.cores.empty() || !options.eal.empty()) {
      return tl::make_unexpected("--queues, --cores and --eal go with --port only");
    }
  }
  if (options.rate != 0 && options.duration_s != 0) {
    const double packets = std::max(1.0, std::floor(static_cast<double>(options.rate) * options.duration_s + 0.5));
    if (packets > 1e18) return tl::make_unexpected("--duration: too long");
    const auto limit = static_cast<std::uint64_t>(packets);
    options.traffic.packets = options.traffic.packets == 0 ? limit : std::min(options.traffic.packets, limit);
  }
  if (options.queues > 1 && options.traffic.packets != 0 && options.traffic.packets < options.queues) {
    return tl::make_unexpected("--packets: fewer packets than queues");
  }
  return {};
}

}  // namespace

std::optional<GenOptions> read_options(int argc, char** argv, int& exit_code) {
  GenOptions options;
  Texts texts;
  CLI::App app("weir-gen: synthetic biflows to a DPDK port or into a capture file", "weir-gen");
  describe(app, options, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = finish(app, error);
    return std::nullopt;
  }
  auto good = check_given(app, options);
  if (good) good = read_texts(texts, options);
  if (good) good = settle(options);
  if (good) return options;
  std::fprintf(stderr, "weir-gen: %s\n", good.error().c_str());
  exit_code = 2;
  return std::nullopt;
}

}  // namespace weir::bench
