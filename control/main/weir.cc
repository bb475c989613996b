// The weir daemon: what the command line asks for. Standard output carries records and results only; the log and all
// errors go to standard error.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "control/command_line.h"
#include "control/commands.h"
#include "control/doctor/doctor.h"
#include "control/error_stream.h"
#include "control/final_error.h"

namespace {

int fail(const std::string& message, int exit_code) {
  weir::final_error(message);
  return exit_code;
}

int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    if (errno == EPIPE) return 0;  // `| head` had enough
    return fail(fmt::format("standard output: {}", std::strerror(errno)), 1);
  }
  return 0;
}

int parse_and_do(int argc, char** argv) {
  const auto command = weir::parse_command_line(argc, argv);
  if (!command) {
    weir::final_error(command.error().message);
    for (const std::string& further : command.error().more) weir::final_error(further);
    return command.error().exit_code;
  }
  switch (command->action) {
    case weir::CommandLine::Action::run:
      return weir::run_live(command->settings, command->effective, command->given);
    case weir::CommandLine::Action::read:
      return command->settings.captures.empty() ? weir::read_records(command->settings)
                                                : weir::read_captures(command->settings);
    case weir::CommandLine::Action::doctor:
      return weir::examine(command->settings, command->json);
    case weir::CommandLine::Action::print:
      for (const std::string& hint : command->hints) spdlog::warn("{}", hint);
      return print(command->text);
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // If a collector or pipe goes away, write() shall fail with an error that is counted and named; it must not end weir.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    weir::log_to(stderr, isatty(STDERR_FILENO) != 0);
    return parse_and_do(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", 1);
  } catch (const std::system_error& error) {  // mostly of a thread that could not be made
    return fail(fmt::format("{}: the system gives weir no more threads or memory (ulimit -a, cgroup)", error.what()),
                1);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}
