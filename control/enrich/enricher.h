// Enricher: records with what the prefix files say of their addresses.
//
// It stands between the drain and the exporters and takes whole batches, so that searches overlap and no worker knows
// of it. A record gets the sections routing and, where a file has such facts, as_path and as_names; a record of which
// nothing is known stays as it is. What a record says already stays, too: only what is 0 is filled in. Records of
// packets say nothing of routing; those that weir-collect decodes have what their exporter said.
//
// The key of a flow may have only a part of an address (--key src_addr/24). The record then has the length of that
// part, whatever the length in a file; and it says which fields of the 5-tuple the key leaves out. A longer prefix is
// not looked up: it holds for some addresses of the flow only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "control/enrich/route_map.h"
#include "control/enrich/route_map_builder.h"
#include "proto/record/record_batch.h"

namespace weir {

/// How many bits of the addresses the key of a flow has, by Direction: of the source, of the destination; and which
/// fields of the 5-tuple it has not.
struct KeyBits {
  std::array<std::uint8_t, 2> ipv4 = {32, 32};
  std::array<std::uint8_t, 2> ipv6 = {128, 128};

  [[nodiscard]] unsigned of(std::uint8_t ip_version, Direction side) const {
    return ip_version == 4 ? ipv4[side] : ipv6[side];
  }
  std::uint8_t not_in_key = 0;      ///< bits of NotInKey, but for the addresses
  std::array<bool, 2> as_in_key{};  ///< the key has the AS: its record says it already, also that it is unknown

  friend bool operator==(const KeyBits&, const KeyBits&) = default;
  /// What the key leaves out, as bits of NotInKey.
  [[nodiscard]] std::uint8_t left_out(std::uint8_t ip_version) const {
    unsigned bits = not_in_key;
    if (of(ip_version, kForward) == 0) bits |= kNoSourceAddress;
    if (of(ip_version, kReverse) == 0) bits |= kNoDestinationAddress;
    return static_cast<std::uint8_t>(bits);
  }
  /// Records are to say something of the key: it has not the whole 5-tuple.
  [[nodiscard]] bool any() const {
    return ipv4 != std::array<std::uint8_t, 2>{32, 32} || ipv6 != std::array<std::uint8_t, 2>{128, 128} ||
           not_in_key != 0;
  }
  /// The key has a part of the address.
  [[nodiscard]] bool masks(std::uint8_t ip_version, Direction side) const {
    const unsigned bits = of(ip_version, side);
    return bits != 0 && bits < (ip_version == 4 ? 32U : 128U);
  }
};

/// The maps for the two ends of a flow: one and the same where the key has as many bits of both.
struct RouteMaps {
  std::array<std::shared_ptr<const RouteMap>, 2> side;
  std::shared_ptr<const RouteMap> whole{};  ///< with prefixes of any length, where the key has an AS; else nullptr
};

class Enricher {
 public:
  explicit Enricher(const KeyBits& bits = {}) : bits_(bits) {}

  /// Appends the records of `in` to `out`, in their order. For one thread at a time.
  void enrich(RecordSpan in, const RouteMaps& maps, RecordBatch& out);

  /// Addresses that were looked up, and those that were in no prefix. Read by anybody.
  [[nodiscard]] std::uint64_t lookups() const { return lookups_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t not_found() const { return not_found_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kGroup = 64;
  /// Addresses that are searched in one trie, and where in values_ their values belong.
  struct Searches {
    std::array<AddressBits, 2 * kGroup> addresses;
    std::array<std::uint8_t, 2 * kGroup> places;
    std::size_t count = 0;
  };

  void enrich_group(RecordSpan in, const RouteMaps& maps, RecordBatch& out);
  void enrich_record(RecordView record, const std::array<RouteMap::Value, 2>& values, const RouteMaps& maps,
                     RecordBatch& out) const;

  KeyBits bits_;
  // Of the group at hand: by map and IP version; by record, source before destination.
  std::array<Searches, 4> searches_{};
  std::array<RouteMap::Value, 2 * kGroup> values_{};
  std::atomic<std::uint64_t> lookups_{0};    ///< written by the thread that enriches
  std::atomic<std::uint64_t> not_found_{0};  ///< likewise
};

}  // namespace weir
