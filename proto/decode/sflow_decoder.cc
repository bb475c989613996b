#include "proto/decode/sflow_decoder.h"

#include <algorithm>
#include <cstring>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/decode/sflow_message.h"
#include "proto/decode/sflow_structures.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::uint16_t kDataLinkFrameSize = 312, kIpHeaderSection = 313, kDataLinkFrameSection = 315,
                        kMplsPayloadSection = 317, kIpv4NextHop = 15, kBgpIpv4NextHop = 18, kIpv6NextHop = 62,
                        kBgpIpv6NextHop = 63;
constexpr std::uint32_t kUnknownNumber = UINT32_MAX;  ///< of a VLAN or AS

/// header_protocol of a sampled header, those that are told apart here.
enum HeaderProtocol : std::uint32_t { kEthernet = 1, kIpv4 = 11, kIpv6 = 12, kMpls = 13 };

/// 0, which is none, for what is longer than an address.
std::uint8_t prefix_length(std::uint32_t bits) {
  return bits <= 128 ? static_cast<std::uint8_t>(bits) : std::uint8_t{0};
}

/// EtherType and VLAN id of an Ethernet frame, through at most 4 tags.
struct FrameStart {
  std::uint16_t ether_type = 0;
  std::uint16_t vlan_id = 0;

  explicit FrameStart(Octets frame) {
    constexpr std::size_t kMacs = 12, kTag = 4, kMostTags = 4;
    std::size_t at = kMacs;
    for (std::size_t tags = 0; frame.size() >= at + 2 && tags <= kMostTags; ++tags, at += kTag) {
      ether_type = load_be<std::uint16_t>(frame.data() + at);
      const bool tag = ether_type == 0x8100 || ether_type == 0x88a8 || ether_type == 0x9100;
      if (!tag || frame.size() < at + kTag) return;
      if (tags == 0) vlan_id = load_be<std::uint16_t>(frame.data() + at + 2) & 0xfff;
    }
  }
};

/// One flow sample on its way to a record.
class FlowSample {
 public:
  FlowSample(std::uint64_t received_ns, const SflowSampleContent& sample, Decoded& out)
      : sample_(sample), out_(out), first_value_(out.values.size()) {
    FlowRecord& flow = record_.base();
    flow = {};
    flow.ip_version = 4;
    flow.packets[kForward] = 1;
    flow.first_ns[kForward] = flow.last_ns[kForward] = received_ns;
    flow.sampling_rate = sample.sampling_rate;
    flow.ingress_interface = sample.input.if_index();
    if (const std::uint32_t index = sample.output.if_index(); index != 0) {
      record_.add<EgressSection>().interface = index;
    }
  }

  /// The record goes to the Decoded, unless nothing could be read of a sample with an error.
  DecodeError take(DecodeError error) {
    // Which IP version the packet has the others go by.
    for (const SflowRecord& one : sample_.records) {
      if (one.format > kSampledIpv6) continue;
      if (!take_packet(one) && error == DecodeError::none) error = DecodeError::short_sample_record;
    }
    for (const SflowRecord& one : sample_.records) {
      if (one.format >= kSampledHeader && one.format <= kSampledIpv6) continue;
      if (!take_extended(one) && error == DecodeError::none) error = DecodeError::short_sample_record;
    }
    if (error != DecodeError::none && !any_) {
      out_.values.resize(first_value_);
      return error;
    }
    FlowRecord& flow = record_.base();
    if (flow.octets[kForward] == 0) flow.octets[kForward] = frame_octets_;
    if (flow.vlan_id == 0) flow.vlan_id = switch_vlan_;
    FlowDetails details{};
    details.first_value = static_cast<std::uint32_t>(first_value_);
    details.value_count = static_cast<std::uint32_t>(out_.values.size() - first_value_);
    details.header_protocol = header_protocol_;
    out_.details.push_back(details);
    out_.flows.append(record_.view());
    return error;
  }

 private:
  bool take_packet(const SflowRecord& one) {
    switch (one.format) {
      case kSampledHeader:
        return take_header(one.octets);
      case kSampledEthernet:
        return take_ethernet(one.octets);
      case kSampledIpv4:
        return take_ip(one.octets, 4);
      case kSampledIpv6:
        return take_ip(one.octets, 6);
      default:
        return true;
    }
  }

