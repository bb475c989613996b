// What a client of --http may send as the head of a request: whatever it is, what counts of it is shorter, ends as a
// head ends, and is the same when it is taken again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/service/http_request.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t length = weir::http_head_length(text);
  check(length <= size && (length == 0 || length >= 4));
  const std::string counts = weir::http_head_that_counts(text.substr(0, length));
  check(counts.size() <= length + 2);
  check(counts.ends_with("\r\n"));
  check(weir::http_head_that_counts(counts) == counts);
  check(weir::http_path(text).size() <= size);
  if (weir::is_own_host(text, "probe")) check(!text.empty() && text.front() != ':');
  return 0;
}
