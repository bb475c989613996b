#include "proto/record/flow_protobuf.h"

#include <bit>
#include <cstring>
#include <utility>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

constexpr std::uint16_t number_of(const Column& column) {
  return kFieldRows[column.row].field.protobuf[column.side];
}

constexpr std::size_t sent_count() {
  std::size_t count = 0;
  for (const Column& column : kColumns) count += number_of(column) != 0 ? 1 : 0;
  return count;
}

/// The columns that are sent, by ascending field number.
constexpr auto kSent = [] {
  std::array<Column, sent_count()> sent{};
  std::size_t count = 0;
  for (const Column& column : kColumns) {
    if (number_of(column) == 0) continue;
    std::size_t at = count++;
    for (; at > 0 && number_of(sent[at - 1]) > number_of(column); --at) sent[at] = sent[at - 1];
    sent[at] = column;
  }
  return sent;
}();
constexpr std::uint32_t kGreatestNumber = number_of(kSent.back());
/// How many of them come before the sampler's address.
constexpr std::size_t kBeforeSampler = [] {
  std::size_t count = 0;
  while (number_of(kSent[count]) < kSamplerAddressNumber) ++count;
  return count;
}();
static_assert(number_of(kSent[kBeforeSampler]) > kSamplerAddressNumber, "no column has its number");

/// A tag's octets. Field numbers up to 2047 need at most two.
struct Tag {
  std::uint8_t octets[2];
  std::size_t length;
};
static_assert(kGreatestNumber < 2048);

constexpr Tag make_tag(std::uint32_t field, std::uint32_t wire_type) {
  const std::uint32_t value = field << 3 | wire_type;
  if (value < 0x80) return {{static_cast<std::uint8_t>(value), 0}, 1};
  return {{static_cast<std::uint8_t>(value | 0x80), static_cast<std::uint8_t>(value >> 7)}, 2};
}

/// The 56 least bits, seven in each octet: halves, quarters and eighths move apart. BMI2's PDEP does it in one
/// instruction, which Zen and Zen 2 have in microcode only.
inline std::uint64_t spread_sevens(std::uint64_t value) {
  value = (value & 0x0000'0000'0fff'ffff) | (value & 0x00ff'ffff'f000'0000) << 4;
  value = (value & 0x0000'3fff'0000'3fff) | (value & 0x0fff'c000'0fff'c000) << 2;
  return (value & 0x007f'007f'007f'007f) | (value & 0x3f80'3f80'3f80'3f80) << 1;
}

/// Seven bits an octet, the least first, the top bit set in all but the last. One octet is the usual case, and a branch
/// that is foreseen; longer ones are spread over a word in one go, and stored as a whole: up to kVarintSlack octets
/// after the varint are written, too.
inline std::uint8_t* put_varint(std::uint8_t* out, std::uint64_t value) {
  if (value < 0x80) {
    *out = static_cast<std::uint8_t>(value);
    return out + 1;
  }
  constexpr std::uint64_t kGoesOn = 0x8080'8080'8080'8080;
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  const std::uint64_t spread = spread_sevens(value);
  if (bits <= 56) {
    const unsigned octets = (bits + 6) / 7;
    const std::uint64_t word = spread | (kGoesOn & ((std::uint64_t{1} << (8 * (octets - 1))) - 1));
    std::memcpy(out, &word, sizeof word);
    return out + octets;
  }
  const std::uint64_t word = spread | kGoesOn;
  std::memcpy(out, &word, sizeof word);
  const bool tenth = bits > 63;
  out[8] = static_cast<std::uint8_t>((value >> 56) | (tenth ? 0x80 : 0));
  out[9] = static_cast<std::uint8_t>(value >> 63);
  return out + (tenth ? 10 : 9);
}

template <std::uint32_t kNumber, std::uint32_t kType>
std::uint8_t* put_tag(std::uint8_t* out) {
  constexpr Tag kTag = make_tag(kNumber, kType);
  std::memcpy(out, kTag.octets, kTag.length);
  return out + kTag.length;
}

