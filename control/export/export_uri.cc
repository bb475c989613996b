#include "control/export/export_uri.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <vector>

#include "proto/base/duration.h"
#include "proto/base/quantity.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;
using Result = tl::expected<void, std::string>;

enum class Form : std::uint8_t { host_port, path, file, brokers };

struct Scheme {
  std::string_view prefix;
  ExportKind kind;
  Form form;
  std::string_view expected;
  std::string_view options;  ///< names, separated by ", "; empty: it has none
};

constexpr std::string_view kTemplateOptions = "mtu, template_refresh, uniflow, source_id, rate, profile, fields";
constexpr std::string_view kFileOptions = "rotate, rotate_size, compression";

// Longest prefixes first: `protobuf:` is also the beginning of no other, since those go on with '+'.
constexpr auto kSchemes = std::to_array<Scheme>({
    {"netflow9://", ExportKind::netflow9, Form::host_port, "netflow9://HOST:PORT", kTemplateOptions},
    {"ipfix://", ExportKind::ipfix, Form::host_port, "ipfix://HOST:PORT", kTemplateOptions},
    {"ipfix+tcp://", ExportKind::ipfix_tcp, Form::host_port, "ipfix+tcp://HOST:PORT",
     "template_refresh, uniflow, source_id, profile, fields"},
    {"netflow5://", ExportKind::netflow5, Form::host_port, "netflow5://HOST:PORT", "mtu, source_id, rate"},
    {"netflow7://", ExportKind::netflow7, Form::host_port, "netflow7://HOST:PORT", "mtu, rate"},
    {"protobuf+tcp://", ExportKind::protobuf_tcp, Form::host_port, "protobuf+tcp://HOST:PORT", ""},
    {"protobuf+unix://", ExportKind::protobuf_unix, Form::path, "protobuf+unix:///PATH", ""},
    {"kafka://", ExportKind::kafka, Form::brokers, "kafka://BROKER[:PORT][,BROKER...]/TOPIC",
     "compression, uniflow, format"},
    {"protobuf:", ExportKind::protobuf_file, Form::file, "protobuf:FILE", kFileOptions},
    {"json:", ExportKind::json_file, Form::file, "json:FILE", kFileOptions},
});

bool has_option(const Scheme& scheme, std::string_view name) {
  std::string_view rest = scheme.options;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(", ");
    if (rest.substr(0, comma) == name) return true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 2);
  }
  return false;
}

std::string fault(std::string_view uri, std::string_view what) {
  return fmt::format("export '{}': {}", uri, what);
}

tl::expected<std::uint64_t, std::string> number(std::string_view name, std::string_view text, std::uint64_t least,
                                                std::uint64_t greatest) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value < least || value > greatest) {
    return Error(fmt::format("{} '{}' is not a number from {} to {}", name, text, least, greatest));
  }
  return value;
}

tl::expected<std::uint64_t, std::string> duration_ns(std::string_view name, std::string_view text, std::uint64_t least,
                                                     std::uint64_t greatest) {
  const auto parsed = parse_duration(text);
  if (parsed && *parsed >= least && *parsed <= greatest) return parsed;
  return Error(fmt::format("{} '{}' is not a duration from {} to {}{}", name, text, duration_text(least),
                           duration_text(greatest), parsed ? "" : ": " + parsed.error()));
}

Result parse_host_port(const Scheme& scheme, std::string_view rest, ExportUri& uri) {
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) {
      return Error(fmt::format("'[' without ']'; expected {} with an IPv6 address in brackets", scheme.expected));
    }
    uri.host = rest.substr(1, close - 1);
    port = rest.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) {
      return Error(fmt::format("'{}' behind ']'; expected {}", port, scheme.expected));
    }
  } else {
    const std::size_t colon = rest.find(':');
    if (colon != std::string_view::npos && rest.find(':', colon + 1) != std::string_view::npos) {
      return Error(
          fmt::format("more than one ':' in '{}'; an IPv6 address stands in brackets, as in [::1]:2055", rest));
    }
    uri.host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon);
  }
  if (uri.host.empty()) return Error(fmt::format("no host; expected {}", scheme.expected));
  if (port.size() < 2) return Error(fmt::format("no port; expected {}", scheme.expected));
  const auto value = number("port", port.substr(1), 1, 65535);
  if (!value) return Error(value.error());
  uri.port = static_cast<std::uint16_t>(*value);
  return {};
}

