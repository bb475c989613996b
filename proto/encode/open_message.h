// OpenMessage: the message of NetFlow v9 or IPFIX that is being filled.
//
// Records of different templates stand in different sets, and a set costs 4 octets and padding. Real traffic alternates
// between IPv4 and IPv6, so the message is built as one region for each template, joined in close(): at most one data
// set of each template in a message, whatever the order of the records. A region is made with its template; from then
// on nothing is allocated.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/encode/copy_program.h"

namespace weir {

inline constexpr std::uint32_t kMinPayload = 512;   ///< every IPv4 path takes 576 (RFC 791)
inline constexpr std::uint32_t kMaxPayload = 8952;  ///< MTU 9000 less IPv6 and UDP headers

class OpenMessage {
 public:
  static constexpr std::uint32_t kSetHeader = 4;

  /// `first_region` is the least that will be used: it lies in the message itself.
  explicit OpenMessage(std::uint32_t payload_octets, std::size_t first_region = 0)
      : limit_(std::clamp(payload_octets, kMinPayload, kMaxPayload)), first_region_(first_region) {}
  // It is kept where it was made: regions point into it.
  OpenMessage(const OpenMessage&) = delete;
  OpenMessage& operator=(const OpenMessage&) = delete;

  [[nodiscard]] std::uint32_t limit() const { return limit_; }
  [[nodiscard]] std::uint8_t* header() { return first_.octets.data(); }

  /// Room for the records of a template. While the message is open, too: no record has been written to it then.
  void add_region(std::size_t region, std::uint16_t set_id) {
    if (regions_.size() <= region) regions_.resize(region + 1);
    Region& added = regions_[region];
    added.set_id = set_id;
    if (region == first_region_) {
      added.buffer = first_.octets.data() + head_;
      return;
    }
    buffers_.push_back(std::make_unique<Buffer>());
    added.buffer = buffers_.back()->octets.data();
  }

  /// Begins a message; `head_octets` of header and template sets are at header().
  void open(std::uint32_t head_octets) {
    head_ = total_ = head_octets;
    for (Region& region : regions_) region.used = region.padding = 0;
    regions_[first_region_].buffer = first_.octets.data() + head_;
  }
  /// Room for `octets` more of records of `record_octets` in `region`; nullptr: the message is too full.
  std::uint8_t* reserve(std::size_t region, std::uint32_t octets, std::uint32_t record_octets) {
    Region& of = regions_[region];
    const std::uint32_t before = of.used;
    const std::uint32_t used = (before == 0 ? kSetHeader : before) + octets;
    // Whole multiples of 4, the usual case, need no padding.
    if (record_octets % 4 != 0) return reserve_padded(of, used, octets, record_octets);
    if (total_ + used - before > limit_) return nullptr;
    total_ += used - before;
    of.used = used;
    return of.buffer + used - octets;
  }
  /// Joins the regions. Returns the message, its header still to be written.
  std::span<std::uint8_t> close() {
    // The region that lies in the message itself comes first, whether it has records or not.
    std::uint8_t* out = first_.octets.data() + head_;
    for (const Region& region : regions_) {
      if (region.used == 0) continue;
      if (region.buffer != out) std::memcpy(out, region.buffer, region.used);
      store_be<std::uint16_t>(out, region.set_id);
      store_be<std::uint16_t>(out + 2, static_cast<std::uint16_t>(region.used + region.padding));
      std::memset(out + region.used, 0, region.padding);
      out += region.used + region.padding;
    }
    return {first_.octets.data(), static_cast<std::size_t>(out - first_.octets.data())};
  }

 private:
  static constexpr std::size_t kRoom = kMaxPayload + 64;
  static_assert(CopyProgram::kSlack <= 64, "a record is written past its end");

  struct alignas(64) Buffer {
    std::array<std::uint8_t, kRoom> octets;
  };
  struct Region {
    std::uint32_t used = 0;  ///< set header included; 0: no record yet
    std::uint16_t padding = 0;
    std::uint16_t set_id = 0;
    std::uint8_t* buffer = nullptr;
  };

  std::uint8_t* reserve_padded(Region& of, std::uint32_t used, std::uint32_t octets, std::uint32_t record_octets) {
    // To a multiple of 4, unless a collector could take the padding for a record.
    const std::uint32_t pad = (4 - used % 4) % 4;
    const std::uint32_t padding = pad < record_octets ? pad : 0;
    const std::uint32_t total = total_ - of.used - of.padding + used + padding;
    if (total > limit_) return nullptr;
    total_ = total;
    of.used = used;
    of.padding = static_cast<std::uint16_t>(padding);
    return of.buffer + used - octets;
  }

  std::uint32_t limit_;
  std::uint32_t head_ = 0;
  std::uint32_t total_ = 0;
  std::size_t first_region_;
  std::vector<Region> regions_;
  std::vector<std::unique_ptr<Buffer>> buffers_;  ///< of all regions but the first
  Buffer first_;
};

}  // namespace weir
