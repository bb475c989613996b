// PacketSource: where a worker's packets come from. One virtual call per burst, none per packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "dataplane/packet/packet_view.h"

namespace weir {

class PacketSource {
 public:
  PacketSource() = default;
  PacketSource(const PacketSource&) = delete;
  PacketSource& operator=(const PacketSource&) = delete;
  virtual ~PacketSource() = default;

  /// Fills `views` from the front and says how many. What was returned stays readable until release().
  /// `now_ns` is the time that packets without a timestamp of their own get.
  virtual std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) = 0;
  /// Gives back everything that the last receive() returned.
  virtual void release() = 0;

  /// Frames that the source received and its filter kept out of the views, since the last call.
  struct Filtered {
    std::uint64_t packets = 0;
    std::uint64_t octets = 0;
  };
  Filtered take_filtered() { return std::exchange(filtered_, Filtered{}); }

 protected:
  Filtered filtered_;
};

}  // namespace weir
