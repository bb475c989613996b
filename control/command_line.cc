#include "control/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "control/export/export_uri.h"
#include "control/listing.h"
#include "control/metric_measure.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

constexpr const char* kMeteringGroup = "Flows";
constexpr const char* kParsingGroup = "Packets";
constexpr const char* kOutputGroup = "Output";
constexpr const char* kPortsGroup = "Ports and cores";
constexpr const char* kServiceGroup = "Control";

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 something outside was wrong (a file, a port, the network, a ledger that does not\n"
    "balance); 2 the command line or the configuration cannot be right.";

constexpr const char* kMainFooter =
    "Examples:\n"
    "  weir read capture.pcap\n"
    "  weir run --port 0000:3b:00.0 --workers 4 --export netflow9://192.0.2.1:2055\n"
    "  weir check --config /etc/weir.conf\n"
    "`weir COMMAND --help` tells the options of a command.\n\n";

constexpr const char* kRunFooter =
    "Examples:\n"
    "  weir run --port 0000:3b:00.0 --port 0000:3b:00.1 --workers 4 --cores 0,2-5 \\\n"
    "           --export netflow9://192.0.2.1:2055\n"
    "  weir run --port net_af_packet0,iface=eth0 --export json:flows.json --duration 10m\n"
    "  weir run --config /etc/weir.conf --eal '--log-level=7 -m 512'\n"
    "An option overrides the file; a list of options replaces the file's list. Durations are a number with a unit:\n"
    "ns us ms s m h. SIGINT or SIGTERM ends the run: every flow is exported and the ledger printed.\n\n";

constexpr const char* kReadFooter =
    "Examples:\n"
    "  weir read capture.pcap\n"
    "  weir read --export json:- capture.pcap\n"
    "  weir read --export 'netflow9://127.0.0.1:2055?rate=20000' --workers 2 monday.pcapng tuesday.pcapng\n"
    "  weir read --idle-timeout 15s --tcp-close off --ledger ledger.json capture.pcap\n"
    "Captures are read in the order given as if they were one. A file of --config may hold the fields of `run`, too:\n"
    "they are checked and have no effect here.\n\n";

constexpr const char* kCheckFooter =
    "Examples:\n"
    "  weir check --config /etc/weir.conf\n"
    "  weir check --config /etc/weir.conf --workers 8 > /etc/weir-8.conf\n"
    "What is printed is the configuration as `run` would take it, defaults included, and can be given to --config.\n\n";

struct OptionText {
  const char* field;
  const char* value;
  const char* group;
  const char* description;
};

constexpr auto kCommonOptions = std::to_array<OptionText>({
    {"idle_timeout", "T", kMeteringGroup, "End a flow after a gap greater than this [30s]"},
    {"active_timeout", "T", kMeteringGroup, "Report a flow that goes on when its age reaches this [300s]"},
    {"tcp_close", "on|off", kMeteringGroup, "End a flow 2 s after FIN or RST [on]"},
    {"max_flows", "N", kMeteringGroup, "Capacity of the flow table, all workers together [1048576]"},
    {"workers", "N", kMeteringGroup, "Workers, each with a core and a queue of every port [1]"},
    {"when_full", "evict|overflow|sample", kMeteringGroup,
     "What a new flow meets in a full table: the stalest flow near\nit ends; or its packets are summed beside the "
     "table, by\n"
     "direction; or, from three quarters full on, one new flow in\nN is taken and its record carries N [evict]"},
    {"overflow_entries", "N", kMeteringGroup, "Most flows that are summed beside a full table [65536]"},
    {"overflow_timeout", "T", kMeteringGroup, "How long one of them is summed before it is exported [10s]"},
    {"key", "FIELDS", kMeteringGroup,
     "What makes the flow key: 5tuple, or src_addr dst_addr src_port\ndst_port proto one by one, with vlan_id, "
     "mpls_label and\n"
     "tunnel_id; /N for a prefix: src_addr/24, src_addr6/64 [5tuple]"},
    {"metrics", "LIST", kMeteringGroup,
     "Measure more of each flow: all, none, or names such as\nlayer2,tcp; `weir metrics` lists them [none]"},
    {"layer", "outer|inner", kParsingGroup, "Which IP header makes the flow [inner]"},
    {"tunnels", "LIST", kParsingGroup,
     "Tunnels to look into: all, none, default, or names with =PORT\nwhere it is not the registered one; "
     "`weir tunnels` lists them"},
    {"tunnel_depth", "N", kParsingGroup, "Tunnels inside one another that are looked into [16]"},
    {"icmp_errors", "own|quoted", kParsingGroup, "What an ICMP error counts for: itself, or the flow it quotes [own]"},
    {"filter", "FILTER", kParsingGroup, "Count only what this pcap filter matches, such as 'tcp port 443' [all]"},
    {"export", "URI", kOutputGroup, "Where records go, repeatable: one of the export URIs below"},
    {"ledger", "FILE", kOutputGroup, "Write the ledger as one JSON object at the end; - is standard output"},
});

constexpr auto kRunOptions = std::to_array<OptionText>({
    {"port", "DEV", kPortsGroup, "PCI address or vdev to take packets from, repeatable"},
    {"cores", "LIST", kPortsGroup, "CPUs such as 0,2-4: the first for control, then one a worker [chosen]"},
    {"rss", "addresses|ports", kPortsGroup, "What the device hashes to choose the worker [addresses]"},
    {"idle", "auto|poll|pause|sleep", kPortsGroup,
     "What workers do without packets: poll (a core burns all the\ntime), pause between polls, or sleep, never longer "
     "than the\n"
     "receive ring lasts; auto: poll on isolated cores (isolcpus),\nelse wait for the device's interrupt or sleep "
     "[auto]"},
    {"eal", "ARGS", kPortsGroup, "Further arguments for DPDK's EAL, separated by blanks"},
    {"socket", "PATH", kServiceGroup,
     "Socket that weirctl asks [root: /run/weir/weir.sock;\nelse $XDG_RUNTIME_DIR/weir.sock or "
     "/tmp/weir-UID/weir.sock]"},
    {"prometheus", "ADDR:PORT", kServiceGroup, "Serve metrics to Prometheus at http://ADDR:PORT/metrics [off]"},
    {"duration", "T", kServiceGroup, "Stop after this time [until SIGINT or SIGTERM]"},
});

/// The options of one subcommand, and what was given for them.
class Options {
 public:
  explicit Options(CLI::App& app) : app_(app) {
    app.add_option("--config", given_config_, "File with the text form of the configuration")
        ->type_name("FILE")
        ->group("Configuration");
  }

  template <typename Texts>
  void add(const Texts& texts) {
    for (const OptionText& text : texts) add(text);
  }

  /// The values as a configuration. A word that is no number, or neither on nor off, is an error here; what the values
  /// mean is validate()'s to judge.
  [[nodiscard]] tl::expected<SourcedConfig, ConfigError> config() const {
    SourcedConfig out;
    const auto* reflection = v1::Config::GetReflection();
    for (const auto& [field_name, option] : options_) {
      const auto* field = v1::Config::descriptor()->FindFieldByName(field_name);
      int index = 0;
      for (const std::string& value : option->results()) {
        const std::string name = option_of(field_name);
        // CLI11 gives an option the next word whatever it is: the name of an option there is a forgotten value.
        // A number that is negative is none, and what is wrong with it is the number's to say.
        const bool negative = value.size() > 1 && value[1] >= '0' && value[1] <= '9';
        if (value.size() > 1 && value.starts_with('-') && !negative && field_name != "eal") {
          return error(fmt::format("{} {}: a value is missing, {} looks like an option; expected {} {}", name, value,
                                   value, name, option->get_type_name()));
        }
        switch (field->cpp_type()) {
          case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
            if (value != "on" && value != "off") return error(fmt::format("{} {}: expected on or off", name, value));
            reflection->SetBool(&out.config, field, value == "on");
            break;
          case google::protobuf::FieldDescriptor::CPPTYPE_UINT32:
          case google::protobuf::FieldDescriptor::CPPTYPE_UINT64: {
            std::uint64_t number = 0;
            const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
            const bool narrow = field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_UINT32;
            if (value.empty() || end != value.data() + value.size() || fault == std::errc::invalid_argument) {
              return error(fmt::format("{} {}: expected a whole number", name, value.empty() ? "''" : value));
            }
            if (fault != std::errc() || (narrow && number > UINT32_MAX)) {
              return error(fmt::format("{} {}: out of range", name, value));
            }
            narrow ? reflection->SetUInt32(&out.config, field, static_cast<std::uint32_t>(number))
                   : reflection->SetUInt64(&out.config, field, number);
            break;
          }
          default:
            field->is_repeated() ? reflection->AddString(&out.config, field, value)
                                 : reflection->SetString(&out.config, field, value);
        }
        out.places[{field_name, index++}] = name;
      }
    }
    return out;
  }

  [[nodiscard]] std::optional<std::string> config_file() const {
    return app_.count("--config") == 0 ? std::nullopt : std::optional(given_config_);
  }

 private:
  static tl::unexpected<ConfigError> error(std::string message) {
    return tl::make_unexpected(ConfigError{std::move(message), 2});
  }

  void add(const OptionText& text) {
    // The raw overload: the strings reach config() as they were given, commas, brackets and '=' included.
    auto* option = app_.add_option(
        option_of(text.field), [](const CLI::results_t&) { return true; }, text.description);
    option->type_name(text.value)->group(text.group)->expected(1);
    const auto* field = v1::Config::descriptor()->FindFieldByName(text.field);
    if (field->is_repeated()) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options_.emplace_back(text.field, option);
  }

  CLI::App& app_;
  std::string given_config_;
  std::vector<std::pair<std::string, CLI::Option*>> options_;
};

/// Defaults, file, options: the configuration of one subcommand, checked.
tl::expected<CommandLine, ConfigError> configure(const Options& options, Command command) {
  SourcedConfig config;
  if (const auto file = options.config_file()) {
    auto loaded = load_config_file(*file);
    if (!loaded) return tl::make_unexpected(loaded.error());
    config = std::move(*loaded);
  }
  const auto given = options.config();
  if (!given) return tl::make_unexpected(given.error());
  config = merge(std::move(config), *given);
  auto settings = validate(config.config, command, config.places);
  if (!settings) return tl::make_unexpected(settings.error());
  CommandLine out;
  out.settings = std::move(*settings);
  out.effective = effective_config(out.settings, config.config);
  return out;
}

/// Steps from one word to the other (Levenshtein), for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

std::string name_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : app.get_parent()->get_name() + " " + app.get_name();
}

