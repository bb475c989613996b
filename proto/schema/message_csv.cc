#include "proto/schema/message_csv.h"

#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "proto/record/message_json.h"
#include "proto/schema/csv_line.h"

namespace weir {
namespace {

/// Goes through the JSON text that message_json() made: whole, without blanks, of no other escapes than its own.
class Flattener {
 public:
  explicit Flattener(std::string_view json) : rest_(json) {}

  std::string lines() {
    out_ = csv_line({"name", "value"});
    value("");
    return out_;
  }

 private:
  void value(const std::string& name) {
    if (rest_.front() == '{' || rest_.front() == '[') return members(name);
    const std::string text = rest_.front() == '"' ? string() : plain();
    out_ += csv_line({name, text});
  }

  /// Of an object or a list.
  void members(const std::string& name) {
    const bool object = take() == '{';
    for (std::size_t number = 0; rest_.front() != '}' && rest_.front() != ']'; ++number) {
      if (number != 0) take();  // the comma
      std::string place = name;
      if (!place.empty()) place += '.';
      place += object ? string() : std::to_string(number);
      if (object) take();  // the colon
      value(place);
    }
    take();
  }

  std::string string() {
    std::string text;
    take();
    while (rest_.front() != '"') {
      const char c = take();
      text += c == '\\' ? escaped() : c;
    }
    take();
    return text;
  }

  char escaped() {
    const char c = take();
    if (c == 'n') return '\n';
    if (c == 'r') return '\r';
    if (c == 't') return '\t';
    if (c != 'u') return c;
    const std::string digits(rest_.substr(0, 4));
    rest_.remove_prefix(4);
    return static_cast<char>(std::strtol(digits.c_str(), nullptr, 16));
  }

  /// A number, true, false or null.
  std::string plain() {
    const std::string text(rest_.substr(0, rest_.find_first_of(",]}")));
    rest_.remove_prefix(text.size());
    return text == "null" ? std::string() : text;
  }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
  std::string out_;
};

}  // namespace

std::string message_csv(const google::protobuf::Message& message) {
  return Flattener(message_json(message)).lines();
}

}  // namespace weir
