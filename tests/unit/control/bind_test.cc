// The walks through a configuration with blocks inside blocks, by a schema of the test's own: file, places, bindings,
// defaults, and the text form back.
#include "control/config/bind.h"

#include <gtest/gtest.h>

#include <array>

#include "control/config/file.h"
#include "tests/unit/control/nested_config.pb.h"

namespace weir::bind_test {
namespace {

struct Rule {
  std::string net;
  unsigned weight = 0;
  friend bool operator==(const Rule&, const Rule&) = default;
};
struct Monitor {
  std::string key;
  std::vector<std::string> exports;
  std::vector<Rule> rules;
};
struct Probe {
  std::uint64_t idle_ns = 0;
  std::vector<Monitor> monitors;
  bool verbose = true;
};

ValueResult check_net(const ValueContext& context, const std::string& text, Rule&) {
  if (text.find('/') != std::string::npos) return {};
  return tl::make_unexpected("no prefix length; expected " + context.description.value());
}

#define MEMBER(member)        \
  [](auto& target) -> auto& { \
    return target.member;     \
  }
constexpr auto kRuleRows = std::to_array<Binding<Rule>>({
    Rows<Rule>::text<check_net>("net", MEMBER(net)),
    Rows<Rule>::number("weight", MEMBER(weight)),
});
constexpr auto kMonitorRows = std::to_array<Binding<Monitor>>({
    Rows<Monitor>::text("key", MEMBER(key)),
    Rows<Monitor>::text("export", MEMBER(exports)),
    Rows<Monitor>::blocks<Rule, kRuleRows>("rule", MEMBER(rules)),
});
constexpr auto kProbeRows = std::to_array<Binding<Probe>>({
    Rows<Probe>::duration("idle_timeout", MEMBER(idle_ns)),
    Rows<Probe>::blocks<Monitor, kMonitorRows>("monitor", MEMBER(monitors)),
    Rows<Probe>::on_off("verbose", MEMBER(verbose)),
});
#undef MEMBER

/// The settings that a file gives; or in `error` its line.
Probe probe_of(const std::string& text, std::string& error) {
  test::Probe message;
  Places places;
  Probe probe;
  if (const auto wrong = parse_text_form(text, "p.conf", message, places)) {
    error = wrong->message;
    return probe;
  }
  const auto good = apply_bindings<Probe>(message, kProbeRows, {Command::check, places}, "", probe);
  if (!good) error = good.error().message;
  return probe;
}

std::string error_of(const std::string& text) {
  std::string error;
  probe_of(text, error);
  return error;
}

constexpr const char* kText =
    "monitor {\n"
    "  export: \"json:a\"\n"
    "  export: \"json:b\"\n"
    "}\n"
    "monitor {\n"
    "  key: \"src_addr/24\"\n"
    "  rule { net: \"10.0.0.0/8\" weight: 3 }\n"
    "  rule { net: \"192.0.2.0/24\" }\n"
    "}\n";

TEST(Bindings, PutTheFieldsOfEveryBlockIntoAStructOfItsOwn) {
  std::string error;
  const Probe probe = probe_of(kText, error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(probe.idle_ns, 30'000'000'000U) << "the default";
  EXPECT_FALSE(probe.verbose) << "the default";
  ASSERT_EQ(probe.monitors.size(), 2U);
  EXPECT_EQ(probe.monitors[0].key, "5tuple") << "the default, in each block";
  EXPECT_EQ(probe.monitors[0].exports, (std::vector<std::string>{"json:a", "json:b"}));
  EXPECT_TRUE(probe.monitors[0].rules.empty());
  EXPECT_EQ(probe.monitors[1].key, "src_addr/24");
  EXPECT_EQ(probe.monitors[1].rules, (std::vector<Rule>{{"10.0.0.0/8", 3}, {"192.0.2.0/24", 1}}));
}

TEST(Bindings, NameTheLineOfAValueInsideABlock) {
  EXPECT_EQ(error_of("monitor { }\nmonitor {\n  rule { net: \"10.0.0.0/8\" weight: 10 }\n}\n"),
            "p.conf:3:28: weight 10: out of range; expected 1 to 9");
  EXPECT_EQ(error_of("monitor {\n  rule { net: \"10.0.0.0/8\" }\n  rule { net: \"10.0.0.0\" }\n}\n"),
            "p.conf:3:10: net 10.0.0.0: no prefix length; expected a network");
  EXPECT_EQ(error_of("monitor {\n  key: \"\"\n}\n"), "p.conf:2:3: key '': empty; expected a key");
}

TEST(Bindings, SuggestFieldsOfTheBlockThatAnUnknownOneStandsIn) {
  EXPECT_EQ(error_of("monitor {\n  exprot: \"json:a\"\n}\n"),
            "p.conf:2:3: no field is named \"exprot\"; did you mean export?");
  EXPECT_EQ(error_of("monitor {\n  rule { colour: 3 }\n}\n"),
            "p.conf:2:10: no field is named \"colour\"; expected one of net weight");
  EXPECT_EQ(error_of("monitor: 3\n"),
            "p.conf:1:10: a '{' is missing after monitor; expected a block such as monitor { key: \"5tuple\" }");
}

TEST(Bindings, PrintWhatReadsBackAsTheSame) {
  std::string error;
  const Probe probe = probe_of(kText, error);
  ASSERT_EQ(error, "");
  test::Probe message;
  print_bindings<Probe>(probe, kProbeRows, message);
  const std::string text = config_text(message);
  EXPECT_EQ(text,
            "idle_timeout: \"30s\"\n"
            "monitor {\n"
            "  key: \"5tuple\"\n"
            "  export: \"json:a\"\n"
            "  export: \"json:b\"\n"
            "  # rule: no rules\n"
            "}\n"
            "monitor {\n"
            "  key: \"src_addr/24\"\n"
            "  # export: nowhere\n"
            "  rule {\n"
            "    net: \"10.0.0.0/8\"\n"
            "    weight: 3\n"
            "  }\n"
            "  rule {\n"
            "    net: \"192.0.2.0/24\"\n"
            "    weight: 1\n"
            "  }\n"
            "}\n"
            "verbose: false\n");
  const Probe again = probe_of(text, error);
  EXPECT_EQ(error, "");
  ASSERT_EQ(again.monitors.size(), 2U);
  EXPECT_EQ(again.monitors[1].rules, probe.monitors[1].rules);
  EXPECT_EQ(
      effect_help(*test::Probe::descriptor()),
      "A change of --verbose takes effect while weir runs (weirctl config apply, SIGHUP), of any other when it is "
      "started again.");
}

}  // namespace
}  // namespace weir::bind_test
