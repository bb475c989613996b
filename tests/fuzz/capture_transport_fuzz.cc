// IP packets of a capture into the assembly of fragments and the following of TCP, and what is whole into
// is_flow_export(). The input is a sequence of: seconds (1 octet), length (2 octets, big-endian), and so many octets of
// IP packet (or what is left).
#include <pcap/dlt.h>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "tools/collect/capture_datagrams.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weir::FragmentAssembly fragments;
  weir::TcpStreams tcp;
  std::uint64_t time_ns = 1'700'000'000'000'000'000;
  std::size_t taken = 0;
  std::uint64_t packets = 0;
  const auto take_messages = [&] {
    weir::TcpStreams::Message message;
    while (tcp.next(message)) {
      taken += message.octets.size();
      if (message.session == 0) abort();
      // A message is as long as it says.
      if (!message.octets.empty() && weir::load_be<std::uint16_t>(message.octets.data() + 2) != message.octets.size()) {
        abort();
      }
    }
  };
  std::span<const std::uint8_t> rest(data, size);
  while (rest.size() >= 3) {
    time_ns += std::uint64_t{rest[0]} * 1'000'000'000;
    std::size_t length = static_cast<std::size_t>(rest[1]) << 8 | rest[2];
    rest = rest.subspan(3);
    if (length > rest.size()) length = rest.size();
    // Exactly as long as it is, so that a sanitizer sees the first octet past its end.
    const std::vector<std::uint8_t> frame(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length));
    rest = rest.subspan(length);
    weir::IpPacket packet;
    if (!weir::find_ip_packet(DLT_RAW, frame, packet)) continue;
    ++packets;
    if (packet.is_fragment && !fragments.add(packet, time_ns, packet)) continue;
    if (packet.is_fragment || packet.payload.size() > 65'535) abort();
    if (packet.protocol == weir::kProtocolTcp) tcp.add(packet, time_ns);
    static_cast<void>(weir::is_flow_export(packet.payload));
    take_messages();
  }
  tcp.finish();
  take_messages();
  // Every octet is of one message at most, and a fragment of one packet.
  if (taken > size || fragments.lost() > packets) abort();
  return 0;
}