Result parse_path(const Scheme& scheme, std::string_view rest, ExportUri& uri) {
  if (!rest.starts_with('/') || rest.size() < 2) {
    return Error(fmt::format("'{}' is not an absolute path; expected {}", rest, scheme.expected));
  }
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (rest.size() > kLongest) {
    return Error(fmt::format("the path has {} octets; a unix socket's has at most {}", rest.size(), kLongest));
  }
  uri.path = rest;
  return {};
}

Result parse_brokers(const Scheme& scheme, std::string_view rest, ExportUri& uri) {
  const std::size_t slash = rest.find('/');
  uri.host = rest.substr(0, slash);
  if (uri.host.empty()) return Error(fmt::format("no broker; expected {}", scheme.expected));
  if (slash != std::string_view::npos) uri.topic = rest.substr(slash + 1);
  if (uri.topic.empty()) return Error(fmt::format("no topic; expected {}", scheme.expected));
  // Kafka's own rule for names of topics.
  constexpr std::size_t kLongest = 249;
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (uri.topic.size() > kLongest || !std::all_of(uri.topic.begin(), uri.topic.end(), legal)) {
    return Error(
        fmt::format("'{}' is no name of a topic: letters, digits, '.', '_' and '-', at most {}", uri.topic, kLongest));
  }
  return {};
}

tl::expected<std::uint64_t, std::string> octets(std::string_view name, std::string_view text, std::uint64_t least) {
  const auto size = parse_size(text);
  if (size && *size >= least) return size;
  return Error(fmt::format("{} '{}' is not a size from {} up, as in 100M (units: k, M, G)", name, text, least));
}

Result set_compression(const Scheme& scheme, std::string_view value, ExportUri& uri) {
  struct Named {
    std::string_view name;
    Compression compression;
    bool file;
  };
  static constexpr auto kNamed = std::to_array<Named>({{"none", Compression::none, true},
                                                       {"lz4", Compression::lz4, true},
                                                       {"zstd", Compression::zstd, true},
                                                       {"gzip", Compression::gzip, false},
                                                       {"snappy", Compression::snappy, false}});
  const bool file = scheme.form == Form::file;
  for (const Named& one : kNamed) {
    if (one.name != value || (file && !one.file)) continue;
    uri.compression = one.compression;
    return {};
  }
  return Error(
      fmt::format("compression '{}' is none of {}", value, file ? "none, lz4, zstd" : "none, lz4, zstd, gzip, snappy"));
}

Result set_fields(std::string_view value, ExportUri& uri) {
  const std::vector<std::string_view>& names = export_field_names();
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view name = value.substr(0, comma);
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
    const auto known = std::find(names.begin(), names.end(), name);
    if (known == names.end()) {
      std::string all;
      for (const std::string_view one : names) all.append(all.empty() ? "" : ",").append(one);
      return Error(fmt::format("no field '{}'; there are {}", name, all));
    }
    uri.fields.push_back(*known);
  }
  const bool uniflow = std::any_of(uri.fields.begin(), uri.fields.end(), [](std::string_view name) {
    return !name.starts_with("rev_") && !field_of_third_line(name);
  });
  if (!uniflow) return Error("fields names nothing that every record of one direction has, such as src_addr,packets");
  return {};
}

