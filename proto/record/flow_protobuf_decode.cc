// Reading a protobuf FlowRecord: by number, through a table of functions that the field table's columns make.
#include <array>
#include <cstring>
#include <utility>

#include "proto/record/flow_protobuf.h"
#include "proto/record/flow_protobuf_columns.h"

namespace weir {
namespace {

using namespace flow_protobuf;

/// Reads a varint at `at`; moves `at` past it. false: it does not end within the message, or in ten octets.
bool get_varint(const std::uint8_t*& at, const std::uint8_t* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at == end) return false;
    const std::uint8_t octet = *at++;
    value |= static_cast<std::uint64_t>(octet & 0x7f) << shift;
    if (octet < 0x80) return true;
  }
  return false;
}

/// A message on its way into a record, and what only its end makes something of.
struct Decoding {
  OwnedRecord& record;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t address_octets[2] = {0, 0};
  std::uint16_t icmp[2] = {0, 0};
  std::uint32_t labels[LabelStackSection::kMost] = {};
  std::uint32_t label_count = 0;
  bool has_tunnel = false;
  unsigned hops4 = 0;  ///< of RoutingSection, which next hops came as IPv4: bits by their place
  unsigned hops6 = 0;
};

constexpr std::uint16_t kFlowStart = number_of(kColumns[find_column("time_flow_start_ns")]);
constexpr std::uint16_t kFlowEnd = number_of(kColumns[find_column("time_flow_end_ns")]);
constexpr std::uint16_t kSourceAddress = number_of(kColumns[find_column("src_addr")]);

/// Puts a number where its column has it. False: it does not fit.
template <std::size_t kIndex>
bool store_column(Decoding& decoding, std::uint64_t value) {
  constexpr Column kColumn = kSent[kIndex];
  constexpr const FieldRow& kRow = kFieldRows[kColumn.row];
  constexpr unsigned kOctets = kRow.field.form == Form::mac ? 6 : kRow.field.place.octets + kRow.field.computed.octets;
  if constexpr (kOctets < 8) {
    if (value >> (8 * kOctets) != 0) return false;
  }
  if constexpr (number_of(kColumn) == kFlowStart) {
    decoding.start_ns = value;
    return true;
  } else if constexpr (number_of(kColumn) == kFlowEnd) {
    decoding.end_ns = value;
    return true;
  } else if constexpr ((kRow.field.marks & kIcmpOnly) != 0) {
    // Which fields the ports' octets hold depends on the protocol, which may follow later in the message.
    const unsigned shift = kRow.field.name == "icmp_type" ? 8 : 0;
    std::uint16_t& both = decoding.icmp[kColumn.side];
    both = static_cast<std::uint16_t>((both & (0xff00U >> shift)) | value << shift);
    return true;
  } else if constexpr (kRow.section == Section::tunnel && kRow.field.form == Form::tunnel) {
    if (value == 0) return true;
    decoding.has_tunnel = true;
  }
  if constexpr ((kRow.field.marks & kFollows) != 0) return true;
  void* const section = decoding.record.add(kRow.section);
  if constexpr (kRow.field.presence.bits != 0) kRow.field.presence.set(section);
  if constexpr (kRow.field.place.octets == 0) {
    kRow.field.computed.set(section, kColumn.side, value);
  } else if constexpr (kRow.field.form == Form::mac) {
    auto* const at = static_cast<std::uint8_t*>(section) + kRow.field.place.offset[kColumn.side];
    for (unsigned i = 0; i < 6; ++i) at[i] = static_cast<std::uint8_t>(value >> (40 - 8 * i));
  } else {
    std::memcpy(static_cast<std::uint8_t*>(section) + kRow.field.place.offset[kColumn.side], &value, kOctets);
  }
  return true;
}

using Store = bool (*)(Decoding&, std::uint64_t);

template <std::size_t kIndex>
constexpr Store store_of() {
  constexpr Form kForm = kFieldRows[kSent[kIndex].row].field.form;
  constexpr Section kSection = kFieldRows[kSent[kIndex].row].section;
  if constexpr (kForm == Form::address || kForm == Form::labels || kForm == Form::community_id ||
                kForm == Form::histogram || kForm == Form::packets || kForm == Form::text ||
                kForm == Form::characters || kForm == Form::as_path || kSection == Section::label) {
    return nullptr;
  } else {
    return store_column<kIndex>;
  }
}

