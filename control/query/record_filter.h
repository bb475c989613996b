// RecordFilter: a pcap filter over flows: `weirctl top --filter 'tcp port 443'`.
//
// It is run over an IP header made of what the record knows of a direction: addresses, protocol, TOS, ports, the ICMP
// type and code of the first packet, the SPI of ESP, and all TCP flags that were seen. What a flow does not have
// (lengths, TTL, payload) a filter cannot ask for: a term that asks for the length is refused, other octets are 0.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "dataplane/input/pcap_filter.h"
#include "proto/record/sections.h"

namespace weir {

class RecordFilter {
 public:
  /// An empty expression keeps everything. Error: one line.
  static tl::expected<RecordFilter, std::string> make(const std::string& expression);

  /// Whether it keeps packets of this direction.
  [[nodiscard]] bool keeps(RecordView record, Direction direction) const;

 private:
  std::optional<PcapFilter> program_;  ///< nothing: all is kept
};

}  // namespace weir
