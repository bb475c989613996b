// What is said of a capture file whose link type weir does not read.
#pragma once

#include <string>

namespace weir {

/// "link type USB_LINUX (189) is not supported; weir reads ..."
[[nodiscard]] std::string unsupported_link_type(int number);

}  // namespace weir
