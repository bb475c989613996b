#include "dataplane/flow/record_writer.h"

#include <cstring>

namespace weir {

void write_key(FlowRecord& record, const FlowKey& key, unsigned initiator) {
  if (key.version() == 4) {
    const auto* addresses = reinterpret_cast<const std::uint8_t*>(key.address);
    std::memcpy(record.source_address, addresses + 4 * initiator, 4);
    std::memcpy(record.destination_address, addresses + 4 * (1 - initiator), 4);
    record.ether_type = kEtherTypeIpv4;
  } else {
    std::memcpy(record.source_address, &key.address[2 * initiator], 16);
    std::memcpy(record.destination_address, &key.address[2 * (1 - initiator)], 16);
    record.ether_type = kEtherTypeIpv6;
  }
  record.protocol = key.protocol;
  record.ip_version = static_cast<std::uint8_t>(key.version());
  const std::uint16_t source = initiator == 0 ? key.port_low : key.port_high;
  const std::uint16_t destination = initiator == 0 ? key.port_high : key.port_low;
  if ((record.sections & kSectionBit<EspSection>) != 0) [[unlikely]] {
    section_of<EspSection>(record).spi = std::uint32_t{source} << 16 | destination;
  } else {
    record.ports[kForward] = source;
    record.ports[kReverse] = destination;
  }
}

}  // namespace weir
