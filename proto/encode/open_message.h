// OpenMessage: the message of NetFlow v9 or IPFIX that is being filled.
//
// Records of different templates stand in different sets, and a set costs 4 octets and padding. Real traffic alternates
// between IPv4 and IPv6, so the message is built as one region for each template, joined in close(): at most one data
// set of each template in a message, whatever the order of the records.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "proto/base/byte_order.h"
#include "proto/encode/copy_program.h"

namespace weir {

inline constexpr std::uint32_t kMinPayload = 512;   ///< every IPv4 path takes 576 (RFC 791)
inline constexpr std::uint32_t kMaxPayload = 8952;  ///< MTU 9000 less IPv6 and UDP headers

class OpenMessage {
 public:
  static constexpr std::size_t kRegions = 8;
  static constexpr std::uint32_t kSetHeader = 4;

  explicit OpenMessage(std::uint32_t payload_octets) : limit_(std::clamp(payload_octets, kMinPayload, kMaxPayload)) {}
  // Tens of KiB of message inside: it stays where it was made.
  OpenMessage(const OpenMessage&) = delete;
  OpenMessage& operator=(const OpenMessage&) = delete;

  [[nodiscard]] std::uint32_t limit() const { return limit_; }
  [[nodiscard]] std::uint8_t* header() { return first_.data(); }

  /// Begins a message; `head_octets` of header and template sets are at header().
  void open(std::uint32_t head_octets) {
    head_ = total_ = head_octets;
    used_ = {};
    padding_ = {};
  }
  /// Room for `octets` more of records of `record_octets` in `region`; nullptr: the message is too full.
  std::uint8_t* reserve(std::size_t region, std::uint32_t octets, std::uint32_t record_octets) {
    const std::uint32_t before = used_[region];
    const std::uint32_t used = (before == 0 ? kSetHeader : before) + octets;
    // Whole multiples of 4, the usual case, need no padding.
    if (record_octets % 4 != 0) return reserve_padded(region, used, octets, record_octets);
    if (total_ + used - before > limit_) return nullptr;
    total_ += used - before;
    used_[region] = used;
    return buffer(region) + used - octets;
  }
  /// Joins the regions; `set_ids` by region. Returns the message, its header still to be written.
  std::span<std::uint8_t> close(const std::array<std::uint16_t, kRegions>& set_ids) {
    // The region that lies in the message itself comes first, whether it has records or not.
    std::uint8_t* out = first_.data() + head_;
    for (std::size_t region = 0; region < kRegions; ++region) {
      if (used_[region] == 0) continue;
      if (region != 0) std::memcpy(out, buffer(region), used_[region]);
      store_be<std::uint16_t>(out, set_ids[region]);
      store_be<std::uint16_t>(out + 2, static_cast<std::uint16_t>(used_[region] + padding_[region]));
      std::memset(out + used_[region], 0, padding_[region]);
      out += used_[region] + padding_[region];
    }
    return {first_.data(), static_cast<std::size_t>(out - first_.data())};
  }

 private:
  static constexpr std::size_t kRoom = kMaxPayload + 64;
  static_assert(CopyProgram::kSlack <= 64, "a record is written past its end");

  std::uint8_t* reserve_padded(std::size_t region, std::uint32_t used, std::uint32_t octets,
                               std::uint32_t record_octets) {
    // To a multiple of 4, unless a collector could take the padding for a record.
    const std::uint32_t pad = (4 - used % 4) % 4;
    const std::uint32_t padding = pad < record_octets ? pad : 0;
    const std::uint32_t total = total_ - used_[region] - padding_[region] + used + padding;
    if (total > limit_) return nullptr;
    total_ = total;
    used_[region] = used;
    padding_[region] = static_cast<std::uint8_t>(padding);
    return buffer(region) + used - octets;
  }
  std::uint8_t* buffer(std::size_t region) { return region == 0 ? first_.data() + head_ : others_[region - 1].data(); }

  std::uint32_t limit_;
  std::uint32_t head_ = 0;
  std::uint32_t total_ = 0;
  std::array<std::uint32_t, kRegions> used_{};  ///< set header included; 0: no record yet
  std::array<std::uint8_t, kRegions> padding_{};
  alignas(64) std::array<std::uint8_t, kRoom> first_;
  alignas(64) std::array<std::array<std::uint8_t, kRoom>, kRegions - 1> others_;
};

}  // namespace weir
