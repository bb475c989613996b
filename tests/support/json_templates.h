// nlohmann::json with its templates compiled once, in json_templates.cc: they were two thirds of the time that a
// scenario took to compile. It is part of the tests' precompiled header; a test includes <nlohmann/json.hpp>.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace weir::test {

using JsonTextAdapter = nlohmann::detail::iterator_input_adapter<std::string::const_iterator>;
using JsonLiteralAdapter = nlohmann::detail::iterator_input_adapter<const char*>;
using JsonStreamAdapter = nlohmann::detail::input_stream_adapter;

}  // namespace weir::test

namespace nlohmann {

/// What GoogleTest shows of a value that is not as expected: its JSON text.
void PrintTo(const json& value, std::ostream* out);

}  // namespace nlohmann

extern template class nlohmann::basic_json<>;
extern template class nlohmann::detail::parser<nlohmann::json, weir::test::JsonTextAdapter>;
extern template class nlohmann::detail::parser<nlohmann::json, weir::test::JsonLiteralAdapter>;
extern template class nlohmann::detail::parser<nlohmann::json, weir::test::JsonStreamAdapter>;
extern template class nlohmann::detail::serializer<nlohmann::json>;
