// Counts of the ledger: packets with their octets, and records with the packets and octets that they count.
//
// Plain sums that are added, subtracted and compared as wholes. Whether octets are of frames or of IP packets is said
// where a count stands.
#pragma once

#include <cstdint>

namespace weir {

struct PacketCount {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;

  /// One packet more.
  void add(std::uint64_t packet_octets) {
    ++packets;
    octets += packet_octets;
  }
  PacketCount& operator+=(const PacketCount& other) {
    packets += other.packets;
    octets += other.octets;
    return *this;
  }
  /// `other` is a part of this.
  PacketCount& operator-=(const PacketCount& other) {
    packets -= other.packets;
    octets -= other.octets;
    return *this;
  }
  friend PacketCount operator-(PacketCount whole, const PacketCount& part) { return whole -= part; }
  friend bool operator==(const PacketCount&, const PacketCount&) = default;
};

struct RecordTotals {
  std::uint64_t records = 0;
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;

  /// One record more: a FlowRecord, which the ground floor does not know.
  template <typename Record>
  void add(const Record& record) {
    ++records;
    packets += record.total_packets();
    octets += record.total_octets();
  }
  RecordTotals& operator+=(const RecordTotals& other) {
    records += other.records;
    packets += other.packets;
    octets += other.octets;
    return *this;
  }
  /// `other` is a part of this.
  RecordTotals& operator-=(const RecordTotals& other) {
    records -= other.records;
    packets -= other.packets;
    octets -= other.octets;
    return *this;
  }
  friend RecordTotals operator-(RecordTotals whole, const RecordTotals& part) { return whole -= part; }
  friend bool operator==(const RecordTotals&, const RecordTotals&) = default;
};

/// `whole` without `part`, and 0 where that would be less than 0: for counts that may not be of one moment.
constexpr std::uint64_t without(std::uint64_t whole, std::uint64_t part) {
  return whole > part ? whole - part : 0;
}
constexpr PacketCount without(const PacketCount& whole, const PacketCount& part) {
  return {without(whole.packets, part.packets), without(whole.octets, part.octets)};
}
constexpr RecordTotals without(const RecordTotals& whole, const RecordTotals& part) {
  return {without(whole.records, part.records), without(whole.packets, part.packets),
          without(whole.octets, part.octets)};
}

}  // namespace weir
