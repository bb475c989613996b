// What every command of weirctl does alike: it prints an answer, or says in one line why there is none.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string>

#include "proto/record/message_json.h"
#include "proto/schema/control.grpc.pb.h"
#include "proto/schema/message_csv.h"

namespace weir::ctl {

/// How long weir may take to answer.
inline constexpr std::chrono::seconds kPatience{5};

/// Prints "weirctl: MESSAGE" to standard error; returns `exit_code`.
int fail(const std::string& message, int exit_code);

/// Prints to standard output; returns the exit code.
int print(const std::string& text);

/// An answer that is no list of flows: `output` is "table", "json" or "csv"; `table` makes the first of these.
template <typename Message>
std::string answer_text(const Message& message, const std::string& output, std::string (&table)(const Message&)) {
  if (output == "json") return message_json(message) + '\n';
  return output == "csv" ? message_csv(message) : table(message);
}

/// Whether weir takes connections on the socket, or at the address.
bool is_served(v1::Control::Stub& stub, const std::string& socket_path);

/// One line for a call that failed.
std::string describe(const grpc::Status& status, const std::string& socket_path);

}  // namespace weir::ctl
