#include "tools/ctl/config_commands.h"

#include <grpcpp/grpcpp.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "proto/record/message_json.h"
#include "proto/schema/changes_text.h"
#include "tools/ctl/asking.h"

namespace weir::ctl {
namespace {

/// A change reads prefix files, and flushes exporters that go.
constexpr std::chrono::seconds kChangePatience{60};
constexpr std::size_t kMostFileOctets = std::size_t{256} << 10;  ///< a configuration has some hundred bytes
constexpr std::size_t kPiece = 2048;                             ///< of the file, a request: weir takes no more ahead

/// What weir said instead of an answer.
int refused(const grpc::Status& status, const std::string& socket_path) {
  if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) return fail(status.error_message(), 2);
  if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) return fail(status.error_message(), 1);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return fail(socket_path + ": that weir takes no changes while it runs; it is older than this weirctl", 1);
  }
  return fail(describe(status, socket_path), 1);
}

/// The whole file, or standard input. Nothing: the error was printed.
std::optional<std::string> contents_of(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(path == "-" ? nullptr : std::fopen(path.c_str(), "re"),
                                                         [](std::FILE* file) { return std::fclose(file); });
  std::FILE* const file = path == "-" ? stdin : opened.get();
  std::string text;
  std::array<char, 16384> block{};
  while (file != nullptr) {
    const std::size_t got = std::fread(block.data(), 1, block.size(), file);
    text.append(block.data(), got);
    if (text.size() > kMostFileOctets) {
      (void)fail(path + ": larger than " + std::to_string(kMostFileOctets) + " bytes; expected a configuration file",
                 2);
      return std::nullopt;
    }
    if (got == 0) break;
  }
  if (file != nullptr && std::ferror(file) == 0) return text;
  (void)fail(path + ": " + std::strerror(errno) + "; expected a configuration file that can be read", 1);
  return std::nullopt;
}

/// Prints the answer to a change.
int finish(const v1::ChangeReply& reply, const std::string& how, bool json) {
  const int printed = print(json ? message_json(reply) + '\n' : changes_text(reply, how));
  return printed != 0 ? printed : reply.refused().empty() ? 0 : 1;
}

}  // namespace

ConfigCommands::ConfigCommands(CLI::App& app)
    : config_(app.add_subcommand("config", "The configuration that runs: show it, change it, take a change back")),
      show_(config_->add_subcommand("show", "Print it in the form of the file, defaults told apart")),
      diff_(
          config_->add_subcommand("diff", "Print in which fields a file differs from it, and when each takes effect")),
      apply_(config_->add_subcommand("apply", "Make a file what runs: all of it or, with exit code 1, nothing")),
      history_(
          config_->add_subcommand("history", "Print the last 50 configurations, with who asked for each and when")),
      rollback_(
          config_->add_subcommand("rollback", "Make an entry of the history what runs [the one before the last]")),
      exporters_(app.add_subcommand("exporters", "Exporters of the running weir: list, add, remove, pause, resume")),
      list_(exporters_->add_subcommand("list", "Print all, those that were removed included")),
      add_(exporters_->add_subcommand("add", "Export to one more, from now on")),
      remove_(exporters_->add_subcommand("remove", "Flush one, within 5 seconds, and close it")),
      pause_(exporters_->add_subcommand("pause", "Let records wait for one, as many as its queue holds")),
      resume_(exporters_->add_subcommand("resume", "Let a paused one go on")),
      log_(app.add_subcommand("log", "Say what weir logs from now on: debug, info, warning or error")) {
  for (CLI::App* const command : {diff_, apply_}) {
    command->add_option("FILE", file_, "A configuration file; - is standard input")->required()->type_name("");
  }
  rollback_->add_option("N", entry_, "The number of the entry, as config history prints it")
      ->type_name("")
      ->check([](const std::string& number) {
        return number == "0" ? "expected the number of an entry, from 1 on" : std::string();
      });
  for (CLI::App* const command : {apply_, rollback_}) {
    command->add_flag("--dry-run", dry_run_, "Only say what would change, and whether it can");
  }
  add_->add_option("URI", exporter_, "As of --export")->required()->type_name("");
  for (CLI::App* const command : {remove_, pause_, resume_}) {
    command->add_option("NAME", exporter_, "Its name, as exporters list prints it")->required()->type_name("");
  }
  log_->add_option("LEVEL", level_,
                   "debug: also packets per second, every second; info: what happens; warning: what may be\nwrong; "
                   "error: what is")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  config_->require_subcommand(0, 1);
  exporters_->require_subcommand(0, 1);
  for (CLI::App* const command : {config_, exporters_, log_}) {
    command->fallthrough();
    for (CLI::App* const inner : command->get_subcommands({})) inner->fallthrough();
  }
}

