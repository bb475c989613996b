#include "control/config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <set>

#include "control/export/export_uri.h"
#include "control/key_list.h"
#include "control/metric_list.h"
#include "control/prometheus.h"
#include "control/tunnel_list.h"
#include "dataplane/input/pcap_filter.h"
#include "proto/base/cpu_list.h"
#include "proto/base/duration.h"
#include "proto/base/pci_name.h"
#include "proto/base/unique_fd.h"
#include "proto/record/message_json.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::size_t kMaxFileOctets = 1U << 20;    ///< a configuration has some hundred octets
constexpr std::uint64_t kHour = 3'600'000'000'000;  ///< ns
// The flow table keeps times as 48 bits of nanoseconds from a base of its own: 2^48 ns are 78 hours.
constexpr std::uint64_t kLeastTimeout = 1'000'000;
constexpr std::uint64_t kGreatestTimeout = 72 * kHour;
constexpr std::uint64_t kLeastFlows = 64;
constexpr std::uint64_t kGreatestFlows = 1ULL << 31;  ///< entries are found by a 32-bit index
constexpr unsigned kGreatestWorkers = 64;
constexpr std::uint64_t kGreatestOverflow = 1ULL << 24;  ///< 5 GB

constexpr std::array<std::pair<std::string_view, FullTable>, 3> kFullTables{
    {{"evict", FullTable::evict}, {"overflow", FullTable::overflow}, {"sample", FullTable::sample}}};

struct FieldHelp {
  std::string_view name;
  std::string_view example;
  std::string_view unset;  ///< what it means that the field has no value
};

constexpr auto kFields = std::to_array<FieldHelp>({
    {"idle_timeout", R"(idle_timeout: "30s")", ""},
    {"active_timeout", R"(active_timeout: "300s")", ""},
    {"tcp_close", "tcp_close: true", ""},
    {"max_flows", "max_flows: 1048576", ""},
    {"workers", "workers: 4", ""},
    {"when_full", R"(when_full: "evict")", ""},
    {"overflow_entries", "overflow_entries: 65536", ""},
    {"overflow_timeout", R"(overflow_timeout: "10s")", ""},
    {"export", R"(export: "netflow9://192.0.2.1:2055")", "none, records are counted and dropped"},
    {"ledger", R"(ledger: "/var/log/weir/ledger.json")", "not written"},
    {"key", R"(key: "5tuple,vlan_id")", ""},
    {"metrics", R"(metrics: "layer2,tcp")", ""},
    {"layer", R"(layer: "inner")", ""},
    {"tunnels", R"(tunnels: "default,teredo,vxlan=8472")", ""},
    {"tunnel_depth", "tunnel_depth: 16", ""},
    {"icmp_errors", R"(icmp_errors: "own")", ""},
    {"filter", R"(filter: "tcp port 443")", "none, every packet is counted"},
    {"port", R"(port: "0000:3b:00.0")", "none, `run` needs one"},
    {"cores", R"(cores: "0,2-4")", "chosen at start"},
    {"rss", R"(rss: "addresses")", ""},
    {"idle", R"(idle: "auto")", ""},
    {"socket", R"(socket: "/run/weir/weir.sock")", ""},
    {"prometheus", R"(prometheus: "127.0.0.1:9101")", "off"},
    {"duration", R"(duration: "10m")", "until SIGINT or SIGTERM"},
    {"eal", R"(eal: "--log-level=7")", "none"},
});

const FieldHelp* find_field(std::string_view name) {
  const auto* found = std::find_if(kFields.begin(), kFields.end(), [&](const FieldHelp& f) { return f.name == name; });
  return found == kFields.end() ? nullptr : found;
}

/// Keeps the first error of the text format parser and hushes the others.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (found) return;
    found = true;
    line_ = line;
    column_ = column;
    text_ = message;
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}

  bool found = false;

  [[nodiscard]] std::string describe(const std::string& text, const std::string& name) const {
    std::string what = text_;
    while (what.ends_with('.')) what.pop_back();
    if (!what.empty() && what.size() > 1 && std::islower(static_cast<unsigned char>(what[1])) != 0) {
      what[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(what[0])));
    }
    static constexpr std::string_view kUnknown = "has no field named \"";
    if (const auto at = what.find(kUnknown); at != std::string::npos) {
      std::string names;
      for (const auto& field : kFields) names += fmt::format(" {}", field.name);
      what = fmt::format("no field is named \"{}; expected one of{}", what.substr(at + kUnknown.size()), names);
    } else if (const FieldHelp* field = field_of_line(text); field != nullptr) {
      what += fmt::format("; expected a line such as {}", field->example);
    }
    return fmt::format("{}:{}:{}: {}", name, line_ + 1, column_ + 1, what);
  }

 private:
  /// The field that the faulty line begins with.
  [[nodiscard]] const FieldHelp* field_of_line(std::string_view text) const {
    for (int line = 0; line < line_; ++line) {
      const auto end = text.find('\n');
      if (end == std::string_view::npos) return nullptr;
      text.remove_prefix(end + 1);
    }
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return nullptr;
    text.remove_prefix(begin);
    return find_field(text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_")));
  }

  int line_ = 0;
  int column_ = 0;
  std::string text_;
};

