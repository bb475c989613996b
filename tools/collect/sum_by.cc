#include "tools/collect/sum_by.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "proto/base/byte_order.h"
#include "proto/record/flow_json.h"

namespace weir {
namespace {

using Field = SumBy::Field;

constexpr std::array<std::string_view, 13> kNames = {"src_addr", "dst_addr",   "src_port",       "dst_port", "proto",
                                                     "ip_tos",   "tcp_flags",  "vlan_id",        "etype",    "in_if",
                                                     "out_if",   "end_reason", "sampler_address"};
static_assert(kNames.size() == static_cast<std::size_t>(Field::sampler_address) + 1);

constexpr std::size_t kMostExporterOctets = 45;

void put(std::string& key, std::uint64_t value, unsigned octets) {
  while (octets-- > 0) key += static_cast<char>(value >> (8 * octets));
}

std::uint64_t take(std::string_view& key, unsigned octets) {
  const std::uint64_t value = be_integer({reinterpret_cast<const std::uint8_t*>(key.data()), octets});
  key.remove_prefix(octets);
  return value;
}

/// Octets of a number in the key; 0 for an address or a name, which say themselves.
constexpr unsigned octets_of(Field field) {
  switch (field) {
    case Field::src_port:
    case Field::dst_port:
    case Field::vlan_id:
    case Field::etype:
      return 2;
    case Field::proto:
    case Field::ip_tos:
    case Field::tcp_flags:
    case Field::end_reason:
      return 1;
    case Field::in_if:
    case Field::out_if:
      return 4;
    case Field::src_addr:
    case Field::dst_addr:
    case Field::sampler_address:
      return 0;
  }
  return 0;
}

}  // namespace

std::string_view address_of_exporter(std::string_view exporter) {
  const std::size_t colon = exporter.rfind(':');
  if (colon != std::string_view::npos) exporter = exporter.substr(0, colon);
  if (exporter.size() > 2 && exporter.front() == '[') exporter = exporter.substr(1, exporter.size() - 2);
  return exporter;
}

tl::expected<std::vector<Field>, std::string> SumBy::parse(std::string_view list) {
  std::vector<Field> fields;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    const std::string_view word = list.substr(at, comma - at);
    const auto* const found = std::find(kNames.begin(), kNames.end(), word);
    if (found == kNames.end()) {
      std::string names;
      for (const std::string_view known : kNames) names += (names.empty() ? "" : ", ") + std::string(known);
      return tl::make_unexpected("'" + std::string(word) + "' is no field to sum by: " + names);
    }
    const auto field = static_cast<Field>(found - kNames.begin());
    if (std::find(fields.begin(), fields.end(), field) != fields.end()) {
      return tl::make_unexpected("'" + std::string(word) + "' is there twice");
    }
    fields.push_back(field);
    at = comma + 1;
  }
  return fields;
}

std::string_view SumBy::name(Field field) {
  return kNames[static_cast<std::size_t>(field)];
}
bool SumBy::is_number(Field field) {
  return octets_of(field) != 0;
}

SumBy::SumBy(std::vector<Field> fields, std::size_t max_keys)
    : fields_(std::move(fields)), max_keys_(max_keys), sums_(0, Hash{std::random_device{}()}) {}

std::size_t SumBy::Hash::operator()(std::string_view key) const {
  // A 64 x 64 -> 128 multiply for each 8 octets, the halves folded: no set of keys collides under every seed.
  __extension__ using Wide = unsigned __int128;
  std::uint64_t hash = seed ^ key.size();
  while (!key.empty()) {
    std::uint64_t word = 0;
    const std::size_t octets = std::min<std::size_t>(8, key.size());
    std::memcpy(&word, key.data(), octets);
    key.remove_prefix(octets);
    const Wide product = static_cast<Wide>(hash ^ word ^ 0x9e3779b97f4a7c15) * (seed << 1 | 1);
    hash = (static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64)) + word;
  }
  return hash;
}

void SumBy::add(const FlowRecord& record, const RecordDetails* details) {
  if (record.packets[kForward] != 0 || record.packets[kReverse] == 0) add_direction(record, kForward, details);
  if (record.packets[kReverse] != 0) add_direction(record, kReverse, details);
}

void SumBy::add_direction(const FlowRecord& record, Direction direction, const RecordDetails* details) {
  const bool forward = direction == kForward;
  key_.clear();
  const auto put_address = [&](const std::uint8_t* address) {
    key_ += static_cast<char>(record.ip_version);
    key_.append(reinterpret_cast<const char*>(address), record.ip_version == 4 ? 4 : 16);
  };
  for (const Field field : fields_) {
    switch (field) {
      case Field::src_addr:
        put_address(forward ? record.source_address : record.destination_address);
        break;
      case Field::dst_addr:
        put_address(forward ? record.destination_address : record.source_address);
        break;
      case Field::src_port:
        put(key_, forward ? record.source_port : record.destination_port, 2);
        break;
      case Field::dst_port:
        put(key_, forward ? record.destination_port : record.source_port, 2);
        break;
      case Field::proto:
        put(key_, record.protocol, 1);
        break;
      case Field::ip_tos:
        put(key_, record.ip_tos[direction], 1);
        break;
      case Field::tcp_flags:
        put(key_, record.tcp_flags[direction], 1);
        break;
      case Field::vlan_id:
        put(key_, record.vlan_id, 2);
        break;
      case Field::etype:
        put(key_, record.ether_type, 2);
        break;
      case Field::in_if:
        put(key_, record.ingress_interface, 4);
        break;
      case Field::out_if:
        put(key_, details == nullptr ? 0 : details->flow.egress_interface, 4);
        break;
      case Field::end_reason:
        put(key_, static_cast<std::uint64_t>(record.end_reason), 1);
        break;
      case Field::sampler_address: {
        const std::string_view address =
            (details == nullptr ? std::string_view() : address_of_exporter(details->exporter))
                .substr(0, kMostExporterOctets);
        put(key_, address.size(), 1);
        key_ += address;
        break;
      }
    }
  }
  auto found = sums_.find(std::string_view(key_));
  Sums* sums = &remainder_;
  if (found != sums_.end()) {
    sums = &found->second;
  } else if (sums_.size() < max_keys_) {
    sums = &sums_.emplace(key_, Sums{}).first->second;
  }
  ++sums->records;
  sums->packets += record.packets[direction];
  sums->octets += record.octets[direction];
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
    for (const Field field : fields_) {
      if (is_number(field)) {
        row.values.push_back(std::to_string(take(key, octets_of(field))));
      } else if (field == Field::sampler_address) {
        const auto octets = static_cast<std::size_t>(take(key, 1));
        row.values.emplace_back(key.substr(0, octets));
        key.remove_prefix(octets);
      } else {
        const auto version = static_cast<std::uint8_t>(take(key, 1));
        const std::size_t octets = version == 4 ? 4 : 16;
        char text[kAddressTextMaxOctets];
        row.values.emplace_back(text,
                                write_address_text(text, reinterpret_cast<const std::uint8_t*>(key.data()), version));
        key.remove_prefix(octets);
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weir
