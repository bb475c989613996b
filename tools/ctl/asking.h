// What every command of weirctl does alike: it prints an answer, or says in one line why there is none.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <string>

namespace weir::ctl {

/// How long weir may take to answer.
inline constexpr std::chrono::seconds kPatience{5};

/// Prints "weirctl: MESSAGE" to standard error; returns `exit_code`.
int fail(const std::string& message, int exit_code);

/// Prints to standard output; returns the exit code.
int print(const std::string& text);

/// One line for a call that failed.
std::string describe(const grpc::Status& status, const std::string& socket_path);

}  // namespace weir::ctl
