// The page of the HTTP service: control/service/page/ as one text, put together by the build.
#pragma once

#include <string_view>

namespace weir {

/// Where a nonce stands for styles and scripts, which the page has in itself (Content Security Policy level 3).
inline constexpr std::string_view kPageNonceMark = "WEIR-NONCE";

std::string_view http_page();

}  // namespace weir
