#include "tools/collect/fragment_assembly.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir {
namespace {

constexpr std::size_t kMostOctets = 65'535;

/// What tells the fragments of one packet: addresses, identification, and in IPv4 the protocol.
std::string key_of(const IpPacket& fragment) {
  std::string key(fragment.addresses.begin(), fragment.addresses.end());
  key.append(reinterpret_cast<const char*>(&fragment.fragment_id), sizeof fragment.fragment_id);
  key += static_cast<char>(fragment.ip_version == 4 ? fragment.protocol : 0);
  return key;
}

}  // namespace

void FragmentAssembly::give_up(Packets::iterator packet) {
  lost_ += packet->fragments;
  waiting_ -= packet->fragments;
  by_key_.erase(packet->key);
  packets_.erase(packet);
}

FragmentAssembly::Packet& FragmentAssembly::find_or_begin(const IpPacket& fragment, std::uint64_t time_ns) {
  while (!packets_.empty() && time_ns > packets_.front().began_ns &&
         time_ns - packets_.front().began_ns > kLifetimeNs) {
    give_up(packets_.begin());
  }
  std::string key = key_of(fragment);
  if (const auto found = by_key_.find(key); found != by_key_.end()) return *found->second;
  if (packets_.size() >= kMostPackets) give_up(packets_.begin());
  Packet& packet = packets_.emplace_back();
  packet.key = key;
  packet.began_ns = time_ns;
  by_key_.emplace(std::move(key), std::prev(packets_.end()));
  return packet;
}

bool FragmentAssembly::put(const IpPacket& fragment, Packet& packet) {
  const std::size_t begin = fragment.fragment_offset;
  const std::size_t end = begin + fragment.payload.size();
  const auto next = packet.pieces.lower_bound(begin);
  if (next != packet.pieces.end() && next->first == begin && next->second == end) {  // the same once more
    return std::memcmp(packet.octets.data() + begin, fragment.payload.data(), fragment.payload.size()) == 0;
  }
  if (next != packet.pieces.end() && next->first < end) return false;
  if (next != packet.pieces.begin() && std::prev(next)->second > begin) return false;
  if (!fragment.more_fragments) {
    if (packet.whole_octets != 0 || packet.octets.size() > end) return false;
    packet.whole_octets = end;
  }
  if (packet.whole_octets != 0 && end > packet.whole_octets) return false;
  if (packet.octets.size() < end) packet.octets.resize(end);
  std::copy(fragment.payload.begin(), fragment.payload.end(),
            packet.octets.begin() + static_cast<std::ptrdiff_t>(begin));
  if (begin == 0) packet.protocol = fragment.protocol;
  packet.pieces.emplace(begin, end);
  packet.present_octets += end - begin;
  return true;
}

bool FragmentAssembly::add(const IpPacket& fragment, std::uint64_t time_ns, IpPacket& out) {
  // A fragment cut by the snapshot length is of no use; only the last may have any length (RFC 8200 section 4.5).
  const std::size_t octets = fragment.payload.size();
  if (octets == 0 || octets < fragment.payload_octets || fragment.fragment_offset + octets > kMostOctets ||
      (fragment.more_fragments && octets % 8 != 0)) {
    ++lost_;
    return false;
  }
  Packet& packet = find_or_begin(fragment, time_ns);
  const auto place = by_key_.find(packet.key)->second;
  ++packet.fragments;
  ++waiting_;
  if (!put(fragment, packet)) {
    give_up(place);
    return false;
  }
  // Pieces do not overlap, so they fill the packet when they are as long as it.
  if (packet.whole_octets == 0 || packet.present_octets != packet.whole_octets) return false;
  waiting_ -= packet.fragments;
  by_key_.erase(packet.key);
  done_ = std::move(packet);
  packets_.erase(place);
  out = fragment;
  out.is_fragment = out.more_fragments = false;
  out.protocol = done_.protocol;
  out.payload = done_.octets;
  out.payload_octets = done_.octets.size();
  return fragment.ip_version == 4 || skip_extension_headers(out.protocol, out.payload);
}

}  // namespace weir