/// The first word that no option took, with what may have been meant.
std::string describe_extra(const CLI::App& app) {
  const auto extras = app.remaining();
  const auto unknown =
      std::find_if(extras.begin(), extras.end(), [](const std::string& word) { return word.starts_with('-'); });
  if (unknown == extras.end()) {
    return fmt::format("'{}' is not expected here", extras.empty() ? std::string() : extras.front());
  }
  const std::string option = unknown->substr(0, unknown->find('='));
  std::string hint;
  for (const auto* known : app.get_options()) {
    if (const std::string name = known->get_name(); distance(option, name) <= 2) {
      hint = fmt::format("; did you mean {}?", name);
      break;
    }
  }
  return fmt::format("unknown option {}{}", option, hint);
}

tl::unexpected<ConfigError> usage_error(const CLI::App& app, const std::string& what) {
  const std::string name = name_of(app);
  return tl::make_unexpected(ConfigError{fmt::format("{}; see `{} --help`", what, name), 2});
}

/// CLI11's words for an option given too often or without a value, in weir's.
std::string describe_mismatch(std::string_view what) {
  const std::string option(what.substr(0, what.find(':')));
  if (const auto at = what.rfind(" received "); at != std::string_view::npos) {
    return fmt::format("{}: given {} times; expected once", option, what.substr(at + 10));
  }
  return fmt::format("{}: a value is missing", option);
}