/// By field number: how a number is stored; nullptr: it is none of weir's, or no number.
constexpr auto kStores = []<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
  // Not a fold: clang nests at most 256 of its terms.
  constexpr std::array<Store, kSent.size()> kOfColumns{store_of<kIndex>()...};
  std::array<Store, kGreatestNumber + 1> stores{};
  for (std::size_t i = 0; i < kSent.size(); ++i) stores[number_of(kSent[i])] = kOfColumns[i];
  return stores;
}
(std::make_index_sequence<kSent.size()>{});

/// By field number: the place in kSent, plus 1.
constexpr auto kPlaces = [] {
  std::array<std::uint16_t, kGreatestNumber + 1> places{};
  for (std::size_t i = 0; i < kSent.size(); ++i) places[number_of(kSent[i])] = static_cast<std::uint16_t>(i + 1);
  return places;
}();
static_assert(kSent.size() < UINT16_MAX);

bool store_number(std::uint64_t number, std::uint64_t value, Decoding& decoding) {
  if (number > kGreatestNumber || kStores[number] == nullptr) return true;  // not one of ours: skipped
  return kStores[number](decoding, value);
}

/// A packed list of bins; those that it does not have are 0. False: a bin does not fit, or there are too many.
bool store_histogram(std::span<const std::uint8_t> octets, std::uint8_t* to) {
  const std::uint8_t* at = octets.data();
  const std::uint8_t* const end = at + octets.size();
  for (unsigned bin = 0; at != end; ++bin) {
    std::uint64_t value = 0;
    if (bin == kHistogramBins || !get_varint(at, end, value) || value > UINT32_MAX) return false;
    const auto count = static_cast<std::uint32_t>(value);
    std::memcpy(to + bin * sizeof count, &count, sizeof count);
  }
  return true;
}

/// One more packet of the list.
bool store_packet(std::span<const std::uint8_t> message, PacketsSection& section) {
  if (section.count == PacketsSection::kMost) return false;
  FirstPacket& packet = section.packets[section.count++];
  const std::uint8_t* at = message.data();
  const std::uint8_t* const end = at + message.size();
  while (at != end) {
    std::uint64_t tag = 0;
    std::uint64_t value = 0;
    if (!get_varint(at, end, tag) || (tag & 7) != kVarint || !get_varint(at, end, value)) return false;
    const std::uint64_t number = tag >> 3;
    if (number == 0) return false;
    if (number > kListedFacts.size()) continue;
    const ListedFact& fact = kListedFacts[number - 1];
    if (value > fact.greatest) return false;
    fact.set(packet, value);
  }
  return true;
}

/// More of a packed AS path; what it is longer than its place is left out.
bool store_as_path(std::span<const std::uint8_t> octets, Direction side, AsPathSection& section) {
  const std::uint8_t* at = octets.data();
  const std::uint8_t* const end = at + octets.size();
  AsPath& path = section.path[side];
  while (at != end) {
    std::uint64_t number = 0;
    if (!get_varint(at, end, number) || number > UINT32_MAX) return false;
    if (path.count == AsPath::kMost) {
      section.cut[side] = 1;
    } else {
      path.numbers[path.count++] = static_cast<std::uint32_t>(number);
    }
  }
  return true;
}

constexpr std::uint64_t kGreatestLabel = (1 << 20) - 1;  // RFC 3032 section 2.1