/// A control character would break the one line of an error or the log; protobuf strings must be UTF-8.
bool is_utf8_without_controls(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto lead = static_cast<unsigned char>(text.front());
    if (length == 0 || lead < 0x20 || lead == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// The name under which EAL will know the device: two ports must not share it. Empty: neither PCI address nor vdev.
std::string device_name(std::string_view port) {
  if (auto pci = pci_name(port.substr(0, port.find(','))); !pci.empty()) return pci;
  const auto name = port.substr(0, port.find(','));
  const bool driver = (name.starts_with("net_") || name.starts_with("eth_")) && name.size() > 4;
  return driver && name.find_first_of(" \t") == std::string_view::npos ? std::string(name) : std::string();
}

/// The checks of validate(): the first that fails is kept.
class Validator {
 public:
  Validator(const v1::Config& config, Command command, const Places& places)
      : config_(config), command_(command), places_(places) {}

  tl::expected<Settings, ConfigError> run() {
    metering();
    full_table();
    parsing();
    outputs();
    ports();
    cores();
    rest();
    if (error_) return tl::make_unexpected(*error_);
    return settings_;
  }

 private:
  [[nodiscard]] std::string place(const std::string& field, int index = 0) const {
    const auto found = places_.find({field, index});
    return found == places_.end() ? option_of(field) : found->second;
  }

  void fail(const std::string& field, int index, const std::string& value, const std::string& what) {
    if (error_) return;
    error_ = ConfigError{fmt::format("{} {}: {}", place(field, index), value.empty() ? "''" : value, what), 2};
  }
  void fail(const std::string& message) {
    if (!error_) error_ = ConfigError{message, 2};
  }

  /// What every text must be. `expected` is for an empty one.
  bool good_text(const std::string& field, int index, const std::string& value, std::string_view expected) {
    if (value.empty()) {
      fail(field, index, value, fmt::format("empty; expected {}", expected));
      return false;
    }
    if (!is_utf8_without_controls(value)) {
      fail(fmt::format("{}: a control character, or octets that are not UTF-8; expected plain text",
                       place(field, index)));
      return false;
    }
    return true;
  }

  void duration(const std::string& field, const std::string& text, std::uint64_t least, std::uint64_t greatest,
                std::uint64_t& out) {
    if (!good_text(field, 0, text, "a duration such as 30s")) return;
    const auto parsed = parse_duration(text, least, greatest);
    if (!parsed) return fail(field, 0, text, parsed.error());
    out = *parsed;
  }

  void metering() {
    if (config_.has_idle_timeout()) {
      duration("idle_timeout", config_.idle_timeout(), kLeastTimeout, kGreatestTimeout, settings_.idle_timeout_ns);
    }
    if (config_.has_active_timeout()) {
      duration("active_timeout", config_.active_timeout(), kLeastTimeout, kGreatestTimeout,
               settings_.active_timeout_ns);
    }
    if (config_.has_tcp_close()) settings_.tcp_close = config_.tcp_close();
    if (config_.has_max_flows()) {
      settings_.max_flows = config_.max_flows();
      if (settings_.max_flows < kLeastFlows || settings_.max_flows > kGreatestFlows) {
        fail("max_flows", 0, std::to_string(settings_.max_flows),
             fmt::format("out of range; expected {} to {}", kLeastFlows, kGreatestFlows));
      }
    }
    if (config_.has_workers()) {
      settings_.workers = config_.workers();
      if (settings_.workers < 1 || settings_.workers > kGreatestWorkers) {
        fail("workers", 0, std::to_string(settings_.workers),
             fmt::format("out of range; expected 1 to {}", kGreatestWorkers));
      }
    }
  }

  void full_table() {
    if (config_.has_when_full()) {
      const auto* found = std::find_if(kFullTables.begin(), kFullTables.end(),
                                       [&](const auto& one) { return one.first == config_.when_full(); });
      if (!good_text("when_full", 0, config_.when_full(), "evict, overflow or sample")) return;
      if (found == kFullTables.end()) {
        return fail("when_full", 0, config_.when_full(), "expected evict, overflow or sample");
      }
      settings_.when_full = found->second;
    }
    if (config_.has_overflow_entries()) {
      settings_.overflow.max_entries = config_.overflow_entries();
      if (settings_.overflow.max_entries < 1 || settings_.overflow.max_entries > kGreatestOverflow) {
        fail("overflow_entries", 0, std::to_string(settings_.overflow.max_entries),
             fmt::format("out of range; expected 1 to {}", kGreatestOverflow));
      }
    }
    if (config_.has_overflow_timeout()) {
      duration("overflow_timeout", config_.overflow_timeout(), kLeastTimeout, kGreatestTimeout,
               settings_.overflow.timeout_ns);
    }
  }

  void parsing() {
    if (config_.has_key()) {
      if (!good_text("key", 0, config_.key(), "the fields of the flow key such as 5tuple,vlan_id")) return;
      const auto key = parse_key_list(config_.key());
      if (!key) return fail("key", 0, config_.key(), key.error());
      settings_.key = *key;
      settings_.key_list = config_.key();
    }
    if (config_.has_metrics()) {
      if (!good_text("metrics", 0, config_.metrics(), "all, none or names of metrics")) return;
      const auto metrics = parse_metric_list(config_.metrics());
      if (!metrics) return fail("metrics", 0, config_.metrics(), metrics.error());
      settings_.metrics = *metrics;
      settings_.metric_list = config_.metrics();
    }
    if (config_.has_layer()) {
      const std::string& layer = config_.layer();
      if (!good_text("layer", 0, layer, "outer or inner")) return;
      if (layer != "outer" && layer != "inner") return fail("layer", 0, layer, "expected outer or inner");
      settings_.parser.layer = layer == "outer" ? Layer::outer : Layer::inner;
    }
    if (config_.has_tunnels()) {
      if (!good_text("tunnels", 0, config_.tunnels(), "all, none, default or names of tunnels")) return;
      if (const auto good = parse_tunnel_list(config_.tunnels(), settings_.parser); !good) {
        return fail("tunnels", 0, config_.tunnels(), good.error());
      }
      settings_.tunnels = config_.tunnels();
    }
    if (config_.has_tunnel_depth()) {
      settings_.parser.tunnel_depth = config_.tunnel_depth();
      if (settings_.parser.tunnel_depth > ParserOptions::kMaxTunnelDepth) {
        return fail("tunnel_depth", 0, std::to_string(settings_.parser.tunnel_depth),
                    fmt::format("out of range; expected 0 to {}", ParserOptions::kMaxTunnelDepth));
      }
    }
    if (config_.has_icmp_errors()) {
      const std::string& errors = config_.icmp_errors();
      if (!good_text("icmp_errors", 0, errors, "own or quoted")) return;
      if (errors != "own" && errors != "quoted") return fail("icmp_errors", 0, errors, "expected own or quoted");
      settings_.parser.icmp_errors = errors == "quoted" ? IcmpErrors::quoted : IcmpErrors::own;
    }
    if (config_.has_filter()) {
      if (!good_text("filter", 0, config_.filter(), "a pcap filter such as 'tcp port 443'")) return;
      if (const auto good = PcapFilter::compile(config_.filter(), LinkType::ethernet); !good && !read_may_know()) {
        return fail("filter", 0, fmt::format("'{}'", config_.filter()),
                    fmt::format("{}; expected a pcap filter such as 'tcp port 443' (man pcap-filter)", good.error()));
      }
      settings_.filter = config_.filter();
    }
  }

  /// A capture of another link type may know words that Ethernet does not.
  [[nodiscard]] bool read_may_know() const {
    if (command_ != Command::read) return false;
    return PcapFilter::compile(config_.filter(), LinkType::ieee80211).has_value() ||
           PcapFilter::compile(config_.filter(), LinkType::ppp).has_value() ||
           PcapFilter::compile(config_.filter(), LinkType::frame_relay).has_value();
  }

  void outputs() {
    std::map<std::string, int> files;
    std::set<std::string> uris;
    for (int i = 0; i < config_.export__size(); ++i) {
      const std::string& uri = config_.export_(i);
      if (!good_text("export", i, uri, "an export URI such as netflow9://192.0.2.1:2055")) return;
      const auto parsed = parse_export_uri(uri);
      if (!parsed) {
        // The exporters' line begins with "export 'URI': "; the place says more than the word.
        const std::string& error = parsed.error();
        static constexpr std::string_view kWord = "export ";
        return fail(place("export", i) + (error.starts_with(kWord) ? " " + error.substr(kWord.size()) : ": " + error));
      }
      if (!uris.insert(uri).second) {
        return fail("export", i, uri, "given twice: every record would be sent twice; expected different exporters");
      }
      const std::string file = parsed->request->file();
      if (!file.empty() && !files.emplace(file, i).second) {
        return fail("export", i, uri,
                    fmt::format("{} is written by {}, too; expected a file for each exporter",
                                file == "-" ? "standard output" : file, config_.export_(files[file])));
      }
      settings_.exports.push_back(uri);
    }
    if (!config_.has_ledger()) return;
    settings_.ledger_file = config_.ledger();
    if (!good_text("ledger", 0, config_.ledger(), "a file, or - for standard output")) return;
    if (files.contains(config_.ledger())) {
      fail("ledger", 0, config_.ledger(),
           fmt::format("{} is written by {}, too; expected a file of its own",
                       config_.ledger() == "-" ? "standard output" : config_.ledger(),
                       config_.export_(files[config_.ledger()])));
    }
  }

  void ports() {
    std::map<std::string, std::string> names;
    for (int i = 0; i < config_.port_size(); ++i) {
      const std::string& port = config_.port(i);
      static constexpr std::string_view kForm =
          "a PCI address such as 0000:3b:00.0, or a vdev such as net_af_packet0,iface=eth0";
      if (!good_text("port", i, port, kForm)) return;
      const std::string name = device_name(port);
      if (name.empty()) {
        return fail("port", i, port, fmt::format("neither a PCI address nor a vdev; expected {}", kForm));
      }
      if (const auto [other, fresh] = names.emplace(name, port); !fresh) {
        return fail("port", i, port,
                    other->second == port
                        ? std::string("given twice; expected every port once")
                        : fmt::format("the same device as {}; expected every device once", other->second));
      }
      settings_.ports.push_back(port);
    }
    if (command_ == Command::run && settings_.ports.empty()) {
      fail(
          "no port to take packets from; expected --port (or port: in the file) with a PCI address, as in "
          "--port 0000:3b:00.0, or a vdev, as in --port net_af_packet0,iface=eth0");
    }
  }

  void cores() {
    if (!config_.has_cores()) return;
    const std::string& text = config_.cores();
    if (!good_text("cores", 0, text, "a CPU list such as 0,2-4")) return;
    const auto cpus = parse_cpu_list(text);
    if (!cpus) return fail("cores", 0, text, cpus.error());
    if (command_ != Command::read && cpus->size() != settings_.workers + std::size_t{1}) {
      return fail("cores", 0, text,
                  fmt::format("{} CPU{}; expected {}: the first for control, then one for each of {} worker{}",
                              cpus->size(), cpus->size() == 1 ? "" : "s", settings_.workers + 1, settings_.workers,
                              settings_.workers == 1 ? " (--workers)" : "s"));
    }
    settings_.cores = *cpus;
  }

  void rest() {
    if (config_.has_rss()) {
      const std::string& rss = config_.rss();
      if (!good_text("rss", 0, rss, "addresses or ports")) return;
      if (rss != "addresses" && rss != "ports") return fail("rss", 0, rss, "expected addresses or ports");
      settings_.rss_ports = rss == "ports";
    }
    if (config_.has_idle()) {
      static constexpr std::string_view kIdle = "auto, poll, pause or sleep";
      if (!good_text("idle", 0, config_.idle(), kIdle)) return;
      if (!parse_idle_choice(config_.idle(), settings_.idle)) {
        return fail("idle", 0, config_.idle(), fmt::format("expected {}", kIdle));
      }
    }
    settings_.socket = config_.has_socket() ? config_.socket() : default_socket_path();
    if (!good_text("socket", 0, settings_.socket, "the path of a unix socket")) return;
    if (settings_.socket.size() > kMaxSocketPath) {
      return fail("socket", 0, settings_.socket,
                  fmt::format("{} octets; expected a path of at most {}", settings_.socket.size(), kMaxSocketPath));
    }
    if (settings_.socket.ends_with('/')) return fail("socket", 0, settings_.socket, "a folder; expected a file in it");
    if (config_.has_prometheus() && !config_.prometheus().empty()) {
      if (const auto good = check_listen_address(config_.prometheus()); !good) {
        return fail("prometheus", 0, config_.prometheus(), good.error());
      }
      settings_.prometheus = config_.prometheus();
    }
    if (config_.has_duration()) duration("duration", config_.duration(), 1, kGreatestRunNs, settings_.duration_ns);
    if (config_.has_eal() && !config_.eal().empty()) {
      if (!good_text("eal", 0, config_.eal(), "EAL arguments")) return;
      settings_.eal_arguments = config_.eal();
    }
  }

  const v1::Config& config_;
  const Command command_;
  const Places& places_;
  Settings settings_;
  std::optional<ConfigError> error_;
};

ConfigError file_error(const std::string& path, int error) {
  return ConfigError{fmt::format("{}: {}; expected a configuration file that can be read", path, std::strerror(error)),
                     1};
}

}  // namespace

std::string_view when_full_name(FullTable when_full) {
  const auto* found =
      std::find_if(kFullTables.begin(), kFullTables.end(), [&](const auto& one) { return one.second == when_full; });
  return found == kFullTables.end() ? std::string_view() : found->first;
}

std::string option_of(std::string_view field) {
  std::string option = "--" + std::string(field);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

tl::expected<SourcedConfig, ConfigError> parse_config(const std::string& text, const std::string& name) {
  SourcedConfig out;
  FirstError error;
  google::protobuf::TextFormat::ParseInfoTree locations;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&locations);
  google::protobuf::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&input, &out.config) || error.found) {
    return tl::make_unexpected(ConfigError{error.describe(text, name), 2});
  }
  const auto* type = v1::Config::descriptor();
  const auto* reflection = v1::Config::GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    const int count = field->is_repeated() ? reflection->FieldSize(out.config, field)
                                           : static_cast<int>(reflection->HasField(out.config, field));
    for (int at = 0; at < count; ++at) {
      const auto where = locations.GetLocation(field, field->is_repeated() ? at : -1);
      out.places[{field->name(), at}] =
          fmt::format("{}:{}:{}: {}", name, where.line + 1, where.column + 1, field->name());
    }
  }
  return out;
}

