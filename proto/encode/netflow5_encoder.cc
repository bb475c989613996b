#include "proto/encode/netflow5_encoder.h"

#include <algorithm>
#include <cstring>

#include "proto/record/interfaces.h"

namespace weir {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kCounterMax = UINT32_MAX;

constexpr std::uint32_t kMostVersion5 = 30;
constexpr std::uint32_t kMostVersion7 = 27;
constexpr std::uint32_t kRateMax = (1U << 14) - 1;
// Sampling mode in the upper two bits.
constexpr std::uint32_t kDeterministic = 1U << 14;
constexpr std::uint32_t kRandom = 2U << 14;

/// Records that the counters of one direction take; more than a datagram holds where they are out of all reason.
std::uint32_t parts_of(const FlowRecord& record, Direction way) {
  const std::uint64_t most = std::max(record.packets[way], record.octets[way]);
  if (most <= kCounterMax) return record.packets[way] != 0 ? 1 : 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(most / kCounterMax + (most % kCounterMax != 0), 1000));
}

/// 0, unknown, where the number does not fit.
Be16 interface_number(std::uint32_t number) {
  return Be16::from_host(number <= UINT16_MAX ? static_cast<std::uint16_t>(number) : std::uint16_t{0});
}

/// RFC 6793 section 4.2.2: a number of four octets is AS_TRANS where there is room for two.
Be16 as_number(std::uint32_t number) {
  constexpr std::uint16_t kAsTrans = 23456;
  return Be16::from_host(number <= UINT16_MAX ? static_cast<std::uint16_t>(number) : kAsTrans);
}

void put_routing(Netflow5Record& out, const RoutingSection& routing, Direction way) {
  const std::uint32_t zero = 0;
  const auto* hop = routing.next_hop[way];
  if (std::memcmp(hop, &zero, sizeof zero) == 0) hop = routing.bgp_next_hop[way];
  std::memcpy(out.next_hop, hop, sizeof out.next_hop);
  const bool forward = way == kForward;
  out.source_as = as_number(forward ? routing.source_as : routing.destination_as);
  out.destination_as = as_number(forward ? routing.destination_as : routing.source_as);
  out.source_mask = forward ? routing.source_net : routing.destination_net;
  out.destination_mask = forward ? routing.destination_net : routing.source_net;
}

/// Which fields of a v7 record a key leaves out that leaves out these of the flow's; the direction's own way round.
std::uint8_t invalid_fields(unsigned not_in_key, Direction way) {
  const bool forward = way == kForward;
  const auto bit = [&](unsigned asked, unsigned invalid) { return (not_in_key & asked) != 0 ? invalid : 0U; };
  return static_cast<std::uint8_t>(bit(forward ? kNoSourceAddress : kNoDestinationAddress, kInvalidSource) |
                                   bit(forward ? kNoDestinationAddress : kNoSourceAddress, kInvalidDestination) |
                                   bit(forward ? kNoSourcePort : kNoDestinationPort, kInvalidSourcePort) |
                                   bit(forward ? kNoDestinationPort : kNoSourcePort, kInvalidDestinationPort) |
                                   bit(kNoProtocol, kInvalidProtocol));
}

}  // namespace

Netflow5Encoder::Netflow5Encoder(const Netflow5Options& options)
    : options_(options),
      record_octets_(options.version7 ? kNetflow7RecordOctets : sizeof(Netflow5Record)),
      most_records_(std::clamp<std::uint32_t>((std::max<std::uint32_t>(options.payload_octets, sizeof(Netflow5Header)) -
                                               static_cast<std::uint32_t>(sizeof(Netflow5Header))) /
                                                  record_octets_,
                                              2, options.version7 ? kMostVersion7 : kMostVersion5)),
      window_(options.header_time, options.start_ns) {}

std::uint32_t Netflow5Encoder::data_records(RecordView record) const {
  return std::max(parts_of(*record, kForward) + parts_of(*record, kReverse), 1U);
}

