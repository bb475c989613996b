// Messages of psample, built attribute by attribute, as the kernel builds them and as it does not.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/input/psample_message.h"
#include "tests/support/hex.h"

namespace weir::test {

inline constexpr std::uint16_t kPsampleFamily = 32;

/// Attribute types.
enum PsampleAttribute : std::uint16_t {
  kAttributeInIf = 0,
  kAttributeOutIf = 1,
  kAttributeOriginalSize = 2,
  kAttributeGroup = 3,
  kAttributeSequence = 4,
  kAttributeRate = 5,
  kAttributeData = 6,
  kAttributeTunnel = 8,
  kAttributeQueue = 10,
  kAttributeQueueOctets = 11,
  kAttributeLatency = 12,
  kAttributeTime = 13,
  kAttributeProtocol = 14,
  kAttributeCookie = 15,
  kAttributeProbability = 16,
};

class PsampleBuilder {
 public:
  explicit PsampleBuilder(std::uint8_t command = 0) : octets_(20) { octets_[16] = command; }
  PsampleBuilder& add(std::uint16_t type, const Bytes& value) {
    put(static_cast<std::uint16_t>(4 + value.size()));
    put(type);
    octets_.insert(octets_.end(), value.begin(), value.end());
    octets_.resize((octets_.size() + 3) / 4 * 4);
    return *this;
  }
  template <typename T>
  PsampleBuilder& number(std::uint16_t type, T value) {
    Bytes octets(sizeof value);
    std::memcpy(octets.data(), &value, sizeof value);
    return add(type, octets);
  }
  /// Of another process than the kernel.
  PsampleBuilder& from(std::uint32_t port) {
    std::memcpy(octets_.data() + 12, &port, sizeof port);
    return *this;
  }
  [[nodiscard]] Bytes octets() const {
    Bytes whole = octets_;
    const auto length = static_cast<std::uint32_t>(whole.size());
    std::memcpy(whole.data(), &length, sizeof length);
    std::memcpy(whole.data() + 4, &kPsampleFamily, sizeof kPsampleFamily);
    return whole;
  }

 private:
  void put(std::uint16_t value) {
    octets_.push_back(static_cast<std::uint8_t>(value));
    octets_.push_back(static_cast<std::uint8_t>(value >> 8));
  }
  Bytes octets_;
};

/// A packet as the kernel of Linux 6.1 samples it at ingress.
struct KernelSample {
  Bytes frame;
  std::uint32_t group = 1;
  std::uint32_t sequence = 0;
  std::uint32_t rate = 100;
  std::uint16_t in_if = 2;
  std::uint32_t original_octets = 0;  ///< 0: those of the frame
  std::uint64_t time_ns = 0;          ///< 0: the message has none

  [[nodiscard]] PsampleBuilder built() const {
    PsampleBuilder built;
    built.number<std::uint16_t>(kAttributeInIf, in_if)
        .number<std::uint32_t>(kAttributeRate, rate)
        .number<std::uint32_t>(kAttributeOriginalSize,
                               original_octets != 0 ? original_octets : static_cast<std::uint32_t>(frame.size()))
        .number<std::uint32_t>(kAttributeGroup, group)
        .number<std::uint32_t>(kAttributeSequence, sequence);
    if (time_ns != 0) built.number<std::uint64_t>(kAttributeTime, time_ns);
    built.number<std::uint16_t>(kAttributeProtocol, 0x0800).add(kAttributeData, frame);
    return built;
  }
  [[nodiscard]] Bytes message() const { return built().octets(); }
};

}  // namespace weir::test
