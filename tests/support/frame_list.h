// FrameList: a source of packets without a device.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/input/packet_source.h"
#include "tests/support/packet_builder.h"

namespace weir::test {

/// Gives its frames once, in order.
class FrameList final : public PacketSource {
 public:
  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override {
    EXPECT_FALSE(lent_) << "received again before release()";
    lent_ = true;
    std::size_t count = 0;
    while (count < views.size() && at_ < frames.size()) {
      const Bytes& frame = frames[at_++];
      views[count++] = {frame.data(),
                        static_cast<std::uint32_t>(frame.size()),
                        static_cast<std::uint32_t>(frame.size()),
                        now_ns,
                        ingress_interface,
                        LinkType::ethernet,
                        0};
      if (marks_ && !passes_(at_ - 1)) views[count - 1].marks = kFrameFilteredOut;
    }
    return count;
  }
  void release() override { lent_ = false; }
  [[nodiscard]] bool done() const { return at_ == frames.size(); }
  /// Judges frames by their numbers.
  void filter(std::function<bool(std::size_t)> passes) {
    marks_ = true;
    passes_ = std::move(passes);
  }

  std::vector<Bytes> frames;
  std::uint32_t ingress_interface = 1;

 private:
  std::function<bool(std::size_t)> passes_;
  std::size_t at_ = 0;
  bool lent_ = false;
};

}  // namespace weir::test
