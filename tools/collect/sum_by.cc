#include "tools/collect/sum_by.h"

#include <algorithm>
#include <random>

#include "proto/base/split.h"

namespace weir {
namespace {

constexpr std::size_t kMostExporterOctets = 45;
constexpr std::string_view kSamplerAddress = "sampler_address";

/// The text of the field at the beginning of `key`, which is taken off.
std::string take_text(std::string_view& key, const SumBy::Field& field) {
  if (!field.sampler_address) return take_group_text(key, field);
  const auto octets = static_cast<std::size_t>(static_cast<std::uint8_t>(key[0]));
  std::string text(key.substr(1, octets));
  key.remove_prefix(1 + octets);
  return text;
}

}  // namespace

std::string SumBy::Field::name() const {
  return sampler_address ? std::string(kSamplerAddress) : GroupField::name();
}
bool SumBy::Field::is_number() const {
  return !sampler_address && GroupField::is_number();
}

std::string SumBy::names() {
  return group_field_names() + ", " + std::string(kSamplerAddress);
}

tl::expected<std::vector<SumBy::Field>, std::string> SumBy::parse(std::string_view list) {
  std::vector<SumBy::Field> fields;
  for (const std::string_view word : split(list, ',')) {
    SumBy::Field field;
    field.sampler_address = word == kSamplerAddress;
    if (!field.sampler_address) {
      const auto parsed = parse_group_field(word, names());
      if (!parsed) return tl::make_unexpected(parsed.error());
      static_cast<GroupField&>(field) = *parsed;
    }
    const bool twice = std::any_of(fields.begin(), fields.end(),
                                   [&](const SumBy::Field& other) { return other.name() == field.name(); });
    if (twice) return tl::make_unexpected("'" + std::string(word) + "' is there twice");
    fields.push_back(field);
  }
  return fields;
}

SumBy::SumBy(std::vector<SumBy::Field> fields, std::size_t max_keys)
    : fields_(std::move(fields)), max_keys_(max_keys), sums_(0, Hash{{std::random_device{}()}}) {}

void SumBy::add(RecordView record, std::string_view sampler_address, std::uint64_t rate) {
  if (record->packets[kForward] != 0 || record->packets[kReverse] == 0) {
    add_direction(record, kForward, sampler_address, rate);
  }
  if (record->packets[kReverse] != 0) add_direction(record, kReverse, sampler_address, rate);
}

void SumBy::add_direction(RecordView record, Direction direction, std::string_view sampler_address,
                          std::uint64_t rate) {
  key_.clear();
  for (const SumBy::Field& field : fields_) {
    if (field.sampler_address) {
      const std::string_view address = sampler_address.substr(0, kMostExporterOctets);
      key_ += static_cast<char>(address.size());
      key_ += address;
    } else {
      put_group_field(key_, field, direction, record);
    }
  }
  const auto found = sums_.find(std::string_view(key_));
  Sums* sums = &remainder_;
  if (found != sums_.end()) {
    sums = &found->second;
  } else if (sums_.size() < max_keys_) {
    sums = &sums_.emplace(key_, Sums{}).first->second;
  }
  ++sums->records;
  sums->packets += rate * record->packets[direction];
  sums->octets += rate * record->octets[direction];
}

std::vector<SumBy::Row> SumBy::top(std::size_t count) const {
  std::vector<const std::pair<const std::string, Sums>*> entries;
  entries.reserve(sums_.size());
  for (const auto& entry : sums_) entries.push_back(&entry);
  if (count == 0 || count > entries.size()) count = entries.size();
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count), entries.end(),
                    [](const auto* a, const auto* b) {
                      if (a->second.octets != b->second.octets) return a->second.octets > b->second.octets;
                      return a->first < b->first;
                    });
  std::vector<Row> rows;
  rows.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Row row{{}, entries[i]->second};
    std::string_view key = entries[i]->first;
    for (const SumBy::Field& field : fields_) row.values.push_back(take_text(key, field));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weir
