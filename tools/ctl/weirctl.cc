// weirctl: asks a running weir over its control socket and prints the answer, as a table, as JSON or as CSV; and ends
// its run.
//
// Exit codes: 0 done; 1 no answer, a ledger that does not balance, conversations that are split, records that were lost
// by the time of a stop; 2 a command line that cannot be right.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/similar.h"
#include "proto/record/message_json.h"
#include "proto/schema/control.grpc.pb.h"
#include "proto/schema/control_socket.h"
#include "proto/schema/metrics_text.h"
#include "proto/schema/monitors_text.h"
#include "proto/schema/report_text.h"
#include "proto/schema/rss_text.h"
#include "proto/schema/self_check_text.h"
#include "tools/ctl/asking.h"
#include "tools/ctl/channel.h"
#include "tools/ctl/completion.h"
#include "tools/ctl/config_commands.h"
#include "tools/ctl/end_commands.h"
#include "tools/ctl/flow_commands.h"
#include "tools/ctl/tail_command.h"
#include "tools/ctl/watch.h"

namespace {

using weir::ctl::answer_text;
using weir::ctl::describe;
using weir::ctl::fail;
using weir::ctl::kPatience;
using weir::ctl::print;

constexpr const char* kExamples =
    "Examples:\n"
    "  weirctl status\n"
    "  weirctl --socket /tmp/weir.sock ledger\n"
    "  weirctl -o json ledger | jq .rejects\n"
    "  weirctl rss\n"
    "  weirctl metrics\n"
    "  weirctl monitors\n"
    "  weirctl top --by src_addr                     who talks most\n"
    "  weirctl top --by dst_addr/24,proto --sort rate --filter 'not port 53'\n"
    "  weirctl flows --sort idle -n 5                the least recently active ones\n"
    "  weirctl flow 10.0.0.1:40000-10.0.0.2:80/tcp   all that is known of one flow\n"
    "  weirctl watch                                 weir at work, until q\n"
    "  weirctl tail --follow --filter 'port 53'      records, as flows end\n"
    "  weirctl drain && weirctl stop                 end a run and see its last ledger\n"
    "  eval \"$(weirctl completion)\"                 complete words of weirctl in this bash\n"
    "  weirctl config show                           what runs, in the form of the file\n"
    "  weirctl config diff weir.conf                 what differs, and when each field takes effect\n"
    "  weirctl config apply weir.conf --dry-run\n"
    "  weirctl exporters add netflow9://192.0.2.1:2055\n"
    "\n"
    "Without --socket: /run/weir/weir.sock as root; else $XDG_RUNTIME_DIR/weir.sock or /tmp/weir-UID/weir.sock,\n"
    "and where that is not there, /run/weir/weir.sock.\n"
    "Exit codes: 0 done; 1 no answer, a ledger that does not balance, split conversations, a check that failed,\n"
    "a worker that did not answer, no flow of this name, a drain or stop that was not done in time, records that a\n"
    "stop found lost, a change that weir refuses; 2 an error in the command line.";

struct Arguments {
  std::string socket_path;  ///< with --control: its title, for messages
  std::string control;
  std::string output = "table";
  bool explain = false;
};

/// Finds the flow that was idle longest, of all monitors, and adds it. Returns why that cannot be, or is not all of it.
std::string add_longest_idle(weir::v1::Control::Stub& stub, weir::v1::StatusReply& reply) {
  constexpr std::uint32_t kWalkMs = 1500;
  const auto deadline = std::chrono::system_clock::now() + 2 * std::chrono::milliseconds(kWalkMs);
  std::string note;
  std::uint64_t longest_ns = 0;
  for (int i = 0; i < std::max(reply.monitors_size(), 1); ++i) {
    weir::v1::FlowsRequest request;
    request.set_sort("idle");
    request.set_limit(1);
    request.set_patience_ms(kWalkMs);
    if (!reply.monitors().empty()) request.set_monitor(reply.monitors(i).name());
    grpc::ClientContext context;
    context.set_deadline(deadline);
    weir::v1::FlowsReply flows;
    if (const auto result = stub.Flows(&context, request, &flows); !result.ok()) {
      return result.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ? "no answer about flows in time"
                                                                        : result.error_message();
    }
    if (!flows.scope().missing_workers().empty()) note = "a worker did not answer in time";
    if (flows.flows().empty() || flows.flows(0).idle_ns() < longest_ns) continue;
    longest_ns = flows.flows(0).idle_ns();
    reply.mutable_longest_idle()->set_name(flows.flows(0).name());
    reply.mutable_longest_idle()->set_idle_ns(longest_ns);
  }
  return note;
}

int status(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::StatusReply reply;
  if (const auto result = stub.Status(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  std::string note;
  if (reply.phase() == "running" && reply.flows() != 0 && !reply.has_input()) note = add_longest_idle(stub, reply);
  std::string text = answer_text(reply, arguments.output, weir::status_text);
  if (arguments.explain && arguments.output == "table") text += '\n' + weir::status_columns_text();
  const int printed = print(text);
  if (!note.empty()) fail("the flow that was idle longest is not known: " + note, 0);
  return printed;
}

int ledger(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::Ledger reply;
  if (const auto result = stub.Ledger(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  const int printed = print(answer_text(reply, arguments.output, weir::ledger_text));
  return printed != 0 ? printed : reply.balanced() ? 0 : 1;
}

int rss(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::RssReply reply;
  if (const auto result = stub.Rss(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  const int printed = print(answer_text(reply, arguments.output, weir::rss_text));
  return printed != 0 ? printed : reply.ok() ? 0 : 1;
}

int self_check(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::SelfCheckReply reply;
  if (const auto result = stub.SelfCheck(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  const int printed = print(answer_text(reply, arguments.output, weir::self_check_text));
  return printed != 0 ? printed : reply.ok() ? 0 : 1;
}

int metrics(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::MetricsReply reply;
  if (const auto result = stub.Metrics(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  return print(answer_text(reply, arguments.output, weir::running_metrics_text));
}

int monitors(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::StatusReply reply;
  if (const auto result = stub.Status(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  if (reply.phase() == "starting") return fail("weir is starting: it has no monitors yet", 1);
  if (reply.monitors().empty()) {
    weir::v1::Ledger ledger;
    grpc::ClientContext again;
    again.set_deadline(std::chrono::system_clock::now() + kPatience);
    if (const auto result = stub.Ledger(&again, {}, &ledger); !result.ok()) {
      return fail(describe(result, arguments.socket_path), 1);
    }
    *reply.add_monitors() = weir::plain_monitor(reply, ledger);
  }
  if (arguments.output == "table") return print(weir::monitors_text(reply));
  if (arguments.output == "csv") return print(weir::monitors_csv(reply));
  std::string lines;
  for (const auto& monitor : reply.monitors()) lines += weir::message_json(monitor) + '\n';
  return print(lines);
}

/// What is wrong with the command line; of a word that is no command, which one may be meant.
std::string describe(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return error.what();
  const auto extras = app.remaining(true);
  const auto chosen = app.get_subcommands();
  const CLI::App& in = chosen.empty() ? app : *chosen.front();  // a command may have commands of its own
  if (extras.empty() || extras.front().starts_with('-') || !in.get_subcommands().empty()) return error.what();
  std::vector<std::string_view> commands;
  for (const auto* command : in.get_subcommands({})) commands.push_back(command->get_name());
  if (commands.empty()) return error.what();
  return "'" + extras.front() + "' is not a command" + (chosen.empty() ? "" : " of " + in.get_name()) +
         weir::did_you_mean(extras.front(), commands);
}

int parse_and_ask(int argc, char** argv) {
  CLI::App app("Asks a running weir what it does and whether its ledger balances.", "weirctl");
  Arguments arguments;
  app.set_version_flag("--version", "weirctl " + std::string(weir::version()), "Print the version");
  app.add_option("--socket", arguments.socket_path, "Socket of the weir to ask")->type_name("PATH");
  app.add_option(
         "--control", arguments.control,
         "The weir to ask over TCP: tls://ADDR:PORT?cert=FILE&key=FILE&ca=FILE, with a certificate for weirctl and\n"
         "the authority of weir's; &name=NAME where weir's certificate is of another name than ADDR")
      ->type_name("URI")
      ->excludes("--socket");
  app.add_option("-o,--output", arguments.output, "How to print the answer: table, json or csv")
      ->type_name("FORM")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json", "csv"}));
  auto* status_command = app.add_subcommand("status", "Ports, workers, exporters: what weir is doing");
  status_command->add_flag("--explain", arguments.explain, "Say what each column means");
  auto* ledger_command =
      app.add_subcommand("ledger", "Every packet accounted for; exit code 1 when it does not balance");
  auto* rss_command = app.add_subcommand(
      "rss", "RSS self-check: do both directions of a conversation meet? Exit code 1 when conversations are split");
  auto* self_check_command = app.add_subcommand(
      "self-check",
      "RSS, spread over workers, clock, and weir's decoder over its own encoders; exit code 1 if one fails");
  auto* metrics_command = app.add_subcommand(
      "metrics", "Which metrics are on, how many records carry what they measured, and how full their pool is");
  auto* monitors_command = app.add_subcommand(
      "monitors", "The monitors of the configuration: key, filter, timeouts, metrics, sampling, and what they counted");
  for (auto* command :
       {status_command, ledger_command, rss_command, self_check_command, metrics_command, monitors_command}) {
    command->fallthrough();
  }
  const weir::ctl::FlowCommands flow_commands(app);
  const weir::ctl::ConfigCommands config_commands(app);
  const weir::ctl::WatchCommand watch_command(app);
  const weir::ctl::TailCommand tail_command(app);
  const weir::ctl::EndCommands end_commands(app);
  const weir::ctl::CompletionCommand completion_command(app);
  app.require_subcommand(0, 1);
  app.footer(kExamples);
  app.get_formatter()->column_width(28);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error) == 0 && std::fflush(stdout) == 0 ? 0 : 1;
    return fail(describe(app, error) + "; see weirctl --help", 2);
  }
  if (app.get_subcommands().empty()) {
    std::string commands;
    for (const auto* command : app.get_subcommands({}))
      commands += (commands.empty() ? "" : ", ") + command->get_name();
    return fail("a command is missing, one of " + commands + "; see weirctl --help", 2);
  }
  if (completion_command.given()) return print(weir::ctl::bash_completion(app));

  const auto channel = app.count("--control") != 0
                           ? weir::ctl::channel_over_tls(arguments.control, arguments.socket_path)
                           : weir::ctl::channel_to_socket(arguments.socket_path, app.count("--socket") != 0);
  if (!channel) return fail(channel.error().text, channel.error().exit_code);
  const auto stub = weir::v1::Control::NewStub(*channel);
  if (config_commands.given() && arguments.output == "csv") {
    return fail("-o csv: config, exporters and log print no CSV; expected table or json; see weirctl --help", 2);
  }
  if (config_commands.given()) return config_commands.ask(*stub, arguments.socket_path, arguments.output == "json");
  if (flow_commands.given()) return flow_commands.ask(*stub, arguments.socket_path, arguments.output);
  if (tail_command.given()) return tail_command.ask(*stub, arguments.socket_path, arguments.output);
  if (end_commands.given()) return end_commands.ask(*stub, arguments.socket_path, arguments.output);
  if (watch_command.given()) {
    if (arguments.output == "json" || arguments.output == "csv") {
      return fail("-o " + arguments.output + ": watch shows a screen; use -o with status or ledger; see weirctl --help",
                  2);
    }
    return watch_command.run(*stub, arguments.socket_path);
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  if (*metrics_command) return metrics(*stub, context, arguments);
  if (*monitors_command) return monitors(*stub, context, arguments);
  if (*self_check_command) return self_check(*stub, context, arguments);
  if (*rss_command) return rss(*stub, context, arguments);
  return *status_command ? status(*stub, context, arguments) : ledger(*stub, context, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return parse_and_ask(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}
