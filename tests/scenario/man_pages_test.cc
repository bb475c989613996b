// The man pages as a user reads them: groff has nothing to complain of, and every option and command that a program
// names in its help is on its page.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace weir::test {
namespace {

const std::string kBin = WEIR_BIN;

struct Page {
  const char* program;
  std::vector<std::string> commands;
};

void PrintTo(const Page& page, std::ostream* out) {
  *out << page.program;
}

class ManPage : public testing::TestWithParam<Page> {
 protected:
  void SetUp() override {
    if (run({"groff", "--version"}).exit_code != 0) GTEST_SKIP() << "no groff";
    file_ = kBin + "/man/" + GetParam().program + ".1";
    // -ww: every warning; -P-cbou: no bold, colours or underlines in the text.
    rendered_ = run({"groff", "-man", "-ww", "-Tascii", "-P-cbou", file_});
  }

  std::string help(const std::string& command = "") const {
    std::vector<std::string> words{kBin + "/" + GetParam().program, "--help"};
    if (!command.empty()) words.insert(words.begin() + 1, command);
    const Finished done = run(words);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  }

  /// The text of the page in one line, with one blank between words.
  [[nodiscard]] std::string words() const {
    std::string text;
    std::istringstream in(rendered_.out);
    for (std::string word; in >> word;) text += word + ' ';
    return text;
  }

  std::string file_;
  Finished rendered_;
};

TEST_P(ManPage, renders_without_a_warning) {
  EXPECT_EQ(rendered_.exit_code, 0);
  EXPECT_EQ(rendered_.err, "");
  for (const char* section : {"\nNAME\n", "\nSYNOPSIS\n", "\nDESCRIPTION\n", "\nOPTIONS\n", "\nSEE ALSO\n"}) {
    EXPECT_NE(rendered_.out.find(section), std::string::npos) << section;
  }
  EXPECT_NE(words().find("NAME " + std::string(GetParam().program) + " - "), std::string::npos);
}

TEST_P(ManPage, has_every_option_and_every_command) {
  const std::string text = words();
  std::set<std::string> options;
  std::vector<std::string> commands = GetParam().commands;
  commands.emplace_back("");
  for (const std::string& command : commands) {
    if (!command.empty()) {
      EXPECT_NE(text.find(std::string(GetParam().program) + " " + command + " [OPTIONS]"), std::string::npos)
          << command;
    }
    const std::string from = help(command);
    const std::regex option(R"(\n  (?:-[a-z],)?(--[a-z][a-z0-9-]*))");
    for (std::sregex_iterator at(from.begin(), from.end(), option), end; at != end; ++at) options.insert((*at)[1]);
  }
  EXPECT_GE(options.size(), 4U);
  for (const std::string& option : options) {
    const std::regex entry("(^|\n)       (-[a-z],)?" + option + "( |\n)");
    EXPECT_TRUE(std::regex_search(rendered_.out, entry)) << option;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Programs, ManPage,
    testing::Values(Page{"weir", {"run", "read", "check", "doctor", "metrics", "fields", "reasons", "tunnels"}},
                    Page{"weirctl",
                         {"status", "ledger", "monitors", "rss", "metrics", "top", "flows", "flow", "tail",
                          "self-check", "drain", "stop", "completion"}},
                    Page{"weir-collect", {}}, Page{"weir-gen", {}}),
    [](const auto& one) {
      std::string name = one.param.program;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace weir::test
