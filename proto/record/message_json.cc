#include "proto/record/message_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "proto/base/json_string.h"

namespace weir {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void append_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length != 1) {
      out += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
      text.remove_prefix(std::max<std::size_t>(length, 1));
      continue;
    }
    const char c = text.front();
    text.remove_prefix(1);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (const auto octet = static_cast<unsigned char>(c); octet < 0x20) {
          out += "\\u00";
          out += kHex[octet >> 4];
          out += kHex[octet & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_base64(std::string& out, std::string_view octets) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += '"';
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::size_t have = std::min<std::size_t>(3, octets.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < have ? static_cast<unsigned char>(octets[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= have ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  out += '"';
}

template <typename T>
void append_number(std::string& out, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) {
      out += "null";
      return;
    }
  }
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

class Writer {
 public:
  void message(const Message& message) {
    const Descriptor* type = message.GetDescriptor();
    const Reflection* reflection = message.GetReflection();
    open_.push_back(type);
    out_ += '{';
    bool first = true;
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (field->real_containing_oneof() != nullptr && !reflection->HasField(message, field)) continue;
      if (!first) out_ += ',';
      first = false;
      append_string(out_, field->name());
      out_ += ':';
      if (field->is_map()) {
        map(message, field);
      } else if (field->is_repeated()) {
        out_ += '[';
        for (int at = 0; at < reflection->FieldSize(message, field); ++at) {
          if (at != 0) out_ += ',';
          value(message, field, at);
        }
        out_ += ']';
      } else {
        value(message, field, -1);
      }
    }
    out_ += '}';
    open_.pop_back();
  }

  std::string take() { return std::move(out_); }

 private:
  /// One value: the field itself (at < 0) or its element `at`.
  void value(const Message& message, const FieldDescriptor* field, int at) {
    const Reflection* reflection = message.GetReflection();
    const bool one = at < 0;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return append_number(
            out_, one ? reflection->GetInt32(message, field) : reflection->GetRepeatedInt32(message, field, at));
      case FieldDescriptor::CPPTYPE_INT64:
        return append_number(
            out_, one ? reflection->GetInt64(message, field) : reflection->GetRepeatedInt64(message, field, at));
      case FieldDescriptor::CPPTYPE_UINT32:
        return append_number(
            out_, one ? reflection->GetUInt32(message, field) : reflection->GetRepeatedUInt32(message, field, at));
      case FieldDescriptor::CPPTYPE_UINT64:
        return append_number(
            out_, one ? reflection->GetUInt64(message, field) : reflection->GetRepeatedUInt64(message, field, at));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return append_number(
            out_, one ? reflection->GetDouble(message, field) : reflection->GetRepeatedDouble(message, field, at));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return append_number(
            out_, one ? reflection->GetFloat(message, field) : reflection->GetRepeatedFloat(message, field, at));
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ += (one ? reflection->GetBool(message, field) : reflection->GetRepeatedBool(message, field, at)) ? "true"
                                                                                                              : "false";
        return;
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int number =
            one ? reflection->GetEnumValue(message, field) : reflection->GetRepeatedEnumValue(message, field, at);
        const auto* known = field->enum_type()->FindValueByNumber(number);
        return known != nullptr ? append_string(out_, known->name()) : append_number(out_, number);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text =
            one ? reflection->GetString(message, field) : reflection->GetRepeatedString(message, field, at);
        return field->type() == FieldDescriptor::TYPE_BYTES ? append_base64(out_, text) : append_string(out_, text);
      }
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        const bool unset = one && !reflection->HasField(message, field);
        if (unset && std::find(open_.begin(), open_.end(), field->message_type()) != open_.end()) {
          out_ += "null";
          return;
        }
        return this->message(one ? reflection->GetMessage(message, field)
                                 : reflection->GetRepeatedMessage(message, field, at));
      }
    }
  }

  void map(const Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    const FieldDescriptor* key = field->message_type()->map_key();
    const FieldDescriptor* mapped = field->message_type()->map_value();
    std::vector<const Message*> entries;
    entries.reserve(static_cast<std::size_t>(reflection->FieldSize(message, field)));
    for (int at = 0; at < reflection->FieldSize(message, field); ++at) {
      entries.push_back(&reflection->GetRepeatedMessage(message, field, at));
    }
    std::sort(entries.begin(), entries.end(),
              [&](const Message* a, const Message* b) { return key_less(*a, *b, key); });
    out_ += '{';
    for (const Message* entry : entries) {
      if (entry != entries.front()) out_ += ',';
      if (key->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        value(*entry, key, -1);
      } else {
        out_ += '"';
        value(*entry, key, -1);
        out_ += '"';
      }
      out_ += ':';
      value(*entry, mapped, -1);
    }
    out_ += '}';
  }

  static bool key_less(const Message& a, const Message& b, const FieldDescriptor* key) {
    const Reflection* reflection = a.GetReflection();
    switch (key->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->GetInt32(a, key) < reflection->GetInt32(b, key);
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->GetInt64(a, key) < reflection->GetInt64(b, key);
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection->GetUInt32(a, key) < reflection->GetUInt32(b, key);
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection->GetUInt64(a, key) < reflection->GetUInt64(b, key);
      case FieldDescriptor::CPPTYPE_BOOL:
        return !reflection->GetBool(a, key) && reflection->GetBool(b, key);
      default:
        return reflection->GetString(a, key) < reflection->GetString(b, key);
    }
  }

  std::string out_;
  std::vector<const Descriptor*> open_;  ///< the types around the field being written
};

}  // namespace

std::string message_json(const google::protobuf::Message& message) {
  Writer writer;
  writer.message(message);
  return writer.take();
}

bool read_message_json(const std::string& text, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::JsonStringToMessage(text, &message, options).ok();
}

std::string json_string(const std::string& text) {
  std::string out;
  append_string(out, text);
  return out;
}

}  // namespace weir
