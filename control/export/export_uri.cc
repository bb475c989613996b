#include "control/export/export_uri.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <vector>

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;
using Result = tl::expected<void, std::string>;

enum class Form : std::uint8_t { host_port, path, file };

struct Scheme {
  std::string_view prefix;
  ExportKind kind;
  Form form;
  std::string_view expected;
};

// Longest prefixes first: `protobuf:` is also the beginning of no other, since those go on with '+'.
constexpr auto kSchemes = std::to_array<Scheme>({
    {"netflow9://", ExportKind::netflow9, Form::host_port, "netflow9://HOST:PORT"},
    {"protobuf+tcp://", ExportKind::protobuf_tcp, Form::host_port, "protobuf+tcp://HOST:PORT"},
    {"protobuf+unix://", ExportKind::protobuf_unix, Form::path, "protobuf+unix:///PATH"},
    {"protobuf:", ExportKind::protobuf_file, Form::file, "protobuf:FILE"},
    {"json:", ExportKind::json_file, Form::file, "json:FILE"},
});

constexpr std::string_view kNetflow9Options = "mtu, template_refresh, uniflow, source_id, rate";

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

/// A number with a unit, as in the configuration file: ns, us, ms, s, m, h.
tl::expected<std::uint64_t, std::string> duration_ns(std::string_view name, std::string_view text, std::uint64_t least,
                                                     std::uint64_t greatest, std::string_view range) {
  struct Unit {
    std::string_view name;
    std::uint64_t ns;
  };
  static constexpr auto kUnits = std::to_array<Unit>({{"ns", 1},
                                                      {"us", 1'000},
                                                      {"ms", 1'000'000},
                                                      {"s", 1'000'000'000},
                                                      {"m", 60'000'000'000},
                                                      {"h", 3'600'000'000'000}});
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc{}) {
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const Unit& known : kUnits) {
      if (unit != known.name || value > greatest / known.ns) continue;
      if (value * known.ns >= least) return value * known.ns;
    }
  }
  return Error(fmt::format("{} '{}' is not a duration {}, as in 20s (units: ns, us, ms, s, m, h)", name, text, range));
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

Result set_netflow9_option(std::string_view name, std::string_view value, ExportUri& uri) {
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  const auto set = [&](auto& field, const tl::expected<std::uint64_t, std::string>& parsed) -> Result {
    if (!parsed) return Error(parsed.error());
    field = static_cast<std::remove_reference_t<decltype(field)>>(*parsed);
    return {};
  };
  if (name == "mtu") return set(uri.mtu, number(name, value, kLeastMtu, kGreatestMtu));
  if (name == "template_refresh") {
    return set(uri.template_refresh_ns, duration_ns(name, value, 1'000'000'000, 24 * kHour, "from 1s to 24h"));
  }
  if (name == "uniflow") return set(uri.uniflow, number(name, value, 0, 1));
  if (name == "source_id") {
    return set(uri.source_id, number(name, value, 0, std::numeric_limits<std::uint32_t>::max()));
  }
  if (name == "rate") return set(uri.rate, number(name, value, 1, kGreatestRate));
  return Error(fmt::format("no option '{}'; netflow9 has {}", name, kNetflow9Options));
}

Result parse_options(const Scheme& scheme, std::string_view query, ExportUri& uri) {
  std::vector<std::string_view> seen;
  while (!query.empty()) {
    const std::size_t ampersand = query.find('&');
    const std::string_view option = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? std::string_view{} : query.substr(ampersand + 1);
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    if (scheme.kind != ExportKind::netflow9) {
      return Error(fmt::format("no option '{}'; {} has none", name, scheme.expected));
    }
    if (equals == std::string_view::npos) {
      return Error(
          fmt::format("option '{}' has no value; expected NAME=VALUE with NAME one of {}", option, kNetflow9Options));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return Error(fmt::format("option '{}' is given twice", name));
    }
    seen.push_back(name);
    if (Result set = set_netflow9_option(name, option.substr(equals + 1), uri); !set) return set;
  }
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