/// An address, a text, an AS path, a list of labels or packets, a histogram, or a Community ID; anything else is
/// skipped.
bool store_octets(std::uint64_t number, std::span<const std::uint8_t> octets, Decoding& decoding) {
  if (number > kGreatestNumber || kPlaces[number] == 0) return true;
  const Column column = kSent[kPlaces[number] - 1U];
  const FieldRow& row = kFieldRows[column.row];
  if (row.section == Section::label || row.section == Section::label_stack) {
    const std::uint8_t* at = octets.data();
    const std::uint8_t* const end = at + octets.size();
    while (at != end) {
      std::uint64_t label = 0;
      if (!get_varint(at, end, label) || label > kGreatestLabel) return false;
      if (decoding.label_count < LabelStackSection::kMost) {
        decoding.labels[decoding.label_count++] = static_cast<std::uint32_t>(label);
      }
    }
    return true;
  }
  if (row.field.form == Form::histogram) {
    auto* const section = static_cast<std::uint8_t*>(decoding.record.add(row.section));
    return store_histogram(octets, section + row.field.place.offset[column.side]);
  }
  if (row.field.form == Form::as_path) {
    return store_as_path(octets, column.side, decoding.record.add<AsPathSection>());
  }
  if (row.field.form == Form::characters) {
    if (octets.size() > row.field.place.octets) return false;
    auto* const at = static_cast<std::uint8_t*>(decoding.record.add(row.section)) + row.field.place.offset[column.side];
    std::memset(at, 0, row.field.place.octets);
    std::memcpy(at, octets.data(), octets.size());
    return true;
  }
  if (row.field.form == Form::packets) return store_packet(octets, decoding.record.add<PacketsSection>());
  if (row.field.form == Form::text) {
    auto* const section = static_cast<std::uint8_t*>(decoding.record.add(row.section));
    row.field.presence.set(section);
    put_text_at(section + row.field.place.offset[column.side],
                {reinterpret_cast<const char*>(octets.data()), octets.size()});
    return octets.size() <= kMostTextOctets;
  }
  if (row.field.form == Form::community_id) {
    auto* const ids = static_cast<std::uint8_t*>(decoding.record.add(row.section));
    return read_community_id({reinterpret_cast<const char*>(octets.data()), octets.size()},
                             ids + row.field.place.offset[column.side]);
  }
  if (row.field.form != Form::address) return true;
  if (octets.size() != 4 && octets.size() != 16) return false;
  const std::uint8_t version = octets.size() == 4 ? 4 : 6;
  void* const section = decoding.record.add(row.section);
  auto* const address = static_cast<std::uint8_t*>(section) + row.field.place.offset[column.side];
  std::memset(address, 0, 16);
  std::memcpy(address, octets.data(), octets.size());
  if (row.section == Section::tunnel) {
    static_cast<TunnelSection*>(section)->ip_version = version;
  } else if (row.section == Section::routing) {
    const unsigned hop = 1U << (row.field.place.offset[column.side] / 16U);
    (version == 4 ? decoding.hops4 : decoding.hops6) |= hop;
    (version == 4 ? decoding.hops6 : decoding.hops4) &= ~hop;
  } else {
    decoding.address_octets[number == kSourceAddress ? 0 : 1] = octets.size();
  }
  return true;
}

IpAddress address_of(std::span<const std::uint8_t> octets) {
  IpAddress address;
  if (octets.size() != 4 && octets.size() != 16) return address;
  address.ip_version = octets.size() == 4 ? 4 : 6;
  std::memcpy(address.octets, octets.data(), octets.size());
  return address;
}

/// Empty: it is no name of a monitor.
std::string_view monitor_of(std::span<const std::uint8_t> octets) {
  const std::string_view name(reinterpret_cast<const char*>(octets.data()), octets.size());
  return is_monitor_name(name) ? name : std::string_view();
}

/// Fills in what the message leaves out because it follows from the rest.
void complete_times(FlowRecord& record, const Decoding& decoding) {
  for (const Direction direction : {kForward, kReverse}) {
    if (record.packets[direction] == 0) {
      record.first_ns[direction] = 0;
      record.last_ns[direction] = 0;
    } else if (record.first_ns[direction] == 0 && record.last_ns[direction] == 0) {
      record.first_ns[direction] = decoding.start_ns;
      record.last_ns[direction] = decoding.end_ns;
    }
  }
  // Only another producer sends records without packets. Their times are the forward direction's.
  if (record.total_packets() == 0) {
    record.first_ns[kForward] = decoding.start_ns;
    record.last_ns[kForward] = decoding.end_ns;
  }
}

/// Several labels, or one with what else `layer2` tells, are a stack.
void complete_labels(Decoding& decoding) {
  if (decoding.label_count == 0) return;
  if (decoding.label_count == 1 && !decoding.record.view().has(Section::layer2)) {
    decoding.record.add<LabelSection>().label = decoding.labels[0];
    return;
  }
  auto& stack = decoding.record.add<LabelStackSection>();
  for (std::uint32_t i = 0; i < decoding.label_count; ++i) stack.labels[i] = decoding.labels[i] << 4;
  stack.count = decoding.label_count;
}

