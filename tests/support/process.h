// Programs as a test runs them: with a time limit, their output in memory, and no trace left behind.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace weir::test {

struct Finished {
  int exit_code = -1;  ///< 128 + signal where a signal ended it
  bool timed_out = false;
  std::string out;  ///< standard output
  std::string err;  ///< standard error
};

/// A program that runs beside the test; killed when this goes away.
class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments, const std::string& input = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  void signal(int number) const;
  [[nodiscard]] int pid() const { return pid_; }
  /// Waits for the end; kills it when the time is over.
  Finished wait(std::chrono::seconds limit = std::chrono::seconds(60));
  /// Waits until standard error contains `text`; false when the time is over or the program ended without it.
  bool wait_for_error_text(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(20));
  /// What standard error holds by now.
  [[nodiscard]] std::string error_text() const;

 private:
  int pid_ = -1;
  std::filesystem::path folder_;
};

/// Runs a program to its end.
Finished run(const std::vector<std::string>& arguments, std::chrono::seconds limit = std::chrono::seconds(60));

/// What `weir read` said of its ledger: that it balances, and that nothing was lost before the exporters.
inline void expect_balanced(const std::string& said) {
  EXPECT_NE(said.find("the ledger balances"), std::string::npos) << said;
}
inline void expect_balanced(const Finished& read) {
  expect_balanced(read.err);
}

/// What a file holds; nothing where there is none.
std::string contents(const std::filesystem::path& file);

void write_file(const std::filesystem::path& file, std::span<const std::uint8_t> octets);

/// Whether `program` is on the PATH.
bool installed(const std::string& program);

}  // namespace weir::test
