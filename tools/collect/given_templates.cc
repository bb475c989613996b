#include "tools/collect/given_templates.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "proto/base/split.h"
#include "proto/element/information_elements.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

constexpr std::string_view kScope = "scope ";
constexpr std::string_view kOptions = "options ";

/// A whole decimal number up to `most`.
std::optional<std::uint32_t> number_of(std::string_view text, std::uint32_t most = UINT32_MAX) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text = trimmed(text.substr(prefix.size()));
  return true;
}

std::optional<std::uint16_t> element_of(std::string_view text) {
  if (const auto number = number_of(text, UINT16_MAX)) return static_cast<std::uint16_t>(*number);
  for (const InformationElement& element : kIanaElements) {
    if (element.name == text) return element.id;
  }
  constexpr std::uint16_t kNetflow9Elements = 100;
  for (std::uint16_t id = 1; id < kNetflow9Elements; ++id) {
    if (!text.empty() && netflow9_name(id) == text) return id;
  }
  return std::nullopt;
}

tl::expected<FieldSpec, std::string> parse_field(std::string_view text) {
  const std::string_view whole = text = trimmed(text);
  FieldSpec field{};
  field.scope = take_prefix(text, kScope);
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) {
    return Error(fmt::format("field '{}': expected ELEMENT/LENGTH, such as 8/4 or sourceIPv4Address/4", whole));
  }
  std::string_view element = text.substr(0, slash);
  const std::string_view length = text.substr(slash + 1);
  if (const std::size_t colon = element.find(':'); colon != std::string_view::npos) {
    const auto enterprise = number_of(element.substr(0, colon));
    if (!enterprise) return Error(fmt::format("field '{}': the enterprise is no number", whole));
    field.enterprise = *enterprise;
    element = element.substr(colon + 1);
  }
  const auto id = element_of(element);
  if (!id || *id == 0) {
    return Error(
        fmt::format("field '{}': '{}' is neither the number of an element nor a name of IANA's", whole, element));
  }
  field.element = *id;
  const auto octets = number_of(length, kVariableLength - 1);
  if (length != "v" && (!octets || *octets == 0)) {
    return Error(fmt::format(
        "field '{}': '{}' is no length; expected 1 to 65534 octets, or v where each record says it", whole, length));
  }
  field.octets = length == "v" ? kVariableLength : static_cast<std::uint16_t>(*octets);
  return field;
}

tl::expected<std::uint16_t, std::string> parse_id(std::string_view text) {
  const auto id = number_of(text, UINT16_MAX);
  if (!id || *id < kFirstTemplateId) {
    return Error(fmt::format("'{}' is no template id; expected 256 to 65535", text));
  }
  return static_cast<std::uint16_t>(*id);
}

/// What only the whole of a template shows to be wrong. Scope fields come first (RFC 7011 section 3.4.2.2).
tl::expected<TemplateRecord, std::string> finished(TemplateRecord record) {
  if (!std::is_partitioned(record.fields.begin(), record.fields.end(), [](const FieldSpec& f) { return f.scope; })) {
    return Error(
        fmt::format("template {}: a scope field after one that is none; expected scope fields first", record.id));
  }
  record.options |= !record.fields.empty() && record.fields.front().scope;
  if (least_record_octets(record.fields) > kLongestMessageBody) {
    return Error(fmt::format("template {}: its records are longer than a datagram", record.id));
  }
  return record;
}

/// "    options template 257, 3 fields": a template of that id begins. nullopt: the line is none such.
std::optional<TemplateRecord> dumped_head(std::string_view line) {
  line = trimmed(line);
  TemplateRecord record;
  record.options = take_prefix(line, kOptions);
  if (!take_prefix(line, "template ")) return std::nullopt;
  const std::size_t comma = line.find(", ");
  if (comma == std::string_view::npos || !line.ends_with(line.ends_with('s') ? " fields" : " field")) {
    return std::nullopt;
  }
  const auto id = parse_id(line.substr(0, comma));
  if (!id) return std::nullopt;
  record.id = *id;
  return record;
}

/// "      scope weirLossName (32473/1), variable length". nullopt: the line is none such.
std::optional<FieldSpec> dumped_field(std::string_view line) {
  line = trimmed(line);
  FieldSpec field{};
  field.scope = take_prefix(line, kScope);
  const std::size_t open = line.find(" (");
  const std::size_t close = line.find("), ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  std::string_view number = line.substr(open + 2, close - open - 2);
  number = number.substr(0, number.find(' '));  // NetFlow v9's name stands after it
  if (const std::size_t slash = number.find('/'); slash != std::string_view::npos) {
    const auto enterprise = number_of(number.substr(0, slash));
    if (!enterprise) return std::nullopt;
    field.enterprise = *enterprise;
    number = number.substr(slash + 1);
  }
  const auto element = number_of(number, UINT16_MAX);
  std::string_view length = line.substr(close + 3);
  const auto octets = number_of(length.substr(0, length.find(' ')), kVariableLength - 1);
  if (!element || (length != "variable length" && !octets)) return std::nullopt;
  field.element = static_cast<std::uint16_t>(*element);
  field.octets = octets ? static_cast<std::uint16_t>(*octets) : kVariableLength;
  return field;
}

/// Whether a line begins a message in what --dump printed: "192.0.2.1:2055: NetFlow v9, source id 1, ...".
bool begins_dumped_message(std::string_view line) {
  for (const std::string_view version : {": NetFlow v", ": IPFIX, ", ": sFlow v"}) {
    if (line.find(version) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

tl::expected<TemplateRecord, std::string> parse_given_template(std::string_view text) {
  text = trimmed(text);
  TemplateRecord record;
  record.options = take_prefix(text, kOptions);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return Error(fmt::format("'{}': expected ID:ELEMENT/LENGTH,..., such as 256:8/4,12/4,1/8", text));
  }
  const auto id = parse_id(text.substr(0, colon));
  if (!id) return Error(id.error());
  record.id = *id;
  for (const std::string_view part : split(text.substr(colon + 1), ',')) {
    const auto field = parse_field(part);
    if (!field) return Error(fmt::format("template {}: {}", record.id, field.error()));
    record.fields.push_back(*field);
  }
  return finished(std::move(record));
}

tl::expected<std::vector<TemplateRecord>, std::string> parse_given_templates(std::string_view text) {
  std::vector<TemplateRecord> templates;
  std::optional<TemplateRecord> open;  // of a dump, whose fields follow
  bool dump = false;
  std::size_t number = 0;
  const auto wrong = [&](const std::string& why) { return Error(fmt::format("line {}: {}", number, why)); };
  const auto close = [&]() -> tl::expected<void, std::string> {
    if (!open || open->fields.empty()) return {};
    auto record = finished(std::move(*open));
    open.reset();
    if (!record) return Error(record.error());
    templates.push_back(std::move(*record));
    return {};
  };
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (open) {
      if (const auto field = dumped_field(line)) {
        if (field->octets != 0) open->fields.push_back(*field);
        continue;
      }
      if (const auto closed = close(); !closed) return wrong(closed.error());
      open.reset();
    }
    dump |= begins_dumped_message(line);
    if (dump) {
      open = dumped_head(line);
      continue;
    }
    const std::string_view content = trimmed(line);
    if (content.empty() || content.front() == '#') continue;
    if ((open = dumped_head(line))) continue;
    auto record = parse_given_template(content);
    if (!record) return wrong(record.error());
    templates.push_back(std::move(*record));
  }
  if (const auto closed = close(); !closed) return wrong(closed.error());
  return templates;
}

}  // namespace weir
