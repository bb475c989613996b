#include "control/config/schema.h"

#include <fmt/format.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cstdint>

#include "proto/base/quantity.h"
#include "proto/base/similar.h"

namespace weir {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

tl::expected<void, std::string> put_bool(Message& message, const FieldDescriptor& field, const std::string& value) {
  if (value != "on" && value != "off") return tl::make_unexpected("expected on or off");
  message.GetReflection()->SetBool(&message, &field, value == "on");
  return {};
}

tl::expected<void, std::string> put_number(Message& message, const FieldDescriptor& field, const std::string& value) {
  const auto number = parse_count(value);
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  if (!number && !digits) return tl::make_unexpected("expected a whole number, with k, M or G if it is large");
  const bool narrow = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
  if (!number || (narrow && *number > UINT32_MAX)) {
    return tl::make_unexpected("out of range; " + limits_of(description_of(field)));
  }
  narrow ? message.GetReflection()->SetUInt32(&message, &field, static_cast<std::uint32_t>(*number))
         : message.GetReflection()->SetUInt64(&message, &field, *number);
  return {};
}

/// "evict|overflow|sample" as "evict, overflow or sample".
std::string words_of(std::string form) {
  const auto last = form.rfind('|');
  for (std::size_t at = last; at != std::string::npos; at = form.rfind('|', at)) {
    form.replace(at, 1, at == last ? " or " : ", ");
  }
  return form;
}

const std::string& unset_of(const v1::OptionDescription& description, Command command) {
  const bool read = command == Command::read && !description.read_unset().empty();
  return read ? description.read_unset() : description.unset();
}

/// `said`: nullptr: defaults are not told apart.
void append_text(const Message& config, const Message* said, const std::string& indent, std::string& out) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  const Descriptor& type = *config.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const int count = count_in(config, field);
    for (int at = 0; at < count; ++at) {
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        out += fmt::format("{}{} {{\n", indent, field.name());
        append_text(block_in(config, field, at), nullptr, indent + "  ", out);
        out += indent + "}\n";
        continue;
      }
      std::string value;
      printer.PrintFieldValueToString(config, &field, field.is_repeated() ? at : -1, &value);
      const bool by_default = said != nullptr && count_in(*said, field) == 0;
      out += fmt::format("{}{}: {}{}\n", indent, field.name(), value, by_default ? "  # default" : "");
    }
    if (count == 0) out += fmt::format("{}# {}: {}\n", indent, field.name(), description_of(field).unset());
  }
}

}  // namespace

const v1::OptionDescription& description_of(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::option);
}

bool is_option_of(const FieldDescriptor& field, Command command) {
  const v1::Commands takers = description_of(field).commands();
  return command == Command::check || takers == v1::RUN_AND_READ ||
         takers == (command == Command::run ? v1::RUN : v1::READ);
}

std::string help_of(const FieldDescriptor& field, Command command) {
  const v1::OptionDescription& description = description_of(field);
  const bool read = command == Command::read && !description.read_help().empty();
  std::string help = read ? description.read_help() : description.help();
  if (!description.least().empty()) help += fmt::format(" ({} to {})", description.least(), description.greatest());
  return fmt::format("{} [{}]", help,
                     description.default_().empty() ? unset_of(description, command) : description.default_());
}

std::string effect_help(const Descriptor& type) {
  std::string hot;
  for (int i = 0; i < type.field_count(); ++i) {
    if (description_of(*type.field(i)).effect() != v1::HOT) continue;
    hot += (hot.empty() ? "" : ", ") + option_of(type.field(i)->name());
  }
  if (hot.empty()) return "A change of any option takes effect when weir is started again.";
  return fmt::format(
      "A change of {} takes effect while weir runs (weirctl config apply, SIGHUP), of any other when it is started "
      "again.",
      hot);
}

std::string blocks_help(const Descriptor& type) {
  std::string help;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    help += fmt::format(
        "The file may have blocks, such as\n  {}\n{} [{}].\nFields of a block: {}.\nWhat a block does not say, the "
        "option of the same name says for it.\n\n",
        example_line(field), description_of(field).help(), description_of(field).unset(),
        field_names(*field.message_type()));
  }
  return help;
}

std::string value_of(const v1::OptionDescription& description) {
  return description.value().empty() ? words_of(description.form()) : description.value();
}

std::string limits_of(const v1::OptionDescription& description) {
  return fmt::format("expected {} to {}", description.least(), description.greatest());
}

std::string example_line(const FieldDescriptor& field) {
  const std::string& example = description_of(field).example();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) return fmt::format("{}: \"{}\"", field.name(), example);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return fmt::format("{} {{ {} }}", field.name(), example);
  const bool yes_no = field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
  return fmt::format("{}: {}", field.name(), !yes_no ? example : example == "on" ? "true" : "false");
}

int count_in(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  return field.is_repeated() ? reflection->FieldSize(message, &field)
                             : static_cast<int>(reflection->HasField(message, &field));
}

const Message& block_in(const Message& message, const FieldDescriptor& field, int index) {
  const auto* reflection = message.GetReflection();
  return field.is_repeated() ? reflection->GetRepeatedMessage(message, &field, index)
                             : reflection->GetMessage(message, &field);
}

std::vector<std::string> values_in(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  std::vector<std::string> values;
  if (field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
      values.push_back(reflection->GetRepeatedString(message, &field, i));
    }
    return values;
  }
  if (count_in(message, field) == 0) return values;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return {reflection->GetBool(message, &field) ? "on" : "off"};
    case FieldDescriptor::CPPTYPE_UINT32:
      return {std::to_string(reflection->GetUInt32(message, &field))};
    case FieldDescriptor::CPPTYPE_UINT64:
      return {std::to_string(reflection->GetUInt64(message, &field))};
    case FieldDescriptor::CPPTYPE_STRING:
      return {reflection->GetString(message, &field)};
    default:
      return {};
  }
}

tl::expected<void, std::string> put_value(Message& message, const FieldDescriptor& field, const std::string& value) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return put_bool(message, field, value);
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return put_number(message, field, value);
    default:
      break;
  }
  field.is_repeated() ? message.GetReflection()->AddString(&message, &field, value)
                      : message.GetReflection()->SetString(&message, &field, value);
  return {};
}

const FieldDescriptor* field_like(const Descriptor& type, std::string_view word) {
  std::vector<std::string_view> names;
  names.reserve(static_cast<std::size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return type.FindFieldByName(std::string(nearest(word, names)));
}

std::string field_names(const Descriptor& type) {
  std::string names;
  for (int i = 0; i < type.field_count(); ++i) names += (i == 0 ? "" : " ") + type.field(i)->name();
  return names;
}

std::string config_text(const Message& config) {
  std::string out;
  append_text(config, nullptr, "", out);
  return out;
}

std::string given_text(const Message& config) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string out;
  printer.PrintToString(config, &out);
  return out;
}

std::string config_text(const Message& config, const Message& said) {
  std::string out;
  append_text(config, &said, "", out);
  return out;
}

}  // namespace weir
