#include "control/config/file_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "control/config/schema.h"

namespace weir {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::string_view kBlanks = " \t\r";

/// A character of a name, or of what may have been meant as one.
bool in_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

/// What stands between `begin` and `end` in a message of protobuf's; empty: it is not there.
std::string between(const std::string& message, std::string_view begin, std::string_view end) {
  const auto from = message.find(begin);
  if (from == std::string::npos) return {};
  const auto to = message.find(end, from + begin.size());
  return to == std::string::npos ? std::string() : message.substr(from + begin.size(), to - from - begin.size());
}

/// The file's text with the place of an error in it.
class ErrorText {
 public:
  ErrorText(const ParserError& error, const std::string& text, const std::string& name, const Descriptor& type)
      : error_(error), text_(text), name_(name), type_(type), at_(offset_of(error.line, error.column)) {}

  [[nodiscard]] std::string describe() const {
    if (std::string bracket = wrong_bracket(); !bracket.empty()) return bracket;
    if (const std::string word = between(error_.message, "has no field named \"", "\""); !word.empty()) {
      return unknown_field(word);
    }
    if (std::string dashes = name_with_dashes(); !dashes.empty()) return dashes;
    if (const std::string field = between(error_.message, "for boolean field \"", "\""); !field.empty()) {
      return not_a_bool(field);
    }
    const FieldDescriptor* field = field_of_line();
    if (field != nullptr) {
      if (std::string sign = equals_sign(*field); !sign.empty()) return sign;
    }
    if (field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (std::string missing = quotes_missing(*field); !missing.empty()) return missing;
    }
    std::string what = plain(error_.message);
    if (field != nullptr) what += fmt::format("; expected a line such as {}", example_line(*field));
    return placed(at_, what);
  }

 private:
  /// protobuf counts a tab as the columns up to the next multiple of eight.
  static int columns_after(char c, int column) { return c == '\t' ? column + 8 - column % 8 : column + 1; }

  [[nodiscard]] std::size_t offset_of(int line, int column) const {
    std::size_t at = 0;
    for (; line > 0; --line) {
      const auto end = text_.find('\n', at);
      if (end == std::string::npos) return text_.size();
      at = end + 1;
    }
    for (int reached = 0; reached < column && at < text_.size() && text_[at] != '\n'; ++at) {
      reached = columns_after(text_[at], reached);
    }
    return at;
  }

  [[nodiscard]] std::string placed(std::size_t at, const std::string& what) const {
    int line = 1;
    int column = 0;
    for (std::size_t i = 0; i < at && i < text_.size(); ++i) {
      column = text_[i] == '\n' ? 0 : columns_after(text_[i], column);
      if (text_[i] == '\n') ++line;
    }
    return fmt::format("{}:{}:{}: {}", name_, line, column + 1, what);
  }

  /// The last place before the error at which `word` stands by itself; npos: there is none.
  [[nodiscard]] std::size_t last_before(std::string_view word) const {
    for (std::size_t at = text_.rfind(word, at_); at != std::string::npos && !word.empty();
         at = at == 0 ? std::string::npos : text_.rfind(word, at - 1)) {
      const bool begins = at == 0 || !in_name(text_[at - 1]);
      const bool ends = at + word.size() >= text_.size() || text_[at + word.size()] != '_';
      if (begins && ends) return at;
    }
    return std::string::npos;
  }

  /// The value of the field whose name stands at `at`: its place, and its text up to a blank, a comment or a bracket.
  [[nodiscard]] std::pair<std::size_t, std::string> value_at(std::size_t at, const std::string& field) const {
    std::size_t from = text_.find_first_not_of(kBlanks, at + field.size());
    if (from != std::string::npos && text_[from] == ':') from = text_.find_first_not_of(kBlanks, from + 1);
    if (from == std::string::npos) return {at, ""};
    const std::size_t to = text_.find_first_of(" \t\r\n#,;{}[]", from);
    return {from, text_.substr(from, to == std::string::npos ? to : to - from)};
  }

