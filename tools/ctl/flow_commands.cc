#include "tools/ctl/flow_commands.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>

#include "proto/schema/flows_text.h"
#include "tools/ctl/asking.h"

namespace weir::ctl {
namespace {

FlowsForm form_of(const std::string& output) {
  return output == "json" ? FlowsForm::json : output == "csv" ? FlowsForm::csv : FlowsForm::table;
}

/// What weir said instead of an answer.
int refused(const grpc::Status& status, const std::string& socket_path) {
  if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) return fail(status.error_message(), 2);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return fail(socket_path + ": that weir answers no questions about flows; it is older than this weirctl", 1);
  }
  return fail(describe(status, socket_path), 1);
}

/// Prints the answer, and names the workers that are not in it.
int finish(const std::string& text, const v1::FlowScope& scope) {
  if (!scope.doing().empty()) return fail("weir is " + scope.doing() + "; there are no flows to show", 1);
  const int printed = print(text);
  const std::string missing = missing_workers_text(scope);
  if (printed != 0 || missing.empty()) return printed;
  return fail(missing, 1);
}

}  // namespace

FlowCommands::FlowCommands(CLI::App& app)
    : top_(app.add_subcommand("top", "Who talks most: sums of live flows by fields, the largest first")),
      flows_(app.add_subcommand("flows", "Live flows, the largest first, a page at a time")),
      flow_(app.add_subcommand("flow", "One live flow with all that was measured of it")) {
  top_->add_option("--by", by_,
                   "Fields to sum by, as `weir fields` names them; src_addr/24 and src_addr/24/64 (IPv4, IPv6) are\n"
                   "prefixes; each direction of a flow counts for itself [src_addr,src_port,dst_addr,dst_port,proto]")
      ->type_name("FIELDS");
  top_->add_option("--sort", sort_, "What is largest first: bytes, packets, rate or flows [bytes]")->type_name("WHAT");
  flows_
      ->add_option(
          "--sort", flows_sort_,
          "What is first: bytes, packets, rate: the greatest; age: the oldest; idle: the least recently active\n"
          "[bytes]")
      ->type_name("WHAT");
  flows_->add_option("--offset", offset_, "Leave out so many flows before the first, at most 100000")
      ->type_name("N")
      ->check(CLI::Range(0, 100'000));
  flow_
      ->add_option("KEY", name_,
                   "The flow: 10.0.0.1:40000-10.0.0.2:80/tcp, [2001:db8::1]:40000-[2001:db8::2]:443/udp,\n"
                   "10.0.0.1-10.0.0.2/icmp; either end first")
      ->required()
      ->type_name("");
  for (CLI::App* const command : {top_, flows_}) {
    command->add_option("-n", rows_, "Lines, 1 to 1000")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    command
        ->add_option("--filter", filter_,
                     "Only what this pcap filter keeps, as if it saw a packet of each direction: addresses, protocol,\n"
                     "ports, TOS, all TCP flags that were seen. What a flow does not have, such as a TTL, is 0 there;\n"
                     "a length is refused")
        ->type_name("PCAP FILTER");
  }
  for (CLI::App* const command : {top_, flows_, flow_}) {
    command->add_option("--monitor", monitor_, "Of several monitors: whose flows [the first's]")->type_name("NAME");
    command
        ->add_option("--timeout", timeout_s_, "Seconds that workers may take, 1 to 60; those that are late are named")
        ->type_name("S")
        ->capture_default_str()
        ->check(CLI::Range(1, 60));
    command->fallthrough();
  }
}

int FlowCommands::ask(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const {
  return *top_ ? top(stub, socket_path, output) : flows(stub, socket_path, output);
}

int FlowCommands::top(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const {
  v1::TopRequest request;
  request.set_by(by_);
  request.set_sort(sort_);
  request.set_limit(rows_);
  request.set_filter(filter_);
  request.set_monitor(monitor_);
  request.set_patience_ms(timeout_s_ * 1000);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(timeout_s_) + kPatience);
  v1::TopReply reply;
  if (const auto result = stub.Top(&context, request, &reply); !result.ok()) return refused(result, socket_path);
  return finish(top_text(reply, form_of(output)), reply.scope());
}

int FlowCommands::flows(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const {
  v1::FlowsRequest request;
  request.set_flow(name_);
  request.set_sort(flows_sort_);
  request.set_limit(rows_);
  request.set_offset(offset_);
  request.set_filter(filter_);
  request.set_monitor(monitor_);
  request.set_patience_ms(timeout_s_ * 1000);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(timeout_s_) + kPatience);
  v1::FlowsReply reply;
  if (const auto result = stub.Flows(&context, request, &reply); !result.ok()) return refused(result, socket_path);
  if (*flows_) return finish(flows_text(reply, form_of(output)), reply.scope());
  if (reply.flows().empty() && reply.scope().doing().empty()) {
    const std::string missing = missing_workers_text(reply.scope());
    return fail(name_ + ": no live flow has this name" + (missing.empty() ? "" : "; " + missing), 1);
  }
  return finish(flow_text(reply, form_of(output)), reply.scope());
}

}  // namespace weir::ctl
