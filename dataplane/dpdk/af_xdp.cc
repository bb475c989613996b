#include "dataplane/dpdk/af_xdp.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

#include "dataplane/dpdk/af_packet.h"
#include "proto/base/unique_fd.h"

namespace weir::dpdk {
namespace {

/// Queues that the interface receives on, as it tells ethtool.
struct Channels {
  unsigned combined = 0;  ///< with a transmit queue each: the driver can have several of these only
  unsigned receive = 0;   ///< alone
};
Channels channels_of(const std::string& interface) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  if (!socket.valid() || interface.empty() || interface.size() >= sizeof request.ifr_name) return {};
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return {};
  return {channels.combined_count, channels.rx_count};
}

/// The value of queue_count=; 1 without it.
unsigned queue_count_of(std::string_view argument) {
  constexpr std::string_view kKey = ",queue_count=";
  const std::size_t at = argument.find(kKey);
  unsigned count = 1;
  if (at != std::string_view::npos) {
    const std::string_view text = argument.substr(at + kKey.size());
    std::from_chars(text.data(), text.data() + text.size(), count);
  }
  return count;
}

}  // namespace

std::string af_xdp_notice(std::string_view argument) {
  if (!argument.starts_with("net_af_xdp")) return {};
  const std::string interface = kernel_interface(argument).name;
  const Channels channels = channels_of(interface);
  const unsigned there = channels.combined + channels.receive;
  const unsigned read = queue_count_of(argument);
  if (there <= read) return {};
  const std::string notice = interface + ": receives on " + std::to_string(there) + " queues, of which weir reads " +
                             std::to_string(read) + ": what comes in on the others is not seen; ethtool -L " +
                             interface;
  if (channels.combined == 0) return notice + " rx " + std::to_string(read);
  return notice + " combined " + std::to_string(read) + ", or as many --workers as queues";
}

}  // namespace weir::dpdk
