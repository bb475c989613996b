// FragmentAssembly: IP packets put together from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5), in
// whatever order these come.
//
// Memory is bounded: 256 packets at a time, each of at most 65 535 octets, 16 MiB in all. Where there are more, the one
// that began first is given up; so is one that is not whole after 60 s (RFC 8200). A fragment that comes twice counts
// once; fragments that overlap otherwise end their packet (RFC 5722), since nobody fragments like that but to deceive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "tools/collect/ip_packet.h"

namespace weir {

class FragmentAssembly {
 public:
  static constexpr std::size_t kMostPackets = 256;
  static constexpr std::uint64_t kLifetimeNs = 60'000'000'000;

  /// Takes a fragment. True: with it the packet is whole, and `out` is it, valid until the next call.
  bool add(const IpPacket& fragment, std::uint64_t time_ns, IpPacket& out);

  /// Fragments whose packet did not become whole, those that still wait among them.
  [[nodiscard]] std::uint64_t lost() const { return lost_ + waiting_; }

 private:
  struct Packet {
    std::string key;
    std::uint64_t began_ns = 0;
    std::vector<std::uint8_t> octets;           ///< up to the last one that is there
    std::map<std::size_t, std::size_t> pieces;  ///< which of them are there: begin and end
    std::size_t present_octets = 0;
    std::size_t whole_octets = 0;  ///< 0: its last fragment is not there yet
    std::size_t fragments = 0;
    std::uint8_t protocol = 0;  ///< of the first fragment
  };
  using Packets = std::list<Packet>;  ///< the one that began first at the front

  void give_up(Packets::iterator packet);
  Packet& find_or_begin(const IpPacket& fragment, std::uint64_t time_ns);
  /// False: it overlaps, or reaches beyond the end.
  static bool put(const IpPacket& fragment, Packet& packet);

  Packets packets_;
  std::map<std::string, Packets::iterator, std::less<>> by_key_;
  Packet done_;  ///< the last one that became whole
  std::uint64_t lost_ = 0;
  std::uint64_t waiting_ = 0;  ///< fragments
};

}  // namespace weir