Netflow5Result Netflow5Encoder::add(RecordView view, std::uint64_t now_ns) {
  const FlowRecord& record = *view;
  if (record.ip_version != 4) return Netflow5Result::ipv6_not_in_format;
  const std::uint32_t rate = std::max(record.sampling_rate, 1U);
  if (rate > (options_.version7 ? 1 : kRateMax)) return Netflow5Result::rate_not_in_format;
  const std::uint32_t forward = parts_of(record, kForward);
  const std::uint32_t reverse = parts_of(record, kReverse);
  const std::uint32_t parts = std::max(forward + reverse, 1U);
  if (parts > most_records_) return Netflow5Result::count_not_in_format;

  const TimeSpan span = time_span(record);
  if (records_ == 0) {
    window_.open(span, now_ns);
    latest_ns_ = 0;
    rate_ = rate;
    sampled_at_random_ = record.sampling_algorithm == 2;
  } else if (records_ + parts > most_records_ || !window_.holds(span) || rate != rate_) {
    return Netflow5Result::full;
  }
  if (forward != 0 || reverse == 0) write(view, kForward, std::max(forward, 1U));
  if (reverse != 0) write(view, kReverse, reverse);
  latest_ns_ = std::max(latest_ns_, span.end_ns);
  return Netflow5Result::added;
}

void Netflow5Encoder::write(RecordView view, Direction way, std::uint32_t parts) {
  const FlowRecord& record = *view;
  const bool forward = way == kForward;
  const Direction other = forward ? kReverse : kForward;
  const auto uptime = [this](std::uint64_t time_ns) {
    const std::uint64_t ms = time_ns / kMillisecond;
    const std::uint64_t offset = ms < window_.boot_ms() ? 0 : ms - window_.boot_ms();
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(offset, UINT32_MAX));
  };
  Netflow5Record out{};
  std::memcpy(out.source, forward ? record.source_address : record.destination_address, 4);
  std::memcpy(out.destination, forward ? record.destination_address : record.source_address, 4);
  out.input = interface_number(ingress_of(view, way));
  if (const auto* const egress = view.find<EgressSection>()) out.output = interface_number(egress_of(*egress, way));
  if (const auto* const routing = view.find<RoutingSection>()) {
    put_routing(out, *routing, way);
    if (options_.version7) out.pad1 = invalid_fields(routing->not_in_key, way);
  }
  out.first_ms = Be32::from_host(uptime(record.first_ns[way]));
  out.last_ms = Be32::from_host(uptime(record.last_ns[way]));
  out.source_port = Be16::from_host(record.port(way));
  out.destination_port = Be16::from_host(record.protocol == kProtocolIcmp ? record.icmp(way) : record.port(other));
  out.tcp_flags = record.tcp_flags[way];
  out.protocol = record.protocol;
  out.tos = record.ip_tos[way];
  // Split packets and octets evenly and give the remainders to the first parts, so that the sums are exact.
  for (std::uint32_t part = 0; part < parts; ++part) {
    const auto share = [&](std::uint64_t total) {
      return static_cast<std::uint32_t>(total / parts + (part < total % parts));
    };
    out.packets = Be32::from_host(share(record.packets[way]));
    out.octets = Be32::from_host(share(record.octets[way]));
    std::uint8_t* const at = datagram_.data() + sizeof(Netflow5Header) + records_ * record_octets_;
    std::memcpy(at, &out, sizeof out);
    std::memset(at + sizeof out, 0, record_octets_ - sizeof out);
    ++records_;
  }
}

std::span<std::uint8_t> Netflow5Encoder::finish(std::uint64_t now_ns) {
  if (records_ == 0) return {};
  const std::uint64_t header_ns = window_.header_ns(latest_ns_, now_ns);
  Netflow5Header header{};
  header.version = Be16::from_host(options_.version7 ? 7 : 5);
  header.count = Be16::from_host(static_cast<std::uint16_t>(records_));
  header.sys_uptime_ms = Be32::from_host(static_cast<std::uint32_t>((header_ns - window_.boot_ns()) / kMillisecond));
  header.unix_secs = Be32::from_host(static_cast<std::uint32_t>(header_ns / kSecond));
  header.sequence = Be32::from_host(sequence_);
  if (!options_.version7) {
    header.engine_id = static_cast<std::uint8_t>(options_.source_id);
    // 0 for every packet: some collectors multiply by the whole field, mode included.
    header.sampling = Be16::from_host(
        static_cast<std::uint16_t>(rate_ == 1 ? 0 : (sampled_at_random_ ? kRandom : kDeterministic) | rate_));
  }
  std::memcpy(datagram_.data(), &header, sizeof header);
  const std::size_t octets = sizeof header + records_ * record_octets_;
  sequence_ += records_;
  records_ = 0;
  return {datagram_.data(), octets};
}

}  // namespace weir