Result set_option(const Scheme& scheme, std::string_view name, std::string_view value, ExportUri& uri) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kHour = 3600 * kSecond;
  constexpr std::uint64_t kLeastFile = 1 << 16;
  const auto set = [&](auto& field, const tl::expected<std::uint64_t, std::string>& parsed) -> Result {
    if (!parsed) return Error(parsed.error());
    field = static_cast<std::remove_reference_t<decltype(field)>>(*parsed);
    return {};
  };
  if (name == "mtu") return set(uri.mtu, number(name, value, kLeastMtu, kGreatestMtu));
  if (name == "template_refresh") {
    return set(uri.template_refresh_ns, duration_ns(name, value, kSecond, 24 * kHour));
  }
  if (name == "uniflow") return set(uri.uniflow, number(name, value, 0, 1));
  if (name == "source_id") {
    // Version 5 has an octet for it, the engine id; version 7 has none.
    const bool octet = scheme.kind == ExportKind::netflow5;
    return set(uri.source_id, number(name, value, 0, octet ? 255 : std::numeric_limits<std::uint32_t>::max()));
  }
  if (name == "rate") return set(uri.rate, number(name, value, 1, kGreatestRate));
  if (name == "profile") {
    const auto profile = export_profile(value);
    if (!profile) return Error(fmt::format("profile '{}' is none of {}", value, export_profile_names()));
    uri.profile = *profile;
    return {};
  }
  if (name == "fields") return set_fields(value, uri);
  if (name == "compression") return set_compression(scheme, value, uri);
  if (name == "format") {
    if (value != "protobuf" && value != "json") {
      return Error(fmt::format("format '{}' is none of protobuf, json", value));
    }
    uri.json = value == "json";
    return {};
  }
  if (name == "rotate") return set(uri.rotate_ns, duration_ns(name, value, kSecond, 24 * 366 * kHour));
  return set(uri.rotate_octets, octets(name, value, kLeastFile));
}

Result parse_options(const Scheme& scheme, std::string_view query, ExportUri& uri) {
  std::vector<std::string_view> seen;
  const auto given = [&seen](std::string_view name) { return std::find(seen.begin(), seen.end(), name) != seen.end(); };
  const std::string_view scheme_name = scheme.prefix.substr(0, scheme.prefix.find(':'));
  while (!query.empty()) {
    const std::size_t ampersand = query.find('&');
    const std::string_view option = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? std::string_view{} : query.substr(ampersand + 1);
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    if (scheme.options.empty()) return Error(fmt::format("no option '{}'; {} has none", name, scheme.expected));
    if (equals == std::string_view::npos) {
      return Error(
          fmt::format("option '{}' has no value; expected NAME=VALUE with NAME one of {}", option, scheme.options));
    }
    if (given(name)) return Error(fmt::format("option '{}' is given twice", name));
    seen.push_back(name);
    if (!has_option(scheme, name))
      return Error(fmt::format("no option '{}'; {} has {}", name, scheme_name, scheme.options));
    if (Result set = set_option(scheme, name, option.substr(equals + 1), uri); !set) return set;
  }
  if (!given("uniflow") && given("profile")) {
    uri.uniflow =
        profile_wants_uniflow(uri.profile, uri.kind == ExportKind::netflow9 ? Dialect::netflow9 : Dialect::ipfix);
  }
  if (uri.standard_output() && uri.rotates()) return Error("standard output does not rotate; name a file");
  return {};
}

}  // namespace

tl::expected<ExportUri, std::string> parse_export_uri(const std::string& text) {
  const std::string_view view = text;
  for (const Scheme& scheme : kSchemes) {
    if (!view.starts_with(scheme.prefix)) continue;
    ExportUri uri;
    uri.text = text;
    uri.kind = scheme.kind;
    const std::string_view rest = view.substr(scheme.prefix.size());
    const std::size_t question = rest.find('?');
    const std::string_view target = rest.substr(0, question);
    Result result;
    switch (scheme.form) {
      case Form::host_port:
        result = parse_host_port(scheme, target, uri);
        break;
      case Form::path:
        result = parse_path(scheme, target, uri);
        break;
      case Form::brokers:
        result = parse_brokers(scheme, target, uri);
        break;
      case Form::file:
        uri.path = target;
        if (target.empty()) result = Error(fmt::format("no file; expected {} ('-': standard output)", scheme.expected));
        break;
    }
    if (result && question != std::string_view::npos) result = parse_options(scheme, rest.substr(question + 1), uri);
    if (!result) return Error(fault(text, result.error()));
    return uri;
  }
  std::string expected;
  for (const Scheme& scheme : kSchemes) expected += fmt::format("{}{}", expected.empty() ? "" : ", ", scheme.expected);
  return Error(fault(text, fmt::format("unknown form; expected one of {}", expected)));
}

}  // namespace weir