/// Next hops of the flow's IP version stay; the section has no room for the other one (RFC 8950).
void complete_routing(Decoding& decoding) {
  static_assert(offsetof(RoutingSection, next_hop) == 0 && offsetof(RoutingSection, bgp_next_hop) == 32);
  auto& routing = decoding.record.add<RoutingSection>();
  routing.ip_version = decoding.record->ip_version;
  const unsigned others = routing.ip_version == 4 ? decoding.hops6 : decoding.hops4;
  for (unsigned hop = 0; hop < 4; ++hop) {
    if ((others >> hop & 1) != 0) std::memset(reinterpret_cast<std::uint8_t*>(&routing) + std::size_t{16} * hop, 0, 16);
  }
}

bool complete(Decoding& decoding) {
  FlowRecord& base = decoding.record.base();
  if (decoding.address_octets[0] == 0 || decoding.address_octets[0] != decoding.address_octets[1]) return false;
  base.ip_version = decoding.address_octets[0] == 4 ? 4 : 6;
  if (base.ether_type == 0) base.ether_type = ip_ether_type(base.ip_version);
  if (base.is_icmp()) {
    base.ports[kForward] = decoding.icmp[kForward];
    base.ports[kReverse] = decoding.icmp[kReverse];
  }
  if (base.packets[kReverse] == 0) {  // what else a foreign record says of a direction without packets means nothing
    base.tcp_flags[kReverse] = base.ip_tos[kReverse] = 0;
    if (base.is_icmp()) base.ports[kReverse] = 0;
  }
  complete_times(base, decoding);
  if (!decoding.has_tunnel) decoding.record.remove(Section::tunnel);
  complete_labels(decoding);
  if (decoding.record.view().has(Section::routing)) complete_routing(decoding);
  return true;
}

}  // namespace

bool decode_flow(std::span<const std::uint8_t> message, OwnedRecord& record, IpAddress* sampler_address,
                 std::string_view* monitor) {
  if (sampler_address != nullptr) *sampler_address = {};
  if (monitor != nullptr) *monitor = {};
  record = {};
  record->sampling_rate = 1;
  Decoding decoding{record};
  const std::uint8_t* at = message.data();
  const std::uint8_t* const end = at + message.size();
  while (at != end) {
    std::uint64_t tag = 0;
    if (!get_varint(at, end, tag) || tag > 0xffff'ffff) return false;
    const std::uint64_t field = tag >> 3;
    if (field == 0) return false;
    std::uint64_t value = 0;
    switch (tag & 7) {
      case kVarint:
        if (!get_varint(at, end, value) || !store_number(field, value, decoding)) return false;
        break;
      case kLengthDelimited: {
        if (!get_varint(at, end, value) || value > static_cast<std::uint64_t>(end - at)) return false;
        const std::span<const std::uint8_t> octets(at, static_cast<std::size_t>(value));
        if (!store_octets(field, octets, decoding)) return false;
        if (field == kMonitorNumber && monitor != nullptr) *monitor = monitor_of(octets);
        if (field == kSamplerAddressNumber && sampler_address != nullptr) *sampler_address = address_of(octets);
        at += value;
        break;
      }
      case kFixed64:
        if (end - at < 8) return false;
        at += 8;
        break;
      case kFixed32:
        if (end - at < 4) return false;
        at += 4;
        break;
      default:
        return false;  // groups: not in proto3
    }
  }
  return complete(decoding);
}

DelimitedMessage next_delimited(std::span<const std::uint8_t> stream) {
  const std::uint8_t* at = stream.data();
  const std::uint8_t* const end = at + stream.size();
  std::uint64_t length = 0;
  if (!get_varint(at, end, length)) {
    // Two octets hold every accepted length, but varints padded to up to ten octets are legal.
    return {stream.size() < 10 ? DelimitedStatus::need_more : DelimitedStatus::malformed, {}, 0};
  }
  if (length > kFlowProtobufLongestAccepted) return {DelimitedStatus::malformed, {}, 0};
  if (static_cast<std::uint64_t>(end - at) < length) return {DelimitedStatus::need_more, {}, 0};
  return {DelimitedStatus::complete,
          {at, static_cast<std::size_t>(length)},
          static_cast<std::size_t>(at - stream.data()) + static_cast<std::size_t>(length)};
}

}  // namespace weir
