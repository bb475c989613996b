// The one place where the templates of nlohmann::json are instantiated for all tests.
#include "tests/support/json_templates.h"

namespace nlohmann {

void PrintTo(const json& value, std::ostream* out) {
  *out << value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace nlohmann

template class nlohmann::basic_json<>;
template class nlohmann::detail::parser<nlohmann::json, weir::test::JsonTextAdapter>;
template class nlohmann::detail::parser<nlohmann::json, weir::test::JsonLiteralAdapter>;
template class nlohmann::detail::parser<nlohmann::json, weir::test::JsonStreamAdapter>;
template class nlohmann::detail::serializer<nlohmann::json>;
