#include "bench/gen/gen_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

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

// "10s", "500ms", "2m", "1h"; without a unit seconds. 0 when it is none of these.
double parse_duration(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return 0;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double scale = unit.empty() || unit == "s" ? 1
                       : unit == "ms"              ? 1e-3
                       : unit == "m"               ? 60
                       : unit == "h"               ? 3600
                                                   : 0;
  const double seconds = value * scale;
  return std::isfinite(seconds) && seconds > 0 ? seconds : 0;
}

// "250000", "250k", "1.5M"; 0 when it is none of these.
std::uint64_t parse_rate(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return 0;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double scale = unit.empty() ? 1 : unit == "k" ? 1e3 : unit == "M" ? 1e6 : 0;
  const double rate = value * scale;
  return std::isfinite(rate) && rate >= 1 && rate <= 1e9 ? static_cast<std::uint64_t>(rate) : 0;
}

// CPU lists: "2,3,4-7". False when it is none.
bool parse_cores(const std::string& text, std::vector<unsigned>& cores) {
  constexpr unsigned kMost = 1024;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const char* first = text.data() + start;
    const char* last = text.data() + comma;
    unsigned from = 0;
    auto [end, error] = std::from_chars(first, last, from);
    if (error != std::errc() || from >= kMost) return false;
    unsigned to = from;
    if (end != last) {
      if (*end != '-') return false;
      const auto rest = std::from_chars(end + 1, last, to);
      if (rest.ec != std::errc() || rest.ptr != last || to < from || to >= kMost) return false;
    }
    for (unsigned cpu = from; cpu <= to; ++cpu) cores.push_back(cpu);
    start = comma + 1;
  }
  return !cores.empty();
}

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
  } else if (options.rate = parse_rate(rate); options.rate == 0) {
    return refuse("--rate: '" + rate + "' is neither packets a second (1 to 1000M) nor max");
  }
  if (!duration.empty()) {
    options.duration_s = parse_duration(duration);
    if (options.duration_s == 0) return refuse("--duration: '" + duration + "' is no time such as 10s, 500ms or 2m");
  }
  if (!cores.empty() && !parse_cores(cores, options.cores))
    return refuse("--cores: '" + cores + "' is no list of CPUs such as 2,3 or 2-5");
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
