// The self-check of the ports' RSS as text for people.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// What `weirctl rss` prints. Ends with a line break.
[[nodiscard]] std::string rss_text(const v1::RssReply& reply);

}  // namespace weir
