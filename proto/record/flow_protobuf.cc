#include "proto/record/flow_protobuf.h"

#include <bit>
#include <cstring>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/record/flow_protobuf_columns.h"

namespace weir {
namespace {

using namespace flow_protobuf;

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

/// `repeated uint32`, packed; a path of many large numbers has two octets of length.
template <std::uint32_t kNumber>
std::uint8_t* put_as_path(std::uint8_t* out, const AsPath& path) {
  std::uint64_t octets = 0;
  for (std::uint32_t i = 0; i < path.size(); ++i) {
    octets += static_cast<unsigned>(std::bit_width(path.numbers[i] | 1U) + 6) / 7;
  }
  out = put_varint(put_tag<kNumber, kLengthDelimited>(out), octets);
  for (std::uint32_t i = 0; i < path.size(); ++i) out = put_varint(out, path.numbers[i]);
  return out;
}

/// `optional bytes`: 254 octets at most, so the length has up to two.
template <std::uint32_t kNumber>
std::uint8_t* put_text(std::uint8_t* out, std::string_view text) {
  out = put_varint(put_tag<kNumber, kLengthDelimited>(out), text.size());
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

template <std::size_t kIndex>
inline std::uint8_t* put_column(std::uint8_t* out, const void* section) {
  constexpr Column kColumn = kSent[kIndex];
  constexpr const FieldRow& kRow = kFieldRows[kColumn.row];
  constexpr std::uint32_t kNumber = number_of(kColumn);
  const auto* const at = static_cast<const std::uint8_t*>(section) + kRow.field.place.offset[kColumn.side];
  if constexpr ((kRow.field.marks & kZeroIsNone) != 0) {
    if (!is_there(kRow.field, kColumn.side, static_cast<const std::uint8_t*>(section))) return out;
  }
  if constexpr (kRow.section == Section::label) {
    const auto& label = *static_cast<const LabelSection*>(section);
    return put_list(put_tag<kNumber, kLengthDelimited>(out), &label.label, 1, 0);
  } else if constexpr (kRow.field.form == Form::labels) {
    const auto& stack = *static_cast<const LabelStackSection*>(section);
    const std::uint32_t count = stack.count < LabelStackSection::kMost ? stack.count : LabelStackSection::kMost;
    return put_list(put_tag<kNumber, kLengthDelimited>(out), stack.labels, count, 4);
  } else if constexpr (kRow.field.form == Form::characters) {
    return put_text<kNumber>(out, characters_at(at, kRow.field.place.octets));
  } else if constexpr (kRow.field.form == Form::as_path) {
    return put_as_path<kNumber>(out, as_path_at(at));
  } else if constexpr (kRow.field.form == Form::histogram) {
    return put_histogram<kNumber>(out, at);
  } else if constexpr (kRow.field.form == Form::text) {
    return kRow.field.presence.holds(section) ? put_text<kNumber>(out, text_at(at)) : out;
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
inline std::uint8_t* put_some(std::uint8_t* out, RecordView record, std::index_sequence<kIndex...> /*indices*/) {
  ((out = put_if_there<kSections, kFirst + kIndex>(out, record)), ...);
  return out;
}

/// Columns kFirst to kEnd - 1. Clang nests a fold at most 256 deep, so they are put some at a time.
template <bool kSections, std::size_t kFirst, std::size_t kEnd>
inline std::uint8_t* put_columns(std::uint8_t* out, RecordView record) {
  constexpr std::size_t kAtOnce = 128;
  if constexpr (kEnd - kFirst > kAtOnce) {
    out = put_some<kSections, kFirst>(out, record, std::make_index_sequence<kAtOnce>{});
    return put_columns<kSections, kFirst + kAtOnce, kEnd>(out, record);
  } else {
    return put_some<kSections, kFirst>(out, record, std::make_index_sequence<kEnd - kFirst>{});
  }
}

template <bool kSections>
inline std::uint8_t* put_all(std::uint8_t* out, RecordView record, const IpAddress& sampler, std::string_view monitor) {
  out = put_columns<kSections, 0, kBeforeSampler>(out, record);
  if (sampler.has_value()) {
    out = put_tag<kSamplerAddressNumber, kLengthDelimited>(out);
    *out++ = static_cast<std::uint8_t>(sampler.size());
    std::memcpy(out, sampler.octets, sizeof sampler.octets);
    out += sampler.size();
  }
  out = put_columns<kSections, kBeforeSampler, kSent.size()>(out, record);
  if (!monitor.empty()) {
    static_assert(kMonitorNumber > kGreatestNumber, "the fields are sent by ascending number");
    out = put_tag<kMonitorNumber, kLengthDelimited>(out);
    *out++ = static_cast<std::uint8_t>(monitor.size());
    std::memcpy(out, monitor.data(), monitor.size());
    out += monitor.size();
  }
  return out;
}

}  // namespace

std::uint8_t* write_flow_protobuf(std::uint8_t* out, RecordView record, const IpAddress& sampler_address,
                                  std::string_view monitor) {
  // Most messages are longer than 127 octets, so two octets are left for the length; one is removed if one suffices.
  std::uint8_t* const message = out + 2;
  std::uint8_t* const at = (record->sections & kAllSections) == 0
                               ? put_all<false>(message, record, sampler_address, monitor)
                               : put_all<true>(message, record, sampler_address, monitor);
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

}  // namespace weir
