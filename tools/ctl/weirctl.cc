// weirctl: asks a running weir over its control socket and prints the answer, as a table, as JSON, or, of flows, as
// CSV.
//
// Exit codes: 0 done; 1 no answer, a ledger that does not balance, or conversations that are split; 2 a command line
// that cannot be right.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
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
#include "tools/ctl/asking.h"
#include "tools/ctl/config_commands.h"
#include "tools/ctl/flow_commands.h"

namespace {

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
    "  weirctl config show                           what runs, in the form of the file\n"
    "  weirctl config diff weir.conf                 what differs, and when each field takes effect\n"
    "  weirctl config apply weir.conf --dry-run\n"
    "  weirctl exporters add netflow9://192.0.2.1:2055\n"
    "\n"
    "Without --socket: /run/weir/weir.sock as root; else $XDG_RUNTIME_DIR/weir.sock or /tmp/weir-UID/weir.sock,\n"
    "and where that is not there, /run/weir/weir.sock.\n"
    "Exit codes: 0 done; 1 no answer, a ledger that does not balance, split conversations, a worker that did not "
    "answer,\n"
    "no flow of this name, a change that weir refuses; 2 an error in the command line.";

/// The user's own weir, else the machine's.
std::string find_socket() {
  std::string path = weir::default_socket_path();
  const std::string system(weir::kSystemSocket);
  return ::access(path.c_str(), F_OK) != 0 && ::access(system.c_str(), F_OK) == 0 ? system : path;
}

struct Arguments {
  std::string socket_path;
  bool json = false;
  bool explain = false;
};

int status(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::StatusReply reply;
  if (const auto result = stub.Status(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  if (arguments.json) return print(weir::message_json(reply) + '\n');
  return print(weir::status_text(reply) + (arguments.explain ? '\n' + weir::status_columns_text() : std::string()));
}

int ledger(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::Ledger reply;
  if (const auto result = stub.Ledger(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  const int printed = print(arguments.json ? weir::message_json(reply) + '\n' : weir::ledger_text(reply));
  return printed != 0 ? printed : reply.balanced() ? 0 : 1;
}

int rss(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::RssReply reply;
  if (const auto result = stub.Rss(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  const int printed = print(arguments.json ? weir::message_json(reply) + '\n' : weir::rss_text(reply));
  return printed != 0 ? printed : reply.ok() ? 0 : 1;
}

int metrics(weir::v1::Control::Stub& stub, grpc::ClientContext& context, const Arguments& arguments) {
  weir::v1::MetricsReply reply;
  if (const auto result = stub.Metrics(&context, {}, &reply); !result.ok()) {
    return fail(describe(result, arguments.socket_path), 1);
  }
  return print(arguments.json ? weir::message_json(reply) + '\n' : weir::running_metrics_text(reply));
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
  if (!arguments.json) return print(weir::monitors_text(reply));
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
  std::string output = "table";
  app.set_version_flag("--version", "weirctl " + std::string(weir::version()), "Print the version");
  app.add_option("--socket", arguments.socket_path, "Socket of the weir to ask")->type_name("PATH");
  app.add_option("-o,--output", output, "How to print the answer: table, json, or, of flows, csv")
      ->type_name("FORM")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json", "csv"}));
  auto* status_command = app.add_subcommand("status", "Ports, workers, exporters: what weir is doing");
  status_command->add_flag("--explain", arguments.explain, "Say what each column means");
  auto* ledger_command =
      app.add_subcommand("ledger", "Every packet accounted for; exit code 1 when it does not balance");
  auto* rss_command = app.add_subcommand(
      "rss", "RSS self-check: do both directions of a conversation meet? Exit code 1 when conversations are split");
  auto* metrics_command = app.add_subcommand(
      "metrics", "Which metrics are on, how many records carry what they measured, and how full their pool is");
  auto* monitors_command = app.add_subcommand(
      "monitors", "The monitors of the configuration: key, filter, timeouts, metrics, sampling, and what they counted");
  for (auto* command : {status_command, ledger_command, rss_command, metrics_command, monitors_command}) {
    command->fallthrough();
  }
  const weir::ctl::FlowCommands flow_commands(app);
  const weir::ctl::ConfigCommands config_commands(app);
  app.require_subcommand(0, 1);
  app.footer(kExamples);
  app.get_formatter()->column_width(28);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error) == 0 && std::fflush(stdout) == 0 ? 0 : 1;
    return fail(describe(app, error) + "; see weirctl --help", 2);
  }
  if (app.get_subcommands().empty())
    return fail(
        "a command is missing: status, ledger, rss, metrics, monitors, top, flows, flow, config, exporters or log; see "
        "weirctl --help",
        2);

  if (app.count("--socket") == 0) arguments.socket_path = find_socket();
  if (arguments.socket_path.empty() || arguments.socket_path.size() > weir::kMaxSocketPath) {
    return fail("--socket '" + arguments.socket_path + "': expected a path of 1 to " +
                    std::to_string(weir::kMaxSocketPath) + " octets",
                2);
  }
  arguments.json = output == "json";
  if (output == "csv" && !flow_commands.given()) {
    return fail("-o csv: only top, flows and flow print CSV; expected table or json; see weirctl --help", 2);
  }

  const auto stub = weir::v1::Control::NewStub(
      grpc::CreateChannel(weir::grpc_target(arguments.socket_path), grpc::InsecureChannelCredentials()));
  if (config_commands.given()) return config_commands.ask(*stub, arguments.socket_path, arguments.json);
  if (flow_commands.given()) return flow_commands.ask(*stub, arguments.socket_path, output);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  if (*metrics_command) return metrics(*stub, context, arguments);
  if (*monitors_command) return monitors(*stub, context, arguments);
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