CommandLine printed(std::string text) {
  CommandLine out;
  out.text = std::move(text);
  return out;
}

std::string footer_with_uris(const char* footer) {
  return export_uri_help() + "\n" + footer + kExitCodes;
}

/// The commands of weir: what each takes, and what is done when it was chosen.
class Commands {
 public:
  explicit Commands(CLI::App& app)
      : app_(app),
        run_(app.add_subcommand("run", "Take packets from DPDK ports and export flow records")),
        read_(
            app.add_subcommand("read", "Read capture files (pcap, pcapng; also .gz and .zst) and export flow records")),
        check_(app.add_subcommand("check", "Check a configuration and print it as it takes effect")),
        run_options_(*run_),
        read_options_(*read_),
        check_options_(*check_) {
    run_options_.add(kRunOptions);
    run_options_.add(kCommonOptions);
    run_->footer(footer_with_uris(kRunFooter));
    add_read();
    check_options_.add(kRunOptions);
    check_options_.add(kCommonOptions);
    check_->footer(footer_with_uris(kCheckFooter));
    add_lists();
  }

  /// `plain`: the words after "--", which only `read` takes.
  [[nodiscard]] tl::expected<CommandLine, ConfigError> chosen(const std::vector<std::string>& plain) const {
    if (*run_) {
      auto out = configure(run_options_, Command::run);
      if (out) out->action = CommandLine::Action::run;
      return out;
    }
    if (*read_) return read(plain);
    if (*check_) {
      auto out = configure(check_options_, Command::check);
      if (out) out->text = config_text(out->effective);
      return out;
    }
    if (*reasons_) return printed(reasons_text());
    if (*tunnels_) return printed(tunnels_text());
    if (*fields_ && fields_form_ != "table" && fields_form_ != "json") {
      return usage_error(*fields_, fmt::format("-o {}: expected table or json", fields_form_));
    }
    if (*fields_) return printed(fields_form_ == "json" ? fields_json() : fields_text());
    if (*metrics_)
      return printed(metrics_text() + (measure_ ? "\n" + measured_text(measure_metrics()) : std::string()));
    return usage_error(app_, "a command is missing: run, read, check, metrics, fields, reasons or tunnels");
  }
  [[nodiscard]] bool takes_captures() const { return static_cast<bool>(*read_); }