  bool take_extended(const SflowRecord& one) {
    const SflowStructure* const structure = find_flow_structure(one.format);
    const auto put = [&](std::size_t place, Octets octets) {
      out_.values.push_back({static_cast<std::uint16_t>(place), false, one.format, octets});
    };
    if (structure == nullptr) {
      put(0, one.octets);
      any_ = true;
      return true;
    }
    const std::size_t before = out_.values.size();
    const bool whole = walk_structure(*structure, one.octets, [&](std::size_t place, const SflowField&, Octets octets) {
      if (!has_place(one.format, place) && !octets.empty()) put(place, octets);
    });
    if (!whole) {
      out_.values.resize(before);
      return false;
    }
    any_ = true;
    if (one.format == kExtendedSwitch) take_switch(one.octets);
    if (one.format == kExtendedRouter) take_router(one.octets);
    if (one.format == kExtendedGateway) take_gateway(one.octets);
    return true;
  }

  /// Whether a field of a record holds it.
  static bool has_place(std::uint32_t format, std::size_t place) {
    constexpr std::size_t kRoutersAs = 2, kCommunities = 6;
    if (format == kExtendedRouter) return place != 0;
    return format == kExtendedGateway && place != 0 && place != kRoutersAs && place < kCommunities;
  }

  bool take_header(Octets octets) {
    XdrReader reader(octets);
    const std::uint32_t protocol = reader.u32();
    const Octets length = reader.take(4);
    reader.u32();  // stripped
    const Octets header = reader.opaque();
    if (reader.failed()) return false;
    any_ = true;
    header_protocol_ = static_cast<std::uint8_t>(std::min<std::uint32_t>(protocol, UINT8_MAX));
    const bool ip = protocol == kIpv4 || protocol == kIpv6;
    out_.values.push_back({kDataLinkFrameSize, false, 0, length});
    out_.values.push_back({ip                  ? kIpHeaderSection
                           : protocol == kMpls ? kMplsPayloadSection
                                               : kDataLinkFrameSection,
                           false, 0, header});
    FlowRecord& flow = record_.base();
    if (protocol == kEthernet) {
      const FrameStart start(header);
      flow.ether_type = start.ether_type;
      flow.vlan_id = start.vlan_id;
    } else if (ip) {
      flow.ether_type = protocol == kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
    }
    if (flow.ether_type == kEtherTypeIpv6) flow.ip_version = 6;
    return true;
  }

  bool take_ethernet(Octets octets) {
    XdrReader reader(octets);
    const std::uint32_t length = reader.u32();
    const Octets source = reader.take(6);
    const Octets destination = reader.take(6);
    const std::uint32_t type = reader.u32();
    if (reader.failed()) return false;
    any_ = true;
    frame_octets_ = length;
    auto& layer2 = record_.add<Layer2Section>();
    std::copy(source.begin(), source.end(), layer2.source_mac);
    std::copy(destination.begin(), destination.end(), layer2.destination_mac);
    FlowRecord& flow = record_.base();
    if (flow.ether_type == 0) flow.ether_type = static_cast<std::uint16_t>(type);
    if (flow.ether_type == kEtherTypeIpv6) flow.ip_version = 6;
    return true;
  }

  bool take_ip(Octets octets, std::uint8_t version) {
    XdrReader reader(octets);
    const std::uint32_t length = reader.u32();
    const std::uint32_t protocol = reader.u32();
    const std::size_t address = version == 4 ? 4 : 16;
    const Octets source = reader.take(address);
    const Octets destination = reader.take(address);
    const std::uint32_t source_port = reader.u32();
    const std::uint32_t destination_port = reader.u32();
    const std::uint32_t tcp_flags = reader.u32();
    const std::uint32_t tos = reader.u32();
    if (reader.failed()) return false;
    any_ = true;
    FlowRecord& flow = record_.base();
    flow.ip_version = version;
    flow.ether_type = ip_ether_type(version);
    std::copy(source.begin(), source.end(), flow.source_address);
    std::copy(destination.begin(), destination.end(), flow.destination_address);
    flow.protocol = static_cast<std::uint8_t>(protocol);
    if (flow.is_icmp()) {
      flow.set_icmp(kForward, source_port & 0xff, destination_port & 0xff);
    } else {
      flow.ports[kForward] = static_cast<std::uint16_t>(source_port);
      flow.ports[kReverse] = static_cast<std::uint16_t>(destination_port);
    }
    flow.tcp_flags[kForward] = static_cast<std::uint8_t>(tcp_flags);
    flow.ip_tos[kForward] = static_cast<std::uint8_t>(tos);
    flow.octets[kForward] = length;
    return true;
  }

  void take_switch(Octets octets) {
    const std::uint32_t vlan = XdrReader(octets).u32();
    if (vlan != kUnknownNumber) switch_vlan_ = vlan & 0xfff;
  }

  RoutingSection& routing() {
    auto& section = record_.add<RoutingSection>();
    section.ip_version = record_->ip_version;
    return section;
  }

