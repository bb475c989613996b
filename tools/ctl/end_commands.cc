#include "tools/ctl/end_commands.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "proto/schema/report_text.h"
#include "tools/ctl/asking.h"

namespace weir::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookEvery{50};

void set_deadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
}

/// What weir said instead of doing it.
int refused(const grpc::Status& status, const std::string& socket_path) {
  if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) return fail(status.error_message(), 1);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return fail(socket_path + ": that weir does not do this; it is older than this weirctl, and SIGTERM stops it", 1);
  }
  return fail(describe(status, socket_path), 1);
}

}  // namespace

EndCommands::EndCommands(CLI::App& app)
    : drain_(
          app.add_subcommand("drain",
                             "Receive no more packets, export every flow, print the ledger; weir goes on to answer.\n"
                             "Exit code 1 when the ledger does not balance")),
      stop_(app.add_subcommand(
          "stop",
          "Export every flow and stop, as with SIGTERM; waits for the end, and names what was lost.\n"
          "Exit code 1 when anything was, or the ledger does not balance")) {
  for (CLI::App* const command : {drain_, stop_}) {
    command->add_option("--timeout", timeout_s_, "Seconds to wait until it is done, 1 to 3600")
        ->type_name("S")
        ->capture_default_str()
        ->check(CLI::Range(1, 3600));
    command->fallthrough();
  }
}

int EndCommands::ask(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const {
  return *drain_ ? drain(stub, socket_path, output) : stop(stub, socket_path);
}

int EndCommands::drain(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const {
  const auto deadline = Clock::now() + std::chrono::seconds(timeout_s_);
  {
    grpc::ClientContext context;
    set_deadline(context);
    v1::DrainReply reply;
    if (const auto result = stub.Drain(&context, {}, &reply); !result.ok()) return refused(result, socket_path);
  }
  for (;;) {
    grpc::ClientContext context;
    set_deadline(context);
    v1::StatusReply status;
    if (const auto result = stub.Status(&context, {}, &status); !result.ok()) {
      return fail(describe(result, socket_path), 1);
    }
    if (status.phase() == "drained") break;
    if (status.phase() == "stopping") return fail("weir was told to stop meanwhile; it exports every flow, too", 1);
    if (Clock::now() >= deadline) return fail("weir is still " + status.phase() + ": " + status.doing(), 1);
    std::this_thread::sleep_for(kLookEvery);
  }
  grpc::ClientContext context;
  set_deadline(context);
  v1::Ledger ledger;
  if (const auto result = stub.Ledger(&context, {}, &ledger); !result.ok()) {
    return fail(describe(result, socket_path), 1);
  }
  const int printed = print(answer_text(ledger, output, ledger_text));
  return printed != 0 ? printed : ledger.balanced() ? 0 : 1;
}

int EndCommands::stop(v1::Control::Stub& stub, const std::string& socket_path) const {
  const auto deadline = Clock::now() + std::chrono::seconds(timeout_s_);
  grpc::ClientContext context;
  set_deadline(context);
  v1::StopReply reply;
  if (const auto result = stub.Stop(&context, {}, &reply); !result.ok()) return refused(result, socket_path);
  const std::string name = "weir, process " + std::to_string(reply.pid());
  std::optional<v1::Ledger> last;  // weir ends once this has asked for the ledger of its end
  for (;;) {
    grpc::ClientContext again;
    set_deadline(again);
    v1::Ledger ledger;
    if (stub.Ledger(&again, {}, &ledger).ok()) {
      if (ledger.state() != "none") last = std::move(ledger);
    } else if (!is_served(stub, socket_path)) {
      break;
    }
    if (Clock::now() >= deadline) {
      return fail(name + ", still stops after " + std::to_string(timeout_s_) + " s; see weirctl status", 1);
    }
    std::this_thread::sleep_for(kLookEvery);
  }
  const std::string lost = last ? losses_text(*last) : "";
  const bool balanced = !last || last->balanced();
  const int printed = print(name + ", has stopped\n" + lost + (balanced ? "" : "the ledger does not balance\n"));
  return printed != 0 ? printed : lost.empty() && balanced ? 0 : 1;
}

}  // namespace weir::ctl