  /// Where the blocks begin that are open at `until`: their brackets, the outermost first. nullopt: a bracket before
  /// that closes none.
  [[nodiscard]] std::optional<std::vector<std::size_t>> open_blocks(std::size_t until) const {
    std::vector<std::size_t> open;
    const bool all_close = each_bracket(until, [&](std::size_t at) {
      if (text_[at] == '{') open.push_back(at);
      if (text_[at] != '}') return true;
      if (open.empty()) return false;
      open.pop_back();
      return true;
    });
    if (!all_close) return std::nullopt;
    return open;
  }

  /// Calls `take` with the place of each bracket before `until` that is in no text and no comment, until it says false;
  /// whether it never did.
  template <typename Take>
  bool each_bracket(std::size_t until, Take take) const {
    char quote = 0;
    for (std::size_t at = 0; at < until && at < text_.size(); ++at) {
      const char c = text_[at];
      if (quote != 0) {
        if (c == '\\') ++at;
        if (c == quote || c == '\n') quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '#') {
        at = std::min(text_.find('\n', at), text_.size());
      } else if (std::string_view("{}[]").find(c) != std::string_view::npos && !take(at)) {
        return false;
      }
    }
    return true;
  }

  /// The '[' of the list that is open at `until`.
  [[nodiscard]] std::optional<std::size_t> open_list(std::size_t until) const {
    std::vector<std::size_t> open;
    each_bracket(until, [&](std::size_t at) {
      if (text_[at] == '[') open.push_back(at);
      if (text_[at] == ']' && !open.empty()) open.pop_back();
      return true;
    });
    if (open.empty()) return std::nullopt;
    return open.back();
  }

