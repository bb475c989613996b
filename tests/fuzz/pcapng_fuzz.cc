// Any octets as a pcapng file: it is read to its end or to an error, and every packet lies where it may be read.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "dataplane/input/pcapng_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::FILE* file = fmemopen(const_cast<std::uint8_t*>(data), size, "rb");
  if (file == nullptr) return 0;
  weir::PcapngReader reader(file);
  if (!reader.check_start()) {
    weir::PacketView view{};
    weir::PcapngReader::Result result = reader.next(view);
    unsigned sum = 0;
    for (; result == weir::PcapngReader::Result::packet; result = reader.next(view)) {
      for (std::uint32_t i = 0; i < view.captured_octets; ++i) sum += view.data[i];
      if (view.frame_octets < view.captured_octets || view.captured_octets > size) std::abort();
    }
    if ((result == weir::PcapngReader::Result::error) != !reader.error().empty()) std::abort();
    if (reader.next(view) != result) std::abort();
    if (sum == 1) std::puts("");  // so that the reads are not optimised away
  }
  std::fclose(file);
  return 0;
}
