// Any sequence of TCP segments of one conversation, and of ICMP errors that quote it or another one, through all
// metrics: bounded state, and counts that are those of a simple model (tests/support/tcp_random.h,
// packet_list_model.h).
#include <cstddef>
#include <cstdint>

#include "tests/support/tcp_random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)weir::test::compare_with_model({data, size});
  return 0;
}