  /// Of the flow's IP version, else it is a value.
  void take_next_hop(XdrReader& reader, bool bgp) {
    Octets octets;
    const IpAddress hop = reader.address(&octets);
    if (!hop.has_value() || all_zero(octets)) return;
    if (hop.ip_version == record_->ip_version) {
      RoutingSection& section = routing();
      std::copy(octets.begin(), octets.end(), bgp ? section.bgp_next_hop[kForward] : section.next_hop[kForward]);
      return;
    }
    const std::uint16_t element =
        hop.ip_version == 4 ? (bgp ? kBgpIpv4NextHop : kIpv4NextHop) : (bgp ? kBgpIpv6NextHop : kIpv6NextHop);
    out_.values.push_back({element, false, 0, octets});
  }

  void take_router(Octets octets) {
    XdrReader reader(octets);
    take_next_hop(reader, false);
    RoutingSection& section = routing();
    section.source_net = prefix_length(reader.u32());
    section.destination_net = prefix_length(reader.u32());
  }

  void take_gateway(Octets octets) {
    XdrReader reader(octets);
    take_next_hop(reader, true);
    const std::uint32_t own = reader.u32();
    const std::uint32_t source = reader.u32();
    const std::uint32_t source_peer = reader.u32();
    AsPath path{};
    bool cut = false;
    const std::uint32_t segments = reader.u32();
    for (std::uint32_t i = 0; i < segments && !reader.failed(); ++i) {
      reader.u32();  // a set or a sequence
      for (Octets numbers = reader.list(); !numbers.empty(); numbers = numbers.subspan(4)) {
        destination_as_ = load_be<std::uint32_t>(numbers.data());
        cut |= path.count == AsPath::kMost;
        if (path.count < AsPath::kMost) path.numbers[path.count++] = destination_as_;
      }
    }
    RoutingSection& section = routing();
    section.source_as = source != 0 ? source : own;
    section.destination_as = path.count != 0 ? destination_as_ : own;
    section.next_adjacent_as = path.numbers[0];
    section.previous_adjacent_as = source_peer;
    if (path.count == 0) return;
    auto& as_path = record_.add<AsPathSection>();
    as_path.path[kForward] = path;
    as_path.cut[kForward] = cut ? 1 : 0;
  }

  const SflowSampleContent& sample_;
  Decoded& out_;
  std::size_t first_value_;
  OwnedRecord record_;
  bool any_ = false;
  std::uint8_t header_protocol_ = 0;
  std::uint16_t switch_vlan_ = 0;
  std::uint32_t frame_octets_ = 0;
  std::uint32_t destination_as_ = 0;  ///< the last of the path
};

/// Counters to one options record.
DecodeError take_counters(const SflowSampleContent& sample, DecodeError error, Decoded& out) {
  const std::size_t first = out.values.size();
  out.values.push_back({1, true, kSflowSource, sample.source_type});
  out.values.push_back({2, true, kSflowSource, sample.source_index});
  const std::size_t scopes = out.values.size();
  for (const SflowRecord& one : sample.records) {
    const auto put = [&](std::size_t place, Octets octets) {
      out.values.push_back({static_cast<std::uint16_t>(place | kSflowCounters), false, one.format, octets});
    };
    const SflowStructure* const structure = find_counter_structure(one.format);
    if (structure == nullptr) {
      put(0, one.octets);
      continue;
    }
    const std::size_t before = out.values.size();
    if (!walk_structure(*structure, one.octets,
                        [&](std::size_t place, const SflowField&, Octets octets) { put(place, octets); })) {
      out.values.resize(before);
      if (error == DecodeError::none) error = DecodeError::short_sample_record;
    }
  }
  if (error != DecodeError::none && out.values.size() == scopes) {
    out.values.resize(first);
    return error;
  }
  out.options.push_back({0, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(out.values.size() - first)});
  return error;
}

}  // namespace

DecodeError decode_sflow(Octets datagram, std::uint64_t received_ns, Decoded& out, std::uint64_t& unknown_samples) {
  out.clear();
  SflowMessage message;
  DecodeError first_error = parse_sflow(datagram, message);
  out.header = message.header;
  out.agent = message.agent;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  out.header.unix_secs = static_cast<std::uint32_t>(received_ns / kSecond);
  out.header.unix_nsecs = static_cast<std::uint32_t>(received_ns % kSecond);
  SflowSampleContent content;
  for (const SflowSample& sample : message.samples) {
    if (!is_known_sample(sample.format)) {
      ++unknown_samples;
      continue;
    }
    DecodeError error = parse_sflow_sample(sample, content);
    if (error != DecodeError::short_sample) {
      error = content.counters ? take_counters(content, error, out) : FlowSample(received_ns, content, out).take(error);
    }
    if (first_error == DecodeError::none) first_error = error;
  }
  return first_error;
}

}  // namespace weir