int ConfigCommands::ask(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  if (*log_) return set_log(stub, socket_path, json);
  if (*exporters_) {
    const bool changes = *add_ || *remove_ || *pause_ || *resume_;
    return changes ? change_exporter(stub, socket_path, json) : list(stub, socket_path, json);
  }
  if (config_->get_subcommands().empty()) {
    return fail("config: a command is missing: show, diff, apply, history or rollback; see weirctl config --help", 2);
  }
  if (*show_) return show(stub, socket_path, json);
  return *history_ ? history(stub, socket_path, json) : change(stub, socket_path, json);
}

int ConfigCommands::show(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kChangePatience);
  v1::ConfigReply reply;
  if (const auto result = stub.Config(&context, {}, &reply); !result.ok()) return refused(result, socket_path);
  return print(json ? message_json(reply) + '\n' : reply.text());
}

int ConfigCommands::history(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kChangePatience);
  v1::HistoryReply reply;
  if (const auto result = stub.History(&context, {}, &reply); !result.ok()) return refused(result, socket_path);
  return print(json ? message_json(reply) + '\n' : history_text(reply));
}

int ConfigCommands::list(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::StatusReply reply;
  if (const auto result = stub.Status(&context, {}, &reply); !result.ok()) return refused(result, socket_path);
  if (!json) return print(exporters_text(reply));
  std::string lines;
  for (const auto& exporter : reply.exporters()) lines += message_json(exporter) + '\n';
  return print(lines);
}

int ConfigCommands::change(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  v1::ChangeReply reply;
  v1::ChangeRequest request;
  request.set_how(*diff_ ? "diff" : dry_run_ ? "check" : "apply");
  if (*rollback_) {
    request.set_rollback(true);
    request.set_entry(entry_);
  } else {
    const auto text = contents_of(file_);
    if (!text) return 1;
    request.set_name(file_ == "-" ? "standard input" : file_);
    std::size_t at = 0;
    for (request.set_more(true); text->size() - at > kPiece; at += kPiece) {
      request.set_offset(at);
      request.set_text(text->substr(at, kPiece));
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kChangePatience);
      if (const auto result = stub.Change(&context, request, &reply); !result.ok()) return refused(result, socket_path);
    }
    request.set_offset(at);
    request.set_text(text->substr(at));
    request.set_more(false);
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kChangePatience);
  if (const auto result = stub.Change(&context, request, &reply); !result.ok()) return refused(result, socket_path);
  return finish(reply, request.how(), json);
}

int ConfigCommands::change_exporter(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  v1::ExporterRequest request;
  request.set_action(*add_ ? "add" : *remove_ ? "remove" : *pause_ ? "pause" : "resume");
  request.set_exporter(exporter_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kChangePatience);
  v1::ChangeReply reply;
  if (const auto result = stub.Exporter(&context, request, &reply); !result.ok()) return refused(result, socket_path);
  return finish(reply, "apply", json);
}

int ConfigCommands::set_log(v1::Control::Stub& stub, const std::string& socket_path, bool json) const {
  v1::LogRequest request;
  request.set_level(level_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kChangePatience);
  v1::LogReply reply;
  if (const auto result = stub.Log(&context, request, &reply); !result.ok()) return refused(result, socket_path);
  return print(json ? message_json(reply) + '\n' : "log " + level_ + ", before that " + reply.before() + '\n');
}

}  // namespace weir::ctl
