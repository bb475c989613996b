// StreamRates: what the options records of a stream say of its sampling, and when its exporter booted.
//
// A rate is that of a sampler (48, 302), of an interface (the scope: 10 where packets come in, 14 where they go out),
// or of the whole stream: an options record whose scope says nothing, because it has no octets or is of a kind that
// weir does not know, is about all records. A scope that names another observation domain (149) than the message's own
// is about none of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "proto/decode/flow_message.h"
#include "proto/record/flow_record.h"

namespace weir {

class StreamRates {
 public:
  /// Takes an options record of a message with this header.
  void note(const MessageHeader& header, std::span<const DecodedValue> values);

  /// Whether nothing was said of any rate.
  [[nodiscard]] bool empty() const {
    return default_rate_ == 0 && sampler_rates_.empty() && ingress_rates_.empty() && egress_rates_.empty();
  }
  /// The rate of a record that does not say its own; 0: unknown. `sampler`: its id; nullptr: the record names none.
  [[nodiscard]] std::uint32_t rate_of(RecordView flow, const std::uint64_t* sampler) const;
  /// Element 160; 0: it was not said.
  [[nodiscard]] std::uint64_t system_init_ms() const { return system_init_ms_; }

 private:
  std::uint64_t system_init_ms_ = 0;
  std::uint32_t default_rate_ = 0;
  std::map<std::uint64_t, std::uint32_t> sampler_rates_;  ///< by samplerId or selectorId
  std::map<std::uint32_t, std::uint32_t> ingress_rates_;  ///< by interface
  std::map<std::uint32_t, std::uint32_t> egress_rates_;
};

}  // namespace weir