tl::expected<SourcedConfig, ConfigError> load_config_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return tl::make_unexpected(file_error(path, errno));
  std::string text;
  std::array<char, 16384> block{};
  while (true) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(file_error(path, errno));
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxFileOctets) {
      return tl::make_unexpected(ConfigError{
          fmt::format("{}: larger than {} octets; expected a configuration file", path, kMaxFileOctets), 2});
    }
  }
  return parse_config(text, path);
}

SourcedConfig merge(SourcedConfig base, const SourcedConfig& over) {
  const auto* type = v1::Config::descriptor();
  const auto* reflection = v1::Config::GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    const bool set =
        field->is_repeated() ? reflection->FieldSize(over.config, field) > 0 : reflection->HasField(over.config, field);
    if (!set) continue;
    reflection->ClearField(&base.config, field);
    std::erase_if(base.places, [&](const auto& entry) { return entry.first.first == field->name(); });
  }
  base.config.MergeFrom(over.config);
  base.places.insert(over.places.begin(), over.places.end());
  return base;
}

tl::expected<Settings, ConfigError> validate(const v1::Config& config, Command command, const Places& places) {
  return Validator(config, command, places).run();
}

v1::Config effective_config(const Settings& settings, const v1::Config& config) {
  v1::Config out;
  out.set_idle_timeout(duration_text(settings.idle_timeout_ns));
  out.set_active_timeout(duration_text(settings.active_timeout_ns));
  out.set_tcp_close(settings.tcp_close);
  out.set_max_flows(settings.max_flows);
  out.set_workers(settings.workers);
  out.set_when_full(std::string(when_full_name(settings.when_full)));
  out.set_overflow_entries(settings.overflow.max_entries);
  out.set_overflow_timeout(duration_text(settings.overflow.timeout_ns));
  out.set_key(settings.key_list);
  out.set_metrics(settings.metric_list);
  out.set_layer(settings.parser.layer == Layer::outer ? "outer" : "inner");
  out.set_tunnels(settings.tunnels);
  out.set_tunnel_depth(settings.parser.tunnel_depth);
  out.set_icmp_errors(settings.parser.icmp_errors == IcmpErrors::quoted ? "quoted" : "own");
  if (!settings.filter.empty()) out.set_filter(settings.filter);
  for (const auto& uri : settings.exports) out.add_export_(uri);
  if (!settings.ledger_file.empty()) out.set_ledger(settings.ledger_file);
  for (const auto& port : settings.ports) out.add_port(port);
  if (!settings.cores.empty()) out.set_cores(config.cores());
  out.set_rss(settings.rss_ports ? "ports" : "addresses");
  out.set_idle(std::string(idle_choice_name(settings.idle)));
  out.set_socket(settings.socket);
  if (!settings.prometheus.empty()) out.set_prometheus(settings.prometheus);
  if (settings.duration_ns != 0) out.set_duration(duration_text(settings.duration_ns));
  if (!settings.eal_arguments.empty()) out.set_eal(settings.eal_arguments);
  return out;
}

std::string config_text(const v1::Config& effective) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  const auto* type = v1::Config::descriptor();
  const auto* reflection = v1::Config::GetReflection();
  std::string out;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    const int count = field->is_repeated() ? reflection->FieldSize(effective, field)
                                           : static_cast<int>(reflection->HasField(effective, field));
    for (int at = 0; at < count; ++at) {
      std::string value;
      printer.PrintFieldValueToString(effective, field, field->is_repeated() ? at : -1, &value);
      out += fmt::format("{}: {}\n", field->name(), value);
    }
    if (count != 0) continue;
    const FieldHelp* help = find_field(field->name());
    out += fmt::format("# {}: {}\n", field->name(), help != nullptr ? help->unset : "");
  }
  return out;
}

}  // namespace weir
