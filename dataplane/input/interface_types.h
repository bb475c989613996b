// InterfaceTypes: what the frames of a kernel interface begin with, by its number.
//
// The kernel samples on devices without Ethernet, too (tunnels, PPP): there a packet begins with its IP header. Which
// device is one, its hardware type says (ARPHRD_*, SIOCGIFHWADDR). It is asked for once every 10 s of use, since a
// number may come to stand for another interface.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>

#include "dataplane/packet/link_type.h"

namespace weir {

class InterfaceTypes {
 public:
  /// Hardware type of an interface of this machine, by its number; nothing: there is none.
  using LookUp = std::function<std::optional<std::uint16_t>(std::uint32_t)>;

  explicit InterfaceTypes(LookUp look_up = &hardware_type) : look_up_(std::move(look_up)) {}

  /// Of a packet that was seen at `interface` (0: it is not known which). `protocol`: the kernel's EtherType of it.
  [[nodiscard]] LinkType link_type(std::uint32_t interface, std::uint16_t protocol,
                                   std::span<const std::uint8_t> packet, std::uint64_t now_ns);

  [[nodiscard]] static std::optional<std::uint16_t> hardware_type(std::uint32_t interface);

 private:
  static constexpr std::uint64_t kGoodForNs = 10'000'000'000;
  static constexpr std::size_t kMost = 4096;  ///< what comes after these is asked for each time, after a fresh start

  struct Known {
    std::optional<std::uint16_t> hardware;
    std::uint64_t until_ns;
  };

  LookUp look_up_;
  std::unordered_map<std::uint32_t, Known> known_;
};

}  // namespace weir
