// The list of exporters: what each says of itself is complete, and true of what it takes.
#include "control/export/exporter_kinds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "control/export/export_uri.h"

namespace weir::exporter_kinds_test {
namespace {

/// The example of `kind` without its options, and without a time in a file's name, which one of these asks for.
std::string bare_example(const ExporterKind& kind) {
  std::string bare(kind.example.substr(0, kind.example.find('?')));
  std::erase(bare, '%');
  return bare;
}

TEST(ExporterKinds, EachSaysWhatItIs) {
  std::set<std::string_view> forms;
  ASSERT_FALSE(exporter_kinds().empty());
  for (const ExporterKind* const kind : exporter_kinds()) {
    EXPECT_TRUE(forms.insert(kind->form).second) << kind->form << " is in the list twice";
    EXPECT_FALSE(kind->help.empty()) << kind->scheme;
    EXPECT_TRUE(kind->form.starts_with(std::string(kind->scheme) + ":")) << kind->form;
    EXPECT_TRUE(kind->prefix().starts_with(std::string(kind->scheme) + ":")) << kind->prefix();
    EXPECT_EQ(kind->prefix().ends_with("://"), kind->form.find("://") != std::string_view::npos) << kind->form;
    std::set<std::string_view> names;
    for (const ExportOption& option : kind->options) {
      EXPECT_TRUE(names.insert(option.name).second) << kind->scheme << " has " << option.name << " twice";
      EXPECT_FALSE(option.form.empty()) << kind->scheme << " " << option.name;
      EXPECT_FALSE(option.help.empty()) << kind->scheme << " " << option.name;
    }
  }
}

TEST(ExporterKinds, APrefixHasTheSlashesThatTheFormHas) {
  EXPECT_EQ(json_kind.prefix(), "json:");
  EXPECT_EQ(ipfix_tcp_kind.prefix(), "ipfix+tcp://");
}

TEST(ExporterKinds, NoPrefixIsTheBeginningOfALaterOne) {
  for (auto one = exporter_kinds().begin(); one != exporter_kinds().end(); ++one) {
    for (auto later = one + 1; later != exporter_kinds().end(); ++later) {
      EXPECT_FALSE((*later)->prefix().starts_with((*one)->prefix())) << (*later)->prefix();
    }
  }
}

TEST(ExporterKinds, EveryExampleIsAUriOfItsKind) {
  for (const ExporterKind* const kind : exporter_kinds()) {
    const auto uri = parse_export_uri(std::string(kind->example));
    ASSERT_TRUE(uri) << uri.error();
    EXPECT_EQ(uri->kind, kind);
  }
}

TEST(ExporterKinds, EveryOptionIsTakenWithARightValueAndRefusedWithAWrongOne) {
  std::size_t options = 0;
  for (const ExporterKind* const kind : exporter_kinds()) {
    for (const ExportOption& option : kind->options) {
      ++options;
      const std::string begin = bare_example(*kind) + "?" + std::string(option.name) + "=";
      // A certificate and its key come together.
      const bool pem = option.form == "FILE";
      const char* const with = pem && option.name == "cert"  ? "&key=/weir.key"
                               : pem && option.name == "key" ? "&cert=/weir.pem"
                                                             : "";
      const auto right = parse_export_uri(begin + std::string(option.example) + with);
      EXPECT_TRUE(right) << right.error();
      for (const char* const wrong : {"", "-1", "no such value"}) {
        const auto refused = parse_export_uri(begin + wrong);
        ASSERT_FALSE(refused) << begin << wrong;
        EXPECT_EQ(refused.error().find("export '" + without_keys(begin + wrong) + "': "), 0U) << refused.error();
      }
    }
  }
  EXPECT_EQ(options, 12U + 12U + 9U + 14U + 7U + 6U + 4U + 9U + 1U + 3U + 7U + 9U + 5U + 5U + 5U + 2U + 0U + 1U);
}

TEST(ExporterKinds, AnOptionThatDoesNotExistNamesThoseThatDo) {
  for (const ExporterKind* const kind : exporter_kinds()) {
    const auto refused = parse_export_uri(bare_example(*kind) + "?bogus=1");
    ASSERT_FALSE(refused) << kind->scheme;
    EXPECT_NE(refused.error().find("no option 'bogus'; "), std::string::npos) << refused.error();
    EXPECT_TRUE(refused.error().ends_with(kind->option_names())) << refused.error();
    EXPECT_TRUE(kind->option_names().ends_with("name")) << kind->option_names();
  }
}

/// `help` with lines that go on in the next one as one line.
std::string unfolded(const std::string& help) {
  const std::string margin = "\n" + std::string(30, ' ');
  std::string text = help;
  for (std::size_t at = text.find(margin); at != std::string::npos; at = text.find(margin, at + 1)) {
    const bool begins_anew =
        text.compare(at + margin.size(), 9, "options: ") == 0 || text.compare(at + margin.size(), 6, "as in ") == 0;
    if (!begins_anew) text.replace(at, margin.size(), " ");
  }
  return text;
}

TEST(ExporterKinds, HelpHasEveryFormEveryExampleAndEveryOption) {
  const std::string help = unfolded(export_uri_help());
  for (const ExporterKind* const kind : exporter_kinds()) {
    EXPECT_NE(help.find("\n  " + std::string(kind->form)), std::string::npos) << kind->form;
    EXPECT_NE(help.find(kind->help), std::string::npos) << kind->help;
    EXPECT_NE(help.find(kind->example), std::string::npos) << kind->example;
    EXPECT_NE(help.find("options: " + kind->option_names() + "\n"), std::string::npos) << kind->scheme;
    for (const ExportOption& option : kind->options) {
      const std::string row = "\n  " + std::string(option.name) + "=" + std::string(option.form);
      EXPECT_NE(help.find(row), std::string::npos) << kind->scheme << row;
      EXPECT_NE(help.find(option.help), std::string::npos) << option.help;
    }
  }
  EXPECT_NE(help.find("\n  name=NAME "), std::string::npos);
  // One line each, and no wider than a page.
  std::istringstream lines(export_uri_help());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 116U) << line;
}

TEST(ExporterKinds, ThePageHasTheHelp) {
  std::ifstream file(WEIR_SOURCE_FOLDER "/control/export/README.md");
  std::stringstream page;
  page << file.rdbuf();
  std::string block;
  std::istringstream lines(export_uri_help());
  for (std::string line; std::getline(lines, line);) block += line.empty() ? "\n" : "    " + line + "\n";
  EXPECT_NE(page.str().find(block), std::string::npos) << "expected in control/export/README.md:\n" << block;
}

}  // namespace
}  // namespace weir::exporter_kinds_test
