#include "control/config/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "control/config/schema.h"
#include "control/export/export_uri.h"

namespace weir {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string values_text(const std::vector<std::string>& values) {
  if (values.empty()) return "(none)";
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

/// The values as everybody may see them.
std::vector<std::string> shown(const FieldDescriptor& field, std::vector<std::string> values) {
  for (std::string& value : values) {
    if (field.name() == "export") value = without_keys(value);
    if (field.name() == "sample_key") value = "***";
  }
  return values;
}

void compare(const Message& before, const Message& after, const FieldDescriptor& field, const std::string& suffix,
             std::vector<ConfigDifference>& out) {
  const std::vector<std::string> old = values_in(before, field);
  const std::vector<std::string> now = values_in(after, field);
  if (old == now) return;
  ConfigDifference& one = out.emplace_back();
  one.field = field.name() + suffix;
  one.before = shown(field, old);
  one.after = shown(field, now);
  one.effect = description_of(field).effect();
}

std::vector<std::string> names_of(const v1::Config& config) {
  std::vector<std::string> names;
  for (const v1::Monitor& monitor : config.monitor()) names.push_back(monitor.name());
  return names;
}

void compare_monitors(const v1::Config& before, const v1::Config& after, const FieldDescriptor& field,
                      std::vector<ConfigDifference>& out) {
  const std::vector<std::string> old = names_of(before);
  const std::vector<std::string> now = names_of(after);
  if (old != now) {
    out.push_back({field.name(), old, now, description_of(field).effect(), ""});
    return;
  }
  const auto& type = *field.message_type();
  for (int monitor = 0; monitor < before.monitor_size(); ++monitor) {
    const std::string suffix = " of monitor " + old[static_cast<std::size_t>(monitor)];
    for (int i = 0; i < type.field_count(); ++i) {
      compare(before.monitor(monitor), after.monitor(monitor), *type.field(i), suffix, out);
    }
  }
}

/// What a monitor goes by: what its block says, else the option.
struct Summed {
  std::string sample;
  std::string key;
  std::string when_full;
};
std::vector<Summed> summed(const v1::Config& config) {
  if (config.monitor().empty()) return {{config.sample(), config.key(), config.when_full()}};
  std::vector<Summed> all;
  for (const v1::Monitor& monitor : config.monitor()) {
    all.push_back({monitor.has_sample() ? monitor.sample() : config.sample(),
                   monitor.has_key() ? monitor.key() : config.key(),
                   monitor.has_when_full() ? monitor.when_full() : config.when_full()});
  }
  return all;
}

/// Why the changes of --sample and of --key wait; empty: they do not.
struct WhyWaits {
  std::string sample;
  std::string key;
};
WhyWaits why_summing_waits(const v1::Config& before, const v1::Config& after) {
  const std::vector<Summed> old = summed(before);
  const std::vector<Summed> now = summed(after);
  WhyWaits why;
  for (std::size_t i = 0; i < std::min(old.size(), now.size()); ++i) {
    if (old[i].when_full != "overflow") continue;
    constexpr fmt::string_view kOne = "what is summed beside a full table has one {} (when_full: overflow)";
    if (old[i].sample != now[i].sample) why.sample = fmt::format(fmt::runtime(kOne), "rate");
    if (old[i].key != now[i].key) why.key = fmt::format(fmt::runtime(kOne), "key");
  }
  return why;
}

}  // namespace

std::string ConfigDifference::text() const {
  const bool hidden = before == after;
  return fmt::format("{}: {} -> {}{}", field, values_text(before), values_text(after), hidden ? " (another key)" : "");
}

std::vector<ConfigDifference> differences(const v1::Config& before, const v1::Config& after) {
  std::vector<ConfigDifference> out;
  const auto* type = v1::Config::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      compare_monitors(before, after, field, out);
    } else {
      compare(before, after, field, "", out);
    }
  }
  const WhyWaits why = why_summing_waits(before, after);
  const auto waits = [&](const std::string& name, const std::string& why_it_waits) {
    if (why_it_waits.empty()) return;
    for (ConfigDifference& one : out) {
      if (one.effect != v1::HOT || (one.field != name && !one.field.starts_with(name + " of "))) continue;
      one.effect = v1::RESTART;
      one.why = why_it_waits;
    }
  };
  waits("sample", why.sample);
  waits("key", why.key);
  return out;
}

bool all_hot(std::span<const ConfigDifference> differences) {
  return std::all_of(differences.begin(), differences.end(),
                     [](const ConfigDifference& one) { return one.effect == v1::HOT; });
}

std::string restart_text(std::span<const ConfigDifference> differences) {
  std::string text;
  for (const ConfigDifference& one : differences) {
    if (one.effect == v1::HOT) continue;
    text += (text.empty() ? "needs a restart: " : ", ") + one.field;
    if (!one.why.empty()) text += " (" + one.why + ")";
  }
  return text;
}

v1::Config without_secrets(v1::Config config) {
  for (std::string& uri : *config.mutable_export_()) uri = without_keys(uri);
  for (v1::Monitor& monitor : *config.mutable_monitor()) {
    for (std::string& name : *monitor.mutable_export_()) name = without_keys(name);
  }
  if (config.has_sample_key()) config.set_sample_key("***");
  return config;
}

}  // namespace weir
