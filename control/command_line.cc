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

#include "control/config/command_options.h"
#include "control/config/metric_list.h"
#include "control/config/schema.h"
#include "control/export/export_uri.h"
#include "control/export/option_values.h"
#include "control/listing.h"
#include "control/metric_hints.h"
#include "control/metric_measure.h"
#include "proto/base/similar.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

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
    "  weir run --port af_packet:eth0 --export json:flows.json --duration 10m\n"
    "  weir run --config /etc/weir.conf --eal '--log-level=7 -m 512'\n"
    "An option overrides the file; a list of options replaces the file's list. Durations are a number with a unit:\n"
    "ns us ms s m h. SIGINT or SIGTERM ends the run: every flow is exported and the ledger printed.\n";

constexpr const char* kReadFooter =
    "Examples:\n"
    "  weir read capture.pcap\n"
    "  weir read --export json:- capture.pcap\n"
    "  weir read --export 'netflow9://127.0.0.1:2055?rate=20000' --workers 2 monday.pcapng tuesday.pcapng\n"
    "  weir read --idle-timeout 15s --tcp-close off --ledger ledger.json capture.pcap\n"
    "  weir read --input records:agent.bin --export json:-\n"
    "Captures are read in the order given as if they were one. A file of --config may hold the fields of `run`, too:\n"
    "they are checked and have no effect here.\n\n";

constexpr const char* kCheckFooter =
    "Examples:\n"
    "  weir check --config /etc/weir.conf\n"
    "  weir check --config /etc/weir.conf --workers 8 > /etc/weir-8.conf\n"
    "What is printed is the configuration as `run` would take it, defaults included, and can be given to --config.\n"
    "Every option is a field of the file: --idle-timeout 30s is the line idle_timeout: \"30s\", --tcp-close off is\n"
    "tcp_close: false.\n\n";

constexpr const char* kDoctorFooter =
    "Examples:\n"
    "  weir doctor\n"
    "  weir doctor --config /etc/weir.conf\n"
    "  weir doctor --port 0000:3b:00.0 --workers 4 --export protobuf+tcp://192.0.2.1:6000\n"
    "  weir doctor --config /etc/weir.conf --json | jq -r 'select(.health != \"ok\").commands[]'\n"
    "Give it the options of `run`. It changes nothing: a line for each thing that was looked at, and below it the\n"
    "commands that mend it. `problem` stands in the way, with exit code 1; `advice` costs precision or speed. "
    "Collectors\n"
    "over TCP are connected to, over UDP their route is looked at; what runs already should be stopped before.\n\n";

/// File, options, defaults: the configuration of one command, checked.
tl::expected<CommandLine, ConfigError> configure(const CommandOptions& options, Command command) {
  const auto config = options.config();
  if (!config) return tl::make_unexpected(config.error());
  auto settings = validate(config->config, command, config->places);
  if (!settings) return tl::make_unexpected(settings.error());
  CommandLine out;
  out.settings = std::move(*settings);
  out.settings.config_file = options.config_file();
  out.effective = effective_config(out.settings);
  if (auto line = options.given()) out.given = {std::move(*line), config->config};
  return out;
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
    const std::string word = extras.empty() ? std::string() : extras.front();
    std::vector<std::string_view> commands;
    for (const auto* command : app.get_subcommands({})) commands.push_back(command->get_name());
    if (commands.empty()) return fmt::format("'{}' is not expected here", word);
    return fmt::format("'{}' is not a command{}; expected one of {}", word, did_you_mean(word, commands),
                       joined(commands, ", "));
  }
  const std::string option = unknown->substr(0, unknown->find('='));
  std::vector<std::string> texts;
  for (const auto* known : app.get_options()) texts.push_back(known->get_name());
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  if (app.get_parent() != nullptr) {
    for (const auto* other : app.get_parent()->get_subcommands({})) {
      if (other->get_option_no_throw(option) == nullptr) continue;
      return fmt::format("unknown option {}: only `{}` has it", option, name_of(*other));
    }
  }
  return fmt::format("unknown option {}{}", option, did_you_mean(option, names));
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