/// `repeated uint32`, packed as proto3 has it: each value shifted, as label values go without traffic class and bottom
/// of stack.
std::uint8_t* put_list(std::uint8_t* out, const std::uint32_t* values, std::uint32_t count, unsigned shift) {
  std::uint8_t* end = out + 1;  // ten labels of three octets at most, or eight bins of five: one octet of length
  for (std::uint32_t i = 0; i < count; ++i) end = put_varint(end, values[i] >> shift);
  *out = static_cast<std::uint8_t>(end - out - 1);
  return end;
}

/// The same of a histogram, which is left out where nothing is in it.
template <std::uint32_t kNumber>
std::uint8_t* put_histogram(std::uint8_t* out, const std::uint8_t* at) {
  std::uint32_t bins[kHistogramBins];
  std::memcpy(bins, at, sizeof bins);
  std::uint32_t any = 0;
  for (const std::uint32_t bin : bins) any |= bin;
  return any == 0 ? out : put_list(put_tag<kNumber, kLengthDelimited>(out), bins, kHistogramBins, 0);
}

/// `repeated FirstPacket`: a message for each packet, with its facts as fields from 1 on.
template <std::uint32_t kNumber>
std::uint8_t* put_packets(std::uint8_t* out, const PacketsSection& section) {
  static_assert(protobuf_detail::packet_octets() < 0x80, "one octet of length");
  for (std::uint32_t i = 0; i < section.size(); ++i) {
    out = put_tag<kNumber, kLengthDelimited>(out);
    std::uint8_t* end = out + 1;
    std::uint32_t number = 0;
    for (const ListedFact& fact : kListedFacts) {
      ++number;
      const std::uint64_t value = fact.get(section.packets[i]);
      if (value == 0) continue;
      *end++ = static_cast<std::uint8_t>(number << 3 | kVarint);
      end = put_varint(end, value);
    }
    *out = static_cast<std::uint8_t>(end - out - 1);
    out = end;
  }
  return out;
}

template <std::size_t kIndex>
inline std::uint8_t* put_column(std::uint8_t* out, const void* section) {
  constexpr Column kColumn = kSent[kIndex];
  constexpr const FieldRow& kRow = kFieldRows[kColumn.row];
  constexpr std::uint32_t kNumber = number_of(kColumn);
  const auto* const at = static_cast<const std::uint8_t*>(section) + kRow.field.place.offset[kColumn.side];
  if constexpr (kRow.section == Section::label) {
    const auto& label = *static_cast<const LabelSection*>(section);
    return put_list(put_tag<kNumber, kLengthDelimited>(out), &label.label, 1, 0);
  } else if constexpr (kRow.field.form == Form::labels) {
    const auto& stack = *static_cast<const LabelStackSection*>(section);
    const std::uint32_t count = stack.count < LabelStackSection::kMost ? stack.count : LabelStackSection::kMost;
    return put_list(put_tag<kNumber, kLengthDelimited>(out), stack.labels, count, 4);
  } else if constexpr (kRow.field.form == Form::histogram) {
    return put_histogram<kNumber>(out, at);
  } else if constexpr (kRow.field.form == Form::packets) {
    return put_packets<kNumber>(out, *static_cast<const PacketsSection*>(section));
  } else if constexpr (kRow.field.form == Form::address) {
    const std::uint8_t version = address_version(kRow.section, section);
    if ((kRow.field.marks & kCarrierOnly) != 0 && version == 0) return out;
    const std::uint8_t length = version == 4 ? 4 : 16;
    out = put_tag<kNumber, kLengthDelimited>(out);
    *out++ = length;
    std::memcpy(out, at, length);
    return out + length;
  } else if constexpr (kRow.field.form == Form::community_id) {
    out = put_tag<kNumber, kLengthDelimited>(out);
    *out++ = kCommunityIdTextOctets;
    return reinterpret_cast<std::uint8_t*>(write_community_id(reinterpret_cast<char*>(out), at));
  } else {
    constexpr bool kMayBeAbsent = kRow.field.presence.bits != 0;
    if constexpr (kMayBeAbsent) {
      if (!kRow.field.presence.holds(section)) return out;
    }
    std::uint64_t value = 0;
    if constexpr (kRow.field.form == Form::mac) {
      value = be_integer({at, 6});
    } else {
      value = field_number<kColumn.row, kColumn.side>(section);
    }
    if (!kMayBeAbsent && (kRow.field.marks & kOptionalInProto) == 0 && value == 0) return out;
    return put_varint(put_tag<kNumber, kVarint>(out), value);
  }
}

