#include "control/config/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "control/config/file_error.h"
#include "control/config/schema.h"
#include "proto/base/unique_fd.h"

namespace weir {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

constexpr std::size_t kMaxFileOctets = 1U << 20;  ///< a configuration has some hundred octets

/// Keeps the first error of the text format parser and hushes the others.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (!first) first = ParserError{line, column, message};
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}

  std::optional<ParserError> first;
};

/// The places of all values of `message`, whose own path is `path`: empty, or "monitor[1].".
void note_places(const Message& message, TextFormat::ParseInfoTree& tree, const std::string& name,
                 const std::string& path, Places& places) {
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    for (int at = 0; at < count_in(message, field); ++at) {
      const int index = field.is_repeated() ? at : -1;
      const auto where = tree.GetLocation(&field, index);
      places[{path + field.name(), at}] =
          fmt::format("{}:{}:{}: {}", name, where.line + 1, where.column + 1, field.name());
      if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      note_places(block_in(message, field, at), *tree.GetTreeForNested(&field, index), name,
                  fmt::format("{}{}[{}].", path, field.name(), at), places);
    }
  }
}

ConfigError unreadable(const std::string& path, int error) {
  return ConfigError{fmt::format("{}: {}; expected a configuration file that can be read", path, std::strerror(error)),
                     1};
}

}  // namespace

std::optional<ConfigError> parse_text_form(const std::string& text, const std::string& name, Message& out,
                                           Places& places) {
  FirstError error;
  TextFormat::ParseInfoTree locations;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&locations);
  google::protobuf::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&input, &out) || error.first) {
    return ConfigError{describe_file_error(error.first.value_or(ParserError{}), text, name, *out.GetDescriptor()), 2};
  }
  note_places(out, locations, name, "", places);
  return std::nullopt;
}

tl::expected<SourcedConfig, ConfigError> parse_config(const std::string& text, const std::string& name) {
  SourcedConfig out;
  if (auto error = parse_text_form(text, name, out.config, out.places)) return tl::make_unexpected(*error);
  return out;
}

tl::expected<SourcedConfig, ConfigError> load_config_file(const std::string& path, std::chrono::milliseconds patience) {
  // O_NONBLOCK: to open a FIFO waits for its writer without end, and so does to read from it.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return tl::make_unexpected(unreadable(path, errno));
  struct stat status {};
  const bool fifo = fstat(fd.get(), &status) == 0 && S_ISFIFO(status.st_mode);
  std::string text;
  std::array<char, 16384> block{};
  while (true) {
    pollfd waits{fd.get(), POLLIN, 0};
    if (fifo && poll(&waits, 1, static_cast<int>(patience.count())) == 0) {
      return tl::make_unexpected(
          ConfigError{fmt::format("{}: nobody writes into this FIFO; expected a configuration file", path), 1});
    }
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::make_unexpected(unreadable(path, errno));
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxFileOctets) {
      return tl::make_unexpected(ConfigError{
          fmt::format("{}: larger than {} octets; expected a configuration file", path, kMaxFileOctets), 2});
    }
  }
  return parse_config(text, path);
}

}  // namespace weir
