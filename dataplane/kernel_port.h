// KernelPort: the short forms of --port for interfaces of the kernel, and the DPDK devices that they stand for.
//
//   af_packet:eth0    net_af_packet: a packet socket per worker
//   af_xdp:eth0       net_af_xdp: an XDP socket per worker, on as many queues of the interface
//   tap:NAME          net_tap: a new interface; what is sent to it comes in
//
// Arguments of the DPDK driver may follow after a comma (af_packet:eth0,framesz=4096); they go before the defaults that
// the short form brings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

struct KernelPort {
  enum class Kind : std::uint8_t { af_packet, af_xdp, tap };

  Kind kind = Kind::af_packet;
  std::string interface;
  std::string arguments;  ///< what the user adds, without the comma; empty: nothing

  /// "af_packet:eth0": the port's name in what weir says.
  [[nodiscard]] std::string name() const;
  /// "net_af_packet_eth0": EAL knows the driver by how it begins.
  [[nodiscard]] std::string device_name() const;
  /// The device for `workers` workers, each of which needs a queue: "net_af_packet_eth0,iface=eth0,qpairs=2,...".
  [[nodiscard]] std::string device(unsigned workers) const;
};

/// Whether `text` begins as a short form does.
[[nodiscard]] bool is_kernel_port(std::string_view text);

/// nullopt: it is no short form, or names no interface that the kernel can have: 1 to 15 octets without blanks, '/',
/// ':', ',' and '='.
[[nodiscard]] std::optional<KernelPort> parse_kernel_port(std::string_view text);

/// The device that a port stands for: a short form's, else the text itself.
[[nodiscard]] std::string device_of_port(const std::string& text, unsigned workers);

}  // namespace weir