 private:
  void add_read() {
    read_options_.add(kCommonOptions);
    read_->get_option("--workers")
        ->description("Threads that count, besides the one that reads when there are several [1]");
    read_->get_option("--export")->description("Where records go, repeatable: one of the export URIs below [table:-]");
    captures_ = read_->add_option(
        "captures", [](const CLI::results_t&) { return true; }, "Capture files; - is standard input");
    captures_->type_name("CAPTURE")->expected(1, CLI::detail::expected_max_vector_size)->group("Input");
    // Extra arguments: captures may stand before, between and after options. (CLI11 then unwraps a word in brackets: a
    // capture named "[a]" is to be given as "./[a]".)
    captures_->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(true);
    read_->add_option("--explain", explain_, "Show how weir sees packet N (from 1), layer by layer, and export nothing")
        ->type_name("N")
        ->group("Input");
    read_->footer(footer_with_uris(kReadFooter));
  }

  void add_lists() {
    reasons_ = app_.add_subcommand("reasons", "Print every name under which the ledger counts what is not in a flow");
    reasons_->footer("Example:\n  weir reasons | grep vlan");
    tunnels_ = app_.add_subcommand("tunnels", "Print every tunnel that --tunnels knows");
    tunnels_->footer("Example:\n  weir read --tunnels default,teredo,vxlan=8472 --export json:- capture.pcap");
    fields_ = app_.add_subcommand("fields", "Print every field of a flow record, with its element and meaning");
    fields_->add_option("-o,--output", fields_form_, "How to print: table, or json [table]")
        ->type_name("FORM")
        ->group("Output");
    fields_->footer("Examples:\n  weir fields | grep tcp_\n  weir fields -o json | jq -r '.[].name'");
    metrics_ = app_.add_subcommand("metrics", "Print every metric that --metrics knows, and what it records");
    metrics_->add_flag("--measure", measure_, "Measure what each costs on this machine (takes about 15 seconds)");
    metrics_->footer("Examples:\n  weir metrics\n  weir read --metrics layer2,tcp --export json:- capture.pcap");
  }

