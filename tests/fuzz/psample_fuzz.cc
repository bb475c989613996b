// A datagram of netlink messages, as psample sends them, or as the kernel answers who asks for it: nothing outside it
// is read, and every message ends.
#include <cstdint>
#include <cstdlib>

#include "dataplane/input/psample_message.h"
#include "dataplane/input/psample_socket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> left(data, size);
  const auto inside = [&](std::span<const std::uint8_t> part) {
    if (!part.empty() && (part.data() < data || part.data() + part.size() > data + size)) abort();
  };
  weir::PsampleSequence sequence;
  std::size_t messages = 0;
  while (const auto message = weir::take_netlink_message(left)) {
    if (++messages > size / 16) abort();
    inside(message->payload);
    weir::PsampleSample sample;
    const auto verdict = weir::read_psample(*message, message->type, sample);
    inside(sample.data);
    inside(sample.user_cookie);
    if (verdict != weir::PsampleVerdict::sample) continue;
    if (sample.original_octets < sample.data.size()) abort();
    sequence.add(sample.group_sequence);
  }
  (void)weir::read_family({data, size});
  if (sequence.missing() > messages * (std::uint64_t{1} << 32)) abort();
  return 0;
}
