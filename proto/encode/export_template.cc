#include "proto/encode/export_template.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::uint16_t kLongestInteger = 8;

bool append(std::vector<OctetSource>& octets, std::uint32_t field_octets, const FieldSource& source, Direction way) {
  const std::uint16_t offset = source.offset[way];
  if (source.octets == 0) return false;
  if (!source.number) {
    if (field_octets != source.octets) return false;
    for (std::uint32_t i = 0; i < field_octets; ++i) {
      octets.push_back({source.base, static_cast<std::uint16_t>(offset + i)});
    }
    return true;
  }
  if (field_octets == 0 || field_octets > kLongestInteger) return false;
  for (std::uint32_t left = field_octets; left-- > 0;) {  // the most significant first
    octets.push_back(left < source.octets ? OctetSource{source.base, static_cast<std::uint16_t>(offset + left)}
                                          : OctetSource{});
  }
  return true;
}

}  // namespace

std::optional<ExportTemplate> ExportTemplate::compile(std::uint16_t id, std::span<const ListedField> base,
                                                      std::span<const ListedField> rest, std::uint32_t sections) {
  if (base.empty() && rest.empty()) return std::nullopt;
  ExportTemplate result;
  result.id_ = id;
  result.sections_ = rest.empty() ? 0 : sections;
  for (const ListedField& field : base) result.fields_.push_back(field.wire);
  for (const ListedField& field : rest) result.fields_.push_back(field.wire);
  for (const Direction way : {kForward, kReverse}) {
    std::vector<OctetSource> base_octets;
    for (const ListedField& field : base) {
      if (!append(base_octets, field.record_octets(), base_source(field), way)) return std::nullopt;
    }
    std::vector<OctetSource> section_octets;
    for (const ListedField& field : rest) {
      const FieldRow& row = field.row();
      if (row.field.wire.rule == WireRule::text && way == kForward) {
        const std::uint16_t place = row.field.place.offset[kForward];
        const auto image =
            static_cast<std::uint32_t>(sections_octets(sections & (section_bit(row.section) - 1)) + place);
        result.texts_.push_back(
            {row.section, field.variable_text(), field.whole_text(), field.wire.octets, place, image});
      }
      if (field.variable_text()) continue;
      if (field.packet_list()) {  // all of them are there, or none, since they have one name
        if (field.index == 0) result.list_element_ = row.field.wire.element;
        continue;
      }
      if (!append(section_octets, field.record_octets(), section_source(field, sections), way)) return std::nullopt;
    }
    result.record_octets_ = static_cast<std::uint32_t>(base_octets.size() + section_octets.size());
    result.base_programs_[way] = CopyProgram(base_octets, {sizeof(FlowRecord), sizeof(RecordValues)});
    result.section_programs_[way] =
        CopyProgram(section_octets, {section_image_octets(sections), sizeof(SectionValues)});
  }
  return result;
}

std::uint32_t ExportTemplate::texts_octets(RecordView record, const Tail& tail) const {
  std::uint32_t octets = 0;
  for (const TextSource& text : texts_) {
    if (text.variable) octets += 1 + static_cast<std::uint32_t>(sent_of(text, record, tail).size());
  }
  return octets;
}

ExportTemplate::Tail ExportTemplate::tail_of(RecordView record) const {
  Tail tail;
  if (list_element_ != 0) tail.octets += kEmptyPacketListsOctets;
  std::uint32_t texts = texts_octets(record, tail);
  const auto shorten_to = [&](std::uint32_t least) {
    while (tail.octets + texts > most_tail_octets_ && tail.most_text_octets > least) {
      --tail.most_text_octets;
      texts = texts_octets(record, tail);
    }
  };
  shorten_to(kLeastTextOctets);
  if (tail.octets + texts > most_tail_octets_) {
    tail.whole_texts = false;
    tail.most_text_octets = kMostTextOctets;
    texts = texts_octets(record, tail);
    shorten_to(0);
  }
  tail.octets += texts;
  const auto* const packets = list_element_ != 0 ? record.find<PacketsSection>() : nullptr;
  if (packets == nullptr) return tail;
  const std::uint32_t left = most_tail_octets_ > tail.octets ? most_tail_octets_ - tail.octets : 0;
  tail.packets = std::min(packets->size(), left / kListedPacketOctets);
  tail.octets += tail.packets * kListedPacketOctets;
  return tail;
}

void ExportTemplate::mark_cut(SectionImage& image, RecordView record, const Tail& tail) const {
  for (const TextSource& text : texts_) {
    const std::size_t most = text.variable ? sent_of(text, record, tail).size() : text.octets;
    if (text.of(record).size() > most) image.changed(sections_)[text.image] = 1;
  }
}

void ExportTemplate::turn(SectionImage& image, RecordView record) const {
  const auto change = [&]<typename S>(const S* of_record, auto&& how) {
    if (of_record == nullptr || (sections_ & kSectionBit<S>) == 0) return;
    S section = *of_record;
    how(section);
    std::memcpy(image.changed(sections_) + sections_octets(sections_ & (kSectionBit<S> - 1)), &section, sizeof section);
  };
  change(record.find<DirectionSection>(), [](DirectionSection& direction) { direction.turn(); });
  if (!interfaces_turn(record)) return;
  change(record.find<EgressSection>(), [](EgressSection& egress) { egress.interface = egress.reverse_interface; });
  change(record.find<InterfaceNamesSection>(), [](InterfaceNamesSection& names) { names.turn(); });
}

std::uint8_t* ExportTemplate::write_tail(std::uint8_t* out, RecordView record, const Tail& tail) const {
  for (const TextSource& text : texts_) {
    if (!text.variable) continue;
    const std::string_view octets = sent_of(text, record, tail);
    *out++ = static_cast<std::uint8_t>(octets.size());
    out = std::copy(octets.begin(), octets.end(), out);  // of no record without the section: there is none
  }
  if (list_element_ == 0) return out;
  return put_packet_lists(out, list_element_, record.find<PacketsSection>(), tail.packets);
}

}  // namespace weir
