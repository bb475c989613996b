// RecordWriter: the worker's end of its record ring: room for a record, and how long to wait for it.
#pragma once

#include <cstdint>
#include <thread>

#include "dataplane/packet/flow_key.h"
#include "dataplane/record_ring.h"
#include "proto/base/ip_numbers.h"

namespace weir {

/// What happens when a record is due and the ring has no room.
enum class RingFull : std::uint8_t {
  lose,  ///< live: a timer tries again later; where the entry must be vacated at once, the record is lost by name
  wait,  ///< reading a file, and at an orderly shutdown: until the consumer has made room
};

class RecordWriter {
 public:
  RecordWriter(RecordRing& ring, RingFull ring_full) : ring_(ring), ring_full_(ring_full) {}

  void set_ring_full(RingFull ring_full) { ring_full_ = ring_full; }

  /// Room for a record with these sections, all of it 0 but for `sections`; nullptr: there is none, and none is waited
  /// for.
  FlowRecord* claim(std::uint32_t sections) {
    const unsigned lines = record_lines(sections);
    RingLine* line = ring_.claim(lines);
    while (line == nullptr && ring_full_ == RingFull::wait) {
      ring_.publish();
      std::this_thread::yield();
      line = ring_.claim(lines);
    }
    if (line == nullptr) return nullptr;
    std::memset(static_cast<void*>(line), 0, lines * sizeof *line);
    auto* const record = reinterpret_cast<FlowRecord*>(line);
    record->sections = sections;
    return record;
  }
  /// The record that was claimed is complete.
  void commit(const FlowRecord& record) { ring_.commit(record_lines(record.sections)); }
  /// What was committed leaves; once a burst.
  void publish() { ring_.publish(); }

 private:
  RecordRing& ring_;
  RingFull ring_full_;
};

/// The sections that follow from the key alone: an ESP flow's SPI.
[[nodiscard]] inline std::uint32_t key_sections(const FlowKey& key) {
  // ESP has no ports: the SPI stands in their place in the key, so that every security association is a flow. 0, which
  // no packet may carry (RFC 4303 §2.1), is one that was not captured or is no part of the key.
  return key.protocol == kProtocolEsp && (key.port_low | key.port_high) != 0 ? kSectionBit<EspSection> : 0;
}

/// Writes addresses, ports and protocol, with side `initiator` of the key as the source, and the SPI where the record
/// has one.
void write_key(FlowRecord& record, const FlowKey& key, unsigned initiator);

}  // namespace weir
