#include "control/service/http_api.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <tl/expected.hpp>

#include "proto/base/json_string.h"
#include "proto/record/message_json.h"

namespace weir {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Parameters = std::multimap<std::string, std::string>;

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kNotImplemented = 501;
constexpr int kUnavailable = 503;

HttpAnswer refused(int status, std::string_view text) {
  return {status, http_error_json(text)};
}

HttpAnswer json_of(const Message& message) {
  return {200, message_json(message) + "\n"};
}

template <typename Number>
std::optional<Number> number_in(const std::string& text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// False: the field is a number, and `text` is none that fits.
bool set_field(Message& request, const FieldDescriptor& field, const std::string& text) {
  const auto& reflection = *request.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    reflection.SetString(&request, &field, text);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
    const auto value = number_in<std::uint32_t>(text);
    if (!value) return false;
    reflection.SetUInt32(&request, &field, *value);
  } else {
    const auto value = number_in<std::uint64_t>(text);
    if (!value) return false;
    reflection.SetUInt64(&request, &field, *value);
  }
  return true;
}

/// The parameters of a URL into the fields of their names. Error: the first that is wrong, in one line.
tl::expected<void, std::string> fill(Message& request, const Parameters& parameters) {
  for (auto at = parameters.begin(); at != parameters.end(); ++at) {
    const auto& [name, text] = *at;
    const FieldDescriptor* const field = request.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) {
      std::string known;
      for (int i = 0; i < request.GetDescriptor()->field_count(); ++i) {
        known += (known.empty() ? "" : " ") + request.GetDescriptor()->field(i)->name();
      }
      return tl::make_unexpected(
          fmt::format("no parameter is named '{}'; expected {}", name, known.empty() ? "none" : "one of " + known));
    }
    if (parameters.count(name) > 1) return tl::make_unexpected(fmt::format("{} is given twice", name));
    if (std::any_of(text.begin(), text.end(), is_control)) {
      return tl::make_unexpected(fmt::format("{}: expected text without control characters", name));
    }
    if (!set_field(request, *field, text)) {
      return tl::make_unexpected(fmt::format("{} '{}': expected a number", name, text));
    }
  }
  return {};
}

/// Who answers about flows names options of weirctl: here they are the parameters of their names.
std::string in_parameters(std::string text) {
  constexpr std::string_view kRows = "-n ";
  if (text.starts_with("--")) return text.substr(2);
  if (text.starts_with(kRows)) return "limit " + text.substr(kRows.size());
  return text;
}

template <typename Request, typename Reply>
HttpAnswer ask(const Parameters& parameters, StatusSource& source, Reply (StatusSource::*answer)()) {
  Request request;
  if (const auto filled = fill(request, parameters); !filled) return refused(kBadRequest, filled.error());
  return json_of((source.*answer)());
}

template <typename Request, typename Reply>
HttpAnswer ask_flows(const Parameters& parameters, FlowSource* flows, const std::function<bool()>& given_up,
                     tl::expected<Reply, std::string> (FlowSource::*answer)(const Request&,
                                                                            const std::function<bool()>&)) {
  Request request;
  if (const auto filled = fill(request, parameters); !filled) return refused(kBadRequest, filled.error());
  if (flows == nullptr) return refused(kNotImplemented, "nothing here knows of live flows");
  const auto reply = (flows->*answer)(request, given_up);
  return reply ? json_of(*reply) : refused(kBadRequest, in_parameters(reply.error()));
}

}  // namespace

bool http_asks_flows(std::string_view path) {
  if (!path.starts_with(kHttpApi)) return false;
  path.remove_prefix(kHttpApi.size());
  return path == "top" || path == "flows";
}

HttpAnswer http_api(std::string_view name, const Parameters& parameters, StatusSource& source, FlowSource* flows,
                    const std::function<bool()>& given_up) {
  if (name == "status") return ask<v1::StatusRequest>(parameters, source, &StatusSource::status);
  if (name == "ledger") return ask<v1::LedgerRequest>(parameters, source, &StatusSource::ledger);
  if (name == "rss") return ask<v1::RssRequest>(parameters, source, &StatusSource::rss);
  if (name == "metrics") return ask<v1::MetricsRequest>(parameters, source, &StatusSource::metrics);
  if (name == "top") return ask_flows(parameters, flows, given_up, &FlowSource::top);
  if (name == "flows") return ask_flows(parameters, flows, given_up, &FlowSource::flows);
  return refused(kNotFound, "not here; /api/v1/ has status, ledger, rss, metrics, top and flows");
}

std::string http_error_json(std::string_view text) {
  std::string escaped(text.size() * kJsonOctetMost, '\0');
  escaped.resize(static_cast<std::size_t>(write_json_string(escaped.data(), text) - escaped.data()));
  return "{\"error\": \"" + escaped + "\"}\n";
}

HttpAnswer http_health(const v1::StatusReply& status) {
  if (status.phase() == "running") return {200, fmt::format("running, ledger {}\n", status.ledger())};
  return {kUnavailable,
          status.doing().empty() ? status.phase() + "\n" : fmt::format("{}: {}\n", status.phase(), status.doing())};
}

}  // namespace weir
