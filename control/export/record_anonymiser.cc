#include "control/export/record_anonymiser.h"

#include <array>
#include <cstring>
#include <span>

#include "proto/record/fields.h"

namespace weir {
namespace {

/// A value that tells whose a record is.
struct Telling {
  Section section = Section::base;
  Form form = Form::number;
  std::uint16_t offset = 0;
  std::uint16_t octets = 0;
};

/// All of them, each once: mirrored rows name both ends, and are in the table for each end.
struct AllTelling {
  std::array<Telling, 2 * kFieldRows.size()> values{};
  std::size_t count = 0;

  constexpr void add(const Telling& value) {
    for (std::size_t i = 0; i < count; ++i) {
      if (values[i].section == value.section && values[i].offset == value.offset) return;
    }
    values[count++] = value;
  }
};

constexpr AllTelling kTelling = [] {
  AllTelling all;
  for (const FieldRow& row : kFieldRows) {
    const Field& field = row.field;
    if (field.form != Form::address && field.form != Form::mac && field.form != Form::text) continue;
    for (const std::uint16_t offset : field.place.offset)
      all.add({row.section, field.form, offset, field.place.octets});
  }
  return all;
}();

/// What is left out whole.
constexpr std::array kLeftOut{Section::ids, Section::routing, Section::as_path, Section::as_names};
constexpr std::uint32_t kLeftOutBits = [] {
  std::uint32_t bits = 0;
  for (const Section section : kLeftOut) bits |= section_bit(section);
  return bits;
}();

bool is_zero(const std::uint8_t* octets, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (octets[i] != 0) return false;
  }
  return true;
}

/// The IP version of a section's addresses; 0: it has none.
std::uint8_t ip_version_of(Section section, const void* octets, const FlowRecord& record) {
  return section == Section::tunnel ? static_cast<const TunnelSection*>(octets)->ip_version : record.ip_version;
}

}  // namespace

RecordSpan RecordAnonymiser::anonymise(RecordSpan records) {
  copies_.clear();
  for (const RecordView record : records) {
    if ((record->sections & kLeftOutBits) != 0) {
      OwnedRecord shorter(record);
      for (const Section section : kLeftOut) shorter.remove(section);
      copies_.append(shorter.view());
    } else {
      copies_.append(record);
    }
    change(copies_.mutable_base(copies_.size() - 1));
  }
  return copies_.span();
}

void RecordAnonymiser::change(FlowRecord& record) {
  for (const Telling& one : std::span(kTelling.values).first(kTelling.count)) {
    if (one.section != Section::base && (record.sections & section_bit(one.section)) == 0) continue;
    auto* const section = reinterpret_cast<std::uint8_t*>(&record) +
                          (one.section == Section::base ? 0 : section_offset(record.sections, one.section));
    std::uint8_t* const value = section + one.offset;
    if (one.form == Form::mac) {
      std::memset(value, 0, one.octets);
    } else if (one.form == Form::text) {
      const bool had_some = value[1] != 0;
      std::memset(value, 0, one.octets);
      value[0] = had_some ? 1 : 0;
    } else if (one.section != Section::base && is_zero(value, one.octets)) {
      continue;  // nobody knows it
    } else if (const std::uint8_t version = ip_version_of(one.section, section, record); version == 4) {
      pan_.anonymise4(value);
    } else if (version == 6) {
      pan_.anonymise6(value);
    }
  }
}

}  // namespace weir
