// PacketSource: where a worker's packets come from. One virtual call per burst, none per packet.
//
// A source that filters hands on every frame, with the verdict among the view's marks: what it keeps out is counted by
// the packet front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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

  /// Whether views may have marks. Where none does, nobody looks for one.
  [[nodiscard]] bool marks() const { return marks_; }

 protected:
  bool marks_ = false;
};

}  // namespace weir