  [[nodiscard]] tl::expected<CommandLine, ConfigError> read(const std::vector<std::string>& plain) const {
    auto out = configure(read_options_, Command::read);
    if (!out) return out;
    out->settings.captures = captures_->results();
    out->settings.captures.insert(out->settings.captures.end(), plain.begin(), plain.end());
    if (!explain_.empty()) {
      std::uint64_t number = 0;
      const auto [end_of, fault] = std::from_chars(explain_.data(), explain_.data() + explain_.size(), number);
      if (fault != std::errc() || end_of != explain_.data() + explain_.size() || number == 0) {
        return usage_error(*read_, fmt::format("--explain {}: expected the number of a packet, from 1", explain_));
      }
      out->settings.explain_packet = number;
    }
    if (out->settings.captures.empty()) {
      return usage_error(*read_, "no capture file; expected one or more, as in weir read capture.pcap");
    }
    out->action = CommandLine::Action::read;
    return out;
  }

  CLI::App& app_;
  CLI::App* run_;
  CLI::App* read_;
  CLI::App* check_;
  CLI::App* reasons_ = nullptr;
  CLI::App* tunnels_ = nullptr;
  CLI::App* fields_ = nullptr;
  CLI::App* metrics_ = nullptr;
  Options run_options_;
  Options read_options_;
  Options check_options_;
  CLI::Option* captures_ = nullptr;
  std::string explain_;
  std::string fields_form_ = "table";
  bool measure_ = false;
};

}  // namespace

tl::expected<CommandLine, ConfigError> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("weir: a flow probe that accounts for every packet.", "weir");
  app.set_version_flag("--version", fmt::format("weir {}", version()), "Print the version");
  app.get_formatter()->column_width(30);
  app.footer(std::string(kMainFooter) + kExitCodes);
  Commands commands(app);

  const auto chosen = [&]() -> const CLI::App& {
    const auto given = app.get_subcommands();
    return given.empty() ? app : *given.front();
  };
  // What stands after "--" are captures, whatever they look like; CLI11 would hand them to the parent command.
  const auto end = std::find(argv, argv + argc, std::string_view("--"));
  const std::vector<std::string> plain(end == argv + argc ? end : end + 1, argv + argc);
  try {
    app.parse(static_cast<int>(end - argv), argv);
  } catch (const CLI::CallForHelp&) {
    return printed(app.help());
  } catch (const CLI::CallForVersion& call) {
    return printed(std::string(call.what()) + "\n");
  } catch (const CLI::ExtrasError&) {
    return usage_error(chosen(), describe_extra(chosen()));
  } catch (const CLI::ArgumentMismatch& error) {
    return usage_error(chosen(), describe_mismatch(error.what()));
  } catch (const CLI::ParseError& error) {
    return usage_error(chosen(), error.what());
  }
  if (!plain.empty() && !commands.takes_captures()) {
    return usage_error(chosen(), fmt::format("'{}' is not expected here", plain.front()));
  }
  return commands.chosen(plain);
}

}  // namespace weir
