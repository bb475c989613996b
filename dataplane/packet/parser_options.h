// ParserOptions: what the parser is to make of a frame: which IP header makes the flow, and which tunnels are walked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/record/tunnels.h"

namespace weir {

/// --layer: the IP header that makes the flow.
enum class Layer : std::uint8_t {
  outer,  ///< the outermost one
  inner,  ///< the innermost one that can be reached through tunnels
};

/// --icmp-errors: what an ICMP error message counts for.
enum class IcmpErrors : std::uint8_t {
  own,     ///< itself
  quoted,  ///< the flow of the packet that it quotes, in the direction back to that packet's sender
};

struct TunnelPort {
  std::uint16_t port;
  TunnelType type;
};

/// Whether the source port of a packet announces this tunnel, too: TunnelSide::either, as one bit for each tunnel.
[[nodiscard]] inline bool announced_by_source(TunnelType type) {
  constexpr std::uint32_t kBits = [] {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < kTunnelTypes.size(); ++i) {
      if (kTunnelTypes[i].told == TunnelSide::either) bits |= 1U << i;
    }
    return bits;
  }();
  return (kBits >> static_cast<unsigned>(type) & 1) != 0;
}

struct ParserOptions {
  Layer layer = Layer::inner;
  IcmpErrors icmp_errors = IcmpErrors::own;
  bool icmp_in_key = false;           ///< FlowKey::icmp_port() of ICMP messages stands where ports would
  bool note_icmp_errors = false;      ///< what an ICMP error quotes is read, whatever it counts for
  unsigned tunnel_depth = 16;         ///< tunnels inside one another that are walked, at most
  std::uint32_t tunnels = 0;          ///< bit 1 << TunnelType: walked
  std::vector<TunnelPort> udp_ports;  ///< which UDP port announces which tunnel; at most kMaxTunnelPorts

  static_assert(kTunnelTypes.size() <= 32, "a bit of `tunnels` for each");

  static constexpr std::size_t kMaxTunnelPorts = 64;
  static constexpr unsigned kMaxTunnelDepth = 32;

  [[nodiscard]] bool walks(TunnelType type) const { return (tunnels >> static_cast<unsigned>(type) & 1) != 0; }
  void walk(TunnelType type) { tunnels |= 1U << static_cast<unsigned>(type); }

  /// The tunnels that are on by default, each at its registered port.
  static ParserOptions defaults() {
    ParserOptions options;
    for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) {
      if (!kTunnelTypes[i].by_default) continue;
      options.walk(static_cast<TunnelType>(i));
      if (kTunnelTypes[i].told == TunnelSide::none) continue;
      options.udp_ports.push_back({kTunnelTypes[i].port, static_cast<TunnelType>(i)});
    }
    return options;
  }
};

/// A set of UDP ports, asked in two steps. may_hold() says "no" for certain and "yes" perhaps, in one load from four
/// cache lines that stay in L1: the common stack's one branch needs no more. holds() is exact and looks into 8 KiB,
/// which for the ports that share their upper octet with a tunnel's (a few in a hundred) costs less than the general
/// walk.
class PortSet {
 public:
  void add(std::uint16_t port) {
    upper_octets_[port >> 8] = 1;
    bits_[port / 64] |= std::uint64_t{1} << port % 64;
  }
  [[nodiscard]] unsigned may_hold(std::uint16_t port) const { return upper_octets_[port >> 8]; }
  [[nodiscard]] unsigned holds(std::uint16_t port) const { return bits_[port / 64] >> port % 64 & 1; }

 private:
  std::array<std::uint8_t, 256> upper_octets_{};
  std::array<std::uint64_t, 1024> bits_{};
};

/// The UDP ports that announce tunnels.
struct TunnelPorts {
  PortSet source;
  PortSet destination;

  explicit TunnelPorts(const ParserOptions& options) {
    for (const TunnelPort& port : options.udp_ports) {
      destination.add(port.port);
      if (announced_by_source(port.type)) source.add(port.port);
    }
  }
  [[nodiscard]] unsigned may_announce(std::uint16_t from, std::uint16_t to) const {
    return destination.may_hold(to) | source.may_hold(from);
  }
  [[nodiscard]] bool announce(std::uint16_t from, std::uint16_t to) const {
    return (destination.holds(to) | source.holds(from)) != 0;
  }
};

}  // namespace weir
