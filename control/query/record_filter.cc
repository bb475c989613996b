#include "control/query/record_filter.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

constexpr std::size_t kIpv4Octets = 20;  // RFC 791 section 3.1, without options
constexpr std::size_t kIpv6Octets = 40;  // RFC 8200 section 3
constexpr std::size_t kTcpOctets = 20;   // RFC 9293 section 3.1, without options
constexpr std::uint8_t kHops = 64;

using Header = std::array<std::uint8_t, kIpv6Octets + kTcpOctets>;

/// What follows the IP header: as long as TCP's header, whatever it is.
void write_transport(std::uint8_t* at, RecordView record, Direction direction) {
  const Direction other = direction == kForward ? kReverse : kForward;
  if (record->is_icmp()) {
    store_be<std::uint16_t>(at, record->icmp(direction));
    return;
  }
  if (const auto* const esp = record.find<EspSection>()) {
    store_be<std::uint32_t>(at, esp->spi);
    return;
  }
  store_be<std::uint16_t>(at, record->port(direction));
  store_be<std::uint16_t>(at + 2, record->port(other));
  if (record->protocol != kProtocolTcp) return;
  at[12] = (kTcpOctets / 4) << 4;
  at[13] = record->tcp_flags[direction];
}

/// Says how long the packet is.
std::size_t write_header(Header& header, RecordView record, Direction direction) {
  header = {};
  const std::uint8_t* source = direction == kForward ? record->source_address : record->destination_address;
  const std::uint8_t* destination = direction == kForward ? record->destination_address : record->source_address;
  std::uint8_t* const at = header.data();
  const std::uint8_t tos = record->ip_tos[direction];
  if (record->ip_version == 4) {
    at[0] = 0x45;
    at[1] = tos;
    store_be<std::uint16_t>(at + 2, kIpv4Octets + kTcpOctets);
    at[8] = kHops;
    at[9] = record->protocol;
    std::memcpy(at + 12, source, 4);
    std::memcpy(at + 16, destination, 4);
    write_transport(at + kIpv4Octets, record, direction);
    return kIpv4Octets + kTcpOctets;
  }
  at[0] = static_cast<std::uint8_t>(0x60 | tos >> 4);
  at[1] = static_cast<std::uint8_t>(tos << 4);
  store_be<std::uint16_t>(at + 4, kTcpOctets);
  at[6] = record->protocol;
  at[7] = kHops;
  std::memcpy(at + 8, source, 16);
  std::memcpy(at + 24, destination, 16);
  write_transport(at + kIpv6Octets, record, direction);
  return kIpv6Octets + kTcpOctets;
}

}  // namespace

tl::expected<RecordFilter, std::string> RecordFilter::make(const std::string& expression) {
  RecordFilter filter;
  if (expression.empty()) return filter;
  // A pcap filter ends at the first of them.
  if (expression.find('\0') != std::string::npos) return tl::unexpected(std::string("a NUL stands in it"));
  auto program = PcapFilter::compile_for_flows(expression);
  if (!program) return tl::unexpected("'" + expression + "': " + program.error());
  if (program->asks_for_length()) {
    return tl::unexpected("'" + expression + "': a flow has no packet length that len, greater or less could ask for");
  }
  filter.program_ = std::move(*program);
  return filter;
}

bool RecordFilter::keeps(RecordView record, Direction direction) const {
  if (!program_) return true;
  Header header;
  const auto octets = static_cast<std::uint32_t>(write_header(header, record, direction));
  return program_->matches(FlowHeader{header.data(), octets, octets});
}

}  // namespace weir