  [[nodiscard]] std::size_t line_of(std::size_t at) const {
    return 1 +
           static_cast<std::size_t>(std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }

  /// The name before `at`, blanks, line feeds and a colon between them left out.
  [[nodiscard]] std::string name_before(std::size_t at) const {
    std::size_t end = at;
    while (end > 0 && !in_name(text_[end - 1])) --end;
    std::size_t from = end;
    while (from > 0 && in_name(text_[from - 1])) --from;
    return text_.substr(from, end - from);
  }

  /// The error of a bracket that is missing, or is one too many; empty: it is another one.
  [[nodiscard]] std::string wrong_bracket() const {
    if (error_.message.starts_with("Expected \"{\"")) {
      const std::string block = name_before(at_);
      const FieldDescriptor* const field = type_.FindFieldByName(block);
      const std::string example = field == nullptr ? block + " { ... }" : example_line(*field);
      return placed(at_, fmt::format("a '{{' is missing after {}; expected a block such as {}", block, example));
    }
    if (error_.message.starts_with("Expected \",\", found")) {
      if (const auto list = open_list(at_)) {
        return placed(*list, fmt::format("the list of {} that begins here has no ']'; expected a ',' between two "
                                         "values and a ']' after the last one",
                                         name_before(*list)));
      }
    }
    const auto open = open_blocks(at_);
    if (!open) return {};
    const bool at_end = text_.find_first_not_of(" \t\r\n", at_) == std::string::npos;
    if (open->empty()) {
      const bool closes = at_ < text_.size() && text_[at_] == '}';
      return closes ? placed(at_, "this '}' closes no block; expected one for each '{'") : std::string();
    }
    const auto missing = [&](std::size_t at, const std::string& where) {
      const std::string block = name_before(open->back());
      return placed(at, fmt::format("the block {} of line {} has no '}}' {}; expected a line with '}}' at its end",
                                    block, line_of(open->back()), where));
    };
    if (at_end) return missing(at_, "until the end of the file");
    const std::string word = between(error_.message, "has no field named \"", "\"");
    const std::size_t at = last_before(word);
    if (at == std::string::npos || type_.FindFieldByName(word) == nullptr) return {};
    // A field of the options within a block that is closed later may well be meant as one of the block's.
    const auto open_at_end = open_blocks(text_.size());
    return open_at_end && !open_at_end->empty() ? missing(at, "before " + word) : std::string();
  }

  [[nodiscard]] std::string unknown_field(const std::string& word) const {
    const std::string type_name = between(error_.message, "Message type \"", "\"");
    const Descriptor* type = type_.file()->pool()->FindMessageTypeByName(type_name);
    if (type == nullptr) type = &type_;
    const std::size_t found = last_before(word);
    const std::size_t at = found == std::string::npos ? at_ : found;
    std::string whole = word;  // up to a '-' for protobuf, which knows no such names
    if (found != std::string::npos) {
      const auto* const end = std::find_if_not(text_.data() + at, text_.data() + text_.size(), in_name);
      whole.assign(text_.data() + at, end);
    }
    return no_such_field(at, whole, *type);
  }

  [[nodiscard]] std::string no_such_field(std::size_t at, const std::string& word, const Descriptor& type) const {
    const FieldDescriptor* meant = field_like(type, word);
    return placed(at, meant != nullptr
                          ? fmt::format("no field is named \"{}\"; did you mean {}?", word, meant->name())
                          : fmt::format("no field is named \"{}\"; expected one of {}", word, field_names(type)));
  }

  /// The error of a name that is written as an option ("idle-timeout") and begins with that of a field ("idle");
  /// empty: it is none.
  [[nodiscard]] std::string name_with_dashes() const {
    std::size_t from = at_;
    while (from > 0 && in_name(text_[from - 1])) --from;
    const auto* const end = std::find_if_not(text_.data() + from, text_.data() + text_.size(), in_name);
    const std::string word(text_.data() + from, end);
    const std::size_t before = from == 0 ? std::string::npos : text_.find_last_not_of(kBlanks, from - 1);
    const bool is_value = before != std::string::npos && text_[before] == ':';
    if (is_value || word.find('-') == std::string::npos || std::isalpha(static_cast<unsigned char>(word[0])) == 0) {
      return {};
    }
    return no_such_field(from, word, type_);
  }

  [[nodiscard]] std::string not_a_bool(const std::string& field) const {
    const std::size_t found = last_before(field);
    if (found == std::string::npos) return placed(at_, field + ": expected true or false");
    const auto [at, value] = value_at(found, field);
    return placed(at, fmt::format("{} {}: expected true or false", field, value));
  }

  /// The error of a text that stands without quotes; empty: it has them.
  [[nodiscard]] std::string quotes_missing(const FieldDescriptor& field) const {
    const std::size_t found = last_before(field.name());
    if (found == std::string::npos) return {};
    const auto [at, value] = value_at(found, field.name());
    if (value.empty() || value.front() == '"' || value.front() == '\'') return {};
    return placed(at, fmt::format("{} {}: {} stand in quotes; expected a line such as {}", field.name(), value,
                                  description_of(field).form() == "T" ? "durations" : "texts", example_line(field)));
  }

  /// The error of a field with '=' before its value; empty: it has none.
  [[nodiscard]] std::string equals_sign(const FieldDescriptor& field) const {
    const std::size_t found = last_before(field.name());
    if (found == std::string::npos) return {};
    const std::size_t at = text_.find_first_not_of(kBlanks, found + field.name().size());
    if (at == std::string::npos || text_[at] != '=') return {};
    return placed(at, fmt::format("{} =: a colon stands before a value; expected a line such as {}", field.name(),
                                  example_line(field)));
  }

  /// The field that the faulty line begins with.
  [[nodiscard]] const FieldDescriptor* field_of_line() const {
    const std::size_t start = offset_of(error_.line, 0);
    const std::size_t from = text_.find_first_not_of(kBlanks, start);
    if (from == std::string::npos) return nullptr;
    const auto* const end = std::find_if_not(text_.data() + from, text_.data() + text_.size(), in_name);
    return type_.FindFieldByName(std::string(text_.data() + from, end));
  }

  /// protobuf's words without its capital and full stop.
  static std::string plain(std::string what) {
    if (const std::string field = between(what, "Non-repeated field \"", "\" is specified"); !field.empty()) {
      return field + " is given twice";
    }
    if (what.starts_with("Need space between number"))
      return "a number is digits alone; units are for the command line";
    while (what.ends_with('.')) what.pop_back();
    if (what.size() > 1 && std::islower(static_cast<unsigned char>(what[1])) != 0) {
      what[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(what[0])));
    }
    return what;
  }

  const ParserError& error_;
  const std::string& text_;
  const std::string& name_;
  const Descriptor& type_;
  std::size_t at_;
};

}  // namespace

std::string describe_file_error(const ParserError& error, const std::string& text, const std::string& name,
                                const Descriptor& type) {
  return ErrorText(error, text, name, type).describe();
}

}  // namespace weir
