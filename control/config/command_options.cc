#include "control/config/command_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "control/config/file.h"
#include "control/config/schema.h"

namespace weir {
namespace {

using google::protobuf::FieldDescriptor;

/// The word that `text` begins with. What stands in brackets is kept together.
std::string_view first_word(std::string_view text) {
  const std::size_t close = text.starts_with('[') ? text.find(']') : 0;
  return text.substr(0, text.find(' ', close == std::string_view::npos ? 0 : close));
}

/// The text in lines that fit the right column of help. A word that is longer has a line of its own.
std::string wrapped(std::string_view text) {
  constexpr std::size_t kWidth = 70;
  std::string out;
  std::size_t line = 0;
  while (!text.empty()) {
    const std::string_view word = first_word(text);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (line != 0) out += line + 1 + word.size() > kWidth ? '\n' : ' ';
    line = out.ends_with('\n') ? word.size() : line + (line != 0) + word.size();
    out += word;
  }
  return out;
}

/// CLI11 gives an option the next word whatever it is: the name of an option there is a forgotten value. A number that
/// is negative is none, and what is wrong with it is the number's to say.
bool looks_like_option(const std::string& value) {
  const bool negative = value.size() > 1 && value[1] >= '0' && value[1] <= '9';
  return value.size() > 1 && value.starts_with('-') && !negative;
}

}  // namespace

CommandOptions::CommandOptions(CLI::App& app, Command command) : app_(app) {
  app.add_option("--config", config_file_, "File with the text form of the configuration")
      ->type_name("FILE")
      ->group("Configuration");
  const auto* type = v1::Config::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE && is_option_of(field, command)) add(field, command);
  }
}

void CommandOptions::add(const FieldDescriptor& field, Command command) {
  const v1::OptionDescription& description = description_of(field);
  // The raw overload: the strings reach config() as they were given, commas, brackets and '=' included.
  auto* option = app_.add_option(
      option_of(field.name()), [](const CLI::results_t&) { return true; }, wrapped(help_of(field, command)));
  option->type_name(description.form())->group(description.group())->expected(1);
  if (field.is_repeated()) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  options_.emplace_back(&field, option);
}

tl::expected<SourcedConfig, ConfigError> CommandOptions::config() const {
  auto options = given();
  if (app_.count("--config") == 0 || !options) return options;
  auto file = load_config_file(config_file_);
  if (!file) return file;
  return merge(std::move(*file), *options);
}

tl::expected<SourcedConfig, ConfigError> CommandOptions::given() const {
  SourcedConfig out;
  for (const auto& [field, option] : options_) {
    const std::string name = option_of(field->name());
    int index = 0;
    for (const std::string& value : option->results()) {
      if (looks_like_option(value) && !description_of(*field).any_text()) {
        return value_error(name, value,
                           fmt::format("a value is missing, {} looks like an option; expected {} {}", value, name,
                                       option->get_type_name()));
      }
      if (const auto put = put_value(out.config, *field, value); !put) return value_error(name, value, put.error());
      out.places[{field->name(), index++}] = name;
    }
  }
  return out;
}

}  // namespace weir