std::string footer_with_uris(const std::string& footer) {
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
        doctor_(app.add_subcommand("doctor", "Look for what stands in the way of `run`, and say what mends it")),
        run_options_(*run_, Command::run),
        read_options_(*read_, Command::read),
        check_options_(*check_, Command::check),
        doctor_options_(*doctor_, Command::run) {
    const std::string blocks = blocks_help(*v1::Config::descriptor());
    run_->footer(footer_with_uris(kRunFooter + effect_help(*v1::Config::descriptor()) + "\n\n" + blocks));
    add_read();
    check_->footer(footer_with_uris(kCheckFooter + blocks));
    doctor_->add_flag("--json", doctor_json_, "Print JSON, an object a line")->group("Output");
    doctor_->footer(std::string(kDoctorFooter) + kExitCodes);
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
      if (out) {
        out->text = config_text(out->effective);
        out->hints = metric_hints(out->settings, out->settings.exports);
      }
      return out;
    }
    if (*doctor_) return doctor();
    if (*reasons_) return printed(reasons_text());
    if (*tunnels_) return printed(tunnels_text());
    if (*fields_ && fields_form_ != "table" && fields_form_ != "json") {
      return usage_error(*fields_, fmt::format("-o {}: expected table or json", fields_form_));
    }
    if (*fields_) return printed(fields_form_ == "json" ? fields_json() : fields_text());
    if (*metrics_) {
      const auto chosen = parse_metric_list(metric_names_);
      if (!chosen) return usage_error(*metrics_, chosen.error());
      return printed(metrics_text(*chosen) + (measure_ ? "\n" + measured_text(measure_metrics()) : std::string()));
    }
    return usage_error(app_, "a command is missing: run, read, check, doctor, metrics, fields, reasons or tunnels");
  }
  [[nodiscard]] bool takes_captures() const { return static_cast<bool>(*read_); }

 private:
  void add_read() {
    captures_ = read_->add_option(
        "captures", [](const CLI::results_t&) { return true; }, "Capture files; - is standard input");
    captures_->type_name("CAPTURE")->expected(1, CLI::detail::expected_max_vector_size)->group("Input");
    // Extra arguments: captures may stand before, between and after options. (CLI11 then unwraps a word in brackets: a
    // capture named "[a]" is to be given as "./[a]".)
    captures_->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(true);
    read_
        ->add_option("--explain", explain_,
                     "Show how weir sees packet N (from 1), or which packets are rejected; export nothing")
        ->type_name("N|rejected")
        ->group("Input");
    read_->footer(footer_with_uris(kReadFooter + blocks_help(*v1::Config::descriptor())));
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
    metrics_->add_flag("--measure", measure_, "Measure what each costs on this machine (takes about 20 seconds)");
    metrics_->add_option("NAMES", metric_names_, "Print these alone: names as of --metrics [all]")->type_name("");
    metrics_->footer(
        "Examples:\n  weir metrics\n  weir metrics dns\n  weir read --metrics tcp,rtt --export json:- capture.pcap");
  }

  [[nodiscard]] tl::expected<CommandLine, ConfigError> doctor() const {
    auto out = configure(doctor_options_, Command::check);  // which needs no port, as `run` does
    if (!out) return out;
    out->action = CommandLine::Action::doctor;
    out->json = doctor_json_;
    return out;
  }

  [[nodiscard]] tl::expected<CommandLine, ConfigError> read(const std::vector<std::string>& plain) const {
    auto out = configure(read_options_, Command::read);
    if (!out) return out;
    out->settings.captures = captures_->results();
    out->settings.captures.insert(out->settings.captures.end(), plain.begin(), plain.end());
    if (explain_ == "rejected") {
      out->settings.explain_rejected = true;
    } else if (!explain_.empty()) {
      std::uint64_t number = 0;
      const auto [end_of, fault] = std::from_chars(explain_.data(), explain_.data() + explain_.size(), number);
      if (fault != std::errc() || end_of != explain_.data() + explain_.size() || number == 0) {
        return usage_error(*read_,
                           fmt::format("--explain {}: expected the number of a packet, from 1, or rejected", explain_));
      }
      out->settings.explain_packet = number;
    }
    const InputSource& source = out->settings.input_source;
    const bool of_records = source.kind == InputSource::Kind::records_file;
    if (of_records && !out->settings.captures.empty()) {
      return usage_error(*read_, fmt::format("--input {} and {}: expected records, or captures", out->settings.input,
                                             out->settings.captures.front()));
    }
    if (of_records && !explain_.empty()) {
      return usage_error(*read_, "--explain shows packets, and records have none; expected captures");
    }
    if (!of_records && out->settings.captures.empty()) {
      return usage_error(
          *read_, "no capture file; expected one or more, as in weir read capture.pcap, or --input records:FILE");
    }
    out->action = CommandLine::Action::read;
    return out;
  }

  CLI::App& app_;
  CLI::App* run_;
  CLI::App* read_;
  CLI::App* check_;
  CLI::App* doctor_;
  CLI::App* reasons_ = nullptr;
  CLI::App* tunnels_ = nullptr;
  CLI::App* fields_ = nullptr;
  CLI::App* metrics_ = nullptr;
  CommandOptions run_options_;
  CommandOptions read_options_;
  CommandOptions check_options_;
  CommandOptions doctor_options_;
  CLI::Option* captures_ = nullptr;
  std::string explain_;
  std::string fields_form_ = "table";
  std::string metric_names_ = "all";
  bool measure_ = false;
  bool doctor_json_ = false;
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
  // Every word after "--" is a capture, even if it looks like an option; CLI11 would hand it to the parent command.
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