template <bool kSections, std::size_t kIndex>
inline std::uint8_t* put_if_there(std::uint8_t* out, RecordView record) {
  constexpr Section kSection = kFieldRows[kSent[kIndex].row].section;
  if constexpr (kSection == Section::base) {
    return put_column<kIndex>(out, &*record);
  } else if constexpr (kSections) {
    const void* const section = record.find(kSection);
    return section == nullptr ? out : put_column<kIndex>(out, section);
  } else {
    return out;
  }
}

template <bool kSections, std::size_t kFirst, std::size_t... kIndex>
inline std::uint8_t* put_columns(std::uint8_t* out, RecordView record, std::index_sequence<kIndex...> /*indices*/) {
  ((out = put_if_there<kSections, kFirst + kIndex>(out, record)), ...);
  return out;
}

template <bool kSections>
inline std::uint8_t* put_all(std::uint8_t* out, RecordView record, const IpAddress& sampler) {
  out = put_columns<kSections, 0>(out, record, std::make_index_sequence<kBeforeSampler>{});
  if (sampler.has_value()) {
    out = put_tag<kSamplerAddressNumber, kLengthDelimited>(out);
    *out++ = static_cast<std::uint8_t>(sampler.size());
    std::memcpy(out, sampler.octets, sizeof sampler.octets);
    out += sampler.size();
  }
  return put_columns<kSections, kBeforeSampler>(out, record, std::make_index_sequence<kSent.size() - kBeforeSampler>{});
}

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
                kForm == Form::histogram || kForm == Form::packets || kSection == Section::label) {
    return nullptr;
  } else {
    return store_column<kIndex>;
  }
}

/// By field number: how a number is stored; nullptr: it is none of weir's, or no number.
constexpr auto kStores = []<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
  std::array<Store, kGreatestNumber + 1> stores{};
  ((stores[number_of(kSent[kIndex])] = store_of<kIndex>()), ...);
  return stores;
}
(std::make_index_sequence<kSent.size()>{});

/// By field number: the place in kSent, plus 1.
constexpr auto kPlaces = [] {
  std::array<std::uint8_t, kGreatestNumber + 1> places{};
  for (std::size_t i = 0; i < kSent.size(); ++i) places[number_of(kSent[i])] = static_cast<std::uint8_t>(i + 1);
  return places;
}();
static_assert(kSent.size() < 255);

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

constexpr std::uint64_t kGreatestLabel = (1 << 20) - 1;  // RFC 3032 section 2.1

/// An address, a list of labels or packets, a histogram, or a Community ID; anything else is skipped.
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
  if (row.field.form == Form::packets) return store_packet(octets, decoding.record.add<PacketsSection>());
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
  return true;
}

}  // namespace

std::uint8_t* write_flow_protobuf(std::uint8_t* out, RecordView record, const IpAddress& sampler_address) {
  // Most messages are longer than 127 octets, so two octets are left for the length; one is removed if one suffices.
  std::uint8_t* const message = out + 2;
  std::uint8_t* const at = (record->sections & kAllSections) == 0 ? put_all<false>(message, record, sampler_address)
                                                                  : put_all<true>(message, record, sampler_address);
  const auto length = static_cast<std::size_t>(at - message);
  static_assert(kFlowProtobufMaxOctets < 1 << 14, "a length of two octets");
  if (length < 0x80) {
    out[0] = static_cast<std::uint8_t>(length);
    std::memmove(out + 1, message, length);
    return out + 1 + length;
  }
  out[0] = static_cast<std::uint8_t>(length | 0x80);
  out[1] = static_cast<std::uint8_t>(length >> 7);
  return at;
}

bool decode_flow(std::span<const std::uint8_t> message, OwnedRecord& record, IpAddress* sampler_address) {
  if (sampler_address != nullptr) *sampler_address = {};
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
