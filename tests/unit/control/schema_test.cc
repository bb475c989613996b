// The descriptions of config.proto: complete, true to the program's own limits, and each bound to one setting.
#include "control/config/schema.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "control/config/bindings.h"
#include "control/config/config.h"
#include "dataplane/flow/flow_rules.h"
#include "dataplane/offline_meter.h"
#include "proto/base/duration.h"

namespace weir::schema_test {
namespace {

using google::protobuf::FieldDescriptor;

std::vector<const FieldDescriptor*> fields(const google::protobuf::Descriptor* type = v1::Config::descriptor()) {
  std::vector<const FieldDescriptor*> all;
  for (int i = 0; i < type->field_count(); ++i) all.push_back(type->field(i));
  return all;
}

bool is_block(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

/// Those with values.
std::vector<const FieldDescriptor*> values(const google::protobuf::Descriptor* type = v1::Config::descriptor()) {
  std::vector<const FieldDescriptor*> all = fields(type);
  std::erase_if(all, [](const FieldDescriptor* field) { return is_block(*field); });
  return all;
}

const v1::OptionDescription& described(const char* field) {
  return description_of(*v1::Config::descriptor()->FindFieldByName(field));
}

/// What is wrong with a configuration of this value alone.
std::string error_with(const FieldDescriptor& field, const std::string& value) {
  v1::Config config;
  if (const auto put = put_value(config, field, value); !put) return put.error();
  Settings settings;
  const Places places;
  const auto good = apply_bindings<Settings>(config, setting_bindings(), {Command::check, places}, "", settings);
  return good ? "" : good.error().message;
}

TEST(Schema, DescribesEveryField) {
  std::vector<const FieldDescriptor*> all = fields();
  for (const FieldDescriptor* field : fields(v1::Monitor::descriptor())) all.push_back(field);
  for (const FieldDescriptor* field : all) {
    SCOPED_TRACE(field->name());
    const v1::OptionDescription& description = description_of(*field);
    EXPECT_NE(description.group(), "");
    EXPECT_NE(description.form(), "");
    EXPECT_NE(description.example(), "");
    EXPECT_NE(description.help(), "");
    EXPECT_EQ(description.help().find('\n'), std::string::npos);
    EXPECT_NE(description.default_().empty(), description.unset().empty()) << "a default, or what its lack means";
    EXPECT_EQ(description.least().empty(), description.greatest().empty());
    EXPECT_NE(description.effect(), v1::NOT_SAID) << "when a change takes effect";
    EXPECT_TRUE(!field->is_repeated() || is_block(*field) || field->cpp_type() == FieldDescriptor::CPPTYPE_STRING);
  }
}

TEST(Schema, GivesDefaultsAndExamplesThatAreRight) {
  for (const FieldDescriptor* field : values(v1::Monitor::descriptor())) {
    const auto config = parse_config("monitor { " + example_line(*field) + " }", "example");
    ASSERT_TRUE(config) << example_line(*field);
    Settings settings;
    EXPECT_TRUE(
        apply_bindings<Settings>(config->config, setting_bindings(), {Command::check, config->places}, "", settings))
        << field->name();
  }
  EXPECT_TRUE(parse_config(example_line(*v1::Config::descriptor()->FindFieldByName("monitor")), "example"));
  for (const FieldDescriptor* field : values()) {
    const v1::OptionDescription& description = description_of(*field);
    EXPECT_EQ(error_with(*field, description.example()), "") << field->name();
    if (!description.default_().empty()) {
      EXPECT_EQ(error_with(*field, description.default_()), "") << field->name();
    }
    EXPECT_TRUE(parse_config(example_line(*field), "example")) << example_line(*field);
  }
}

TEST(Schema, HoldsEveryValueToItsLimits) {
  unsigned limited = 0;
  for (const FieldDescriptor* field : fields()) {
    const v1::OptionDescription& description = description_of(*field);
    if (description.least().empty()) continue;
    ++limited;
    SCOPED_TRACE(field->name());
    EXPECT_EQ(error_with(*field, description.least()), "");
    EXPECT_EQ(error_with(*field, description.greatest()), "");
    const std::string expected = "out of range; expected " + description.least() + " to " + description.greatest();
    const auto beyond = [&](const std::string& value) {
      EXPECT_TRUE(error_with(*field, value).ends_with(expected)) << value << ": " << error_with(*field, value);
    };
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      beyond(duration_text(parse_duration(description.greatest()).value() + 1));
      beyond(duration_text(parse_duration(description.least()).value() - 1));
    } else {
      beyond(std::to_string(std::stoull(description.greatest()) + 1));
      if (description.least() != "0") beyond(std::to_string(std::stoull(description.least()) - 1));
    }
  }
  EXPECT_EQ(limited, 15U);
}

TEST(Schema, AgreesWithTheLimitsOfTheProgram) {
  for (const char* field : {"idle_timeout", "active_timeout", "tcp_linger", "max_reordering", "overflow_timeout"}) {
    EXPECT_EQ(parse_duration(described(field).greatest()).value(), kMaxTimeoutNs) << field;
  }
  EXPECT_EQ(parse_duration(described("duration").greatest()).value(), kGreatestRunNs);
  EXPECT_EQ(described("tunnel_depth").greatest(), std::to_string(ParserOptions::kMaxTunnelDepth));
}

TEST(Schema, AgreesWithWhatTheDataplaneDoesUnlessItIsTold) {
  v1::Config config;
  const Settings settings = validate(config, Command::check).value();
  const FlowSettings untold;
  EXPECT_EQ(settings.flow.timeouts.idle_ns, untold.timeouts.idle_ns);
  EXPECT_EQ(settings.flow.timeouts.active_ns, untold.timeouts.active_ns);
  EXPECT_EQ(settings.flow.timeouts.linger_ns, untold.timeouts.linger_ns);
  EXPECT_EQ(settings.flow.timeouts.tcp_close, untold.timeouts.tcp_close);
  EXPECT_EQ(settings.flow.metrics.settings.icmp_close, untold.metrics.settings.icmp_close);
  EXPECT_EQ(settings.max_reordering_ns, OfflineOptions().max_reordering_ns);
  EXPECT_EQ(settings.flow.when_full, untold.when_full);
  EXPECT_EQ(settings.flow.key, untold.key);
  EXPECT_EQ(settings.flow.parser.layer, untold.parser.layer);
  EXPECT_EQ(settings.flow.parser.tunnel_depth, untold.parser.tunnel_depth);
  EXPECT_EQ(settings.flow.parser.icmp_errors, untold.parser.icmp_errors);
}

TEST(Schema, TakesEveryWordOfAChoiceAndPrintsItBack) {
  std::map<std::string, std::set<std::string>> choices;
  for (const FieldDescriptor* field : values()) {
    const std::string& form = description_of(*field).form();
    if (form.find('|') == std::string::npos) continue;
    std::istringstream words(form);
    for (std::string word; std::getline(words, word, '|');) {
      choices[field->name()].insert(word);
      v1::Config config;
      if (field->name() == "icmp_close") config.set_metrics("icmp");  // which alone can be told to
      ASSERT_TRUE(put_value(config, *field, word)) << field->name() << ' ' << word;
      const auto settings = validate(config, Command::check);
      ASSERT_TRUE(settings) << settings.error().message;
      EXPECT_EQ(values_in(effective_config(*settings), *field), std::vector<std::string>{word}) << field->name();
    }
  }
  const std::map<std::string, std::set<std::string>> expected = {{"account_others", {"on", "off"}},
                                                                 {"rss", {"addresses", "ports"}},
                                                                 {"idle", {"auto", "poll", "pause", "sleep"}},
                                                                 {"tcp_close", {"on", "off"}},
                                                                 {"icmp_close", {"on", "off"}},
                                                                 {"when_full", {"evict", "overflow", "sample"}},
                                                                 {"layer", {"outer", "inner"}},
                                                                 {"icmp_errors", {"own", "quoted"}}};
  EXPECT_EQ(choices, expected);
}

TEST(Schema, BindsEveryFieldOnce) {
  std::vector<std::string> described_fields;
  std::vector<std::string> bound;
  for (const FieldDescriptor* field : fields()) described_fields.push_back(field->name());
  for (const auto& binding : setting_bindings()) bound.emplace_back(binding.field);
  EXPECT_EQ(bound, described_fields) << "one row a field, in the order of config.proto";
  described_fields.clear();
  bound.clear();
  for (const FieldDescriptor* field : fields(v1::Monitor::descriptor())) described_fields.push_back(field->name());
  for (const auto& binding : monitor_bindings()) bound.emplace_back(binding.field);
  EXPECT_EQ(bound, described_fields) << "and of a block";
}

TEST(Schema, SaysLimitsAndDefaultInHelp) {
  const auto help = [](const char* field, Command command) {
    return help_of(*v1::Config::descriptor()->FindFieldByName(field), command);
  };
  EXPECT_EQ(help("idle_timeout", Command::run), "End a flow after a gap longer than this (1ms to 72h) [30s]");
  EXPECT_EQ(help("prometheus", Command::run), "Serve metrics to Prometheus at http://ADDR:PORT/metrics [off]");
  EXPECT_EQ(help("export", Command::run),
            "Where records go, repeatable: one of the export URIs below [none, records are counted and dropped]");
  EXPECT_EQ(help("export", Command::read),
            "Where records go, repeatable: one of the export URIs below [top:- on a terminal, else table:-]");
  EXPECT_NE(help("workers", Command::read), help("workers", Command::run));
}

TEST(Schema, SaysWhatChangesWhileWeirRuns) {
  EXPECT_EQ(effect_help(*v1::Config::descriptor()),
            "A change of --stop-timeout, --idle-timeout, --active-timeout, --tcp-close, --tcp-linger, --max-flows, "
            "--key, --metrics, --sample, --filter, --export, --prefixes, --interfaces takes effect while weir runs "
            "(weirctl config apply, SIGHUP), "
            "of any other when it is started again.");
}

TEST(Schema, TellsDefaultsApart) {
  v1::Config said;
  said.set_idle_timeout("5s");
  v1::Config effective = said;
  effective.set_active_timeout("300s");
  effective.add_monitor()->set_name("wide");
  const std::string text = config_text(effective, said);
  EXPECT_NE(text.find("\nidle_timeout: \"5s\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nactive_timeout: \"300s\"  # default\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  name: \"wide\"\n"), std::string::npos) << text;
  ASSERT_TRUE(parse_config(text, "text")) << "it can be given to --config";
  EXPECT_EQ(parse_config(text, "text")->config.SerializeAsString(), effective.SerializeAsString());
}

TEST(Schema, FindsTheFieldThatAWordMeans) {
  const auto meant = [](const char* word) {
    const auto* field = field_like(*v1::Config::descriptor(), word);
    return field == nullptr ? "" : field->name();
  };
  EXPECT_EQ(meant("idle-timeout"), "idle_timeout");
  EXPECT_EQ(meant("idle"), "idle");
  EXPECT_EQ(meant("exports"), "export");
  EXPECT_EQ(meant("tcp_colse"), "tcp_close");
  EXPECT_EQ(meant("tunnels_depth"), "tunnel_depth");
  EXPECT_EQ(meant("threads"), "");
  EXPECT_EQ(meant(""), "");
  EXPECT_EQ(meant("x"), "");
}

}  // namespace
}  // namespace weir::schema_test
