#include "control/query/top_groups.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "control/query/flow_rate.h"

namespace weir {
namespace {

constexpr std::size_t kFirstPlaces = 1024;

/// Whether `a` is larger than `b`; of equals the key decides.
bool larger(const TopGroups::Sums& a, const TopGroups::Sums& b, TopSort sort, bool& equal) {
  const auto compare = [&](auto x, auto y) {
    equal = !(x < y) && !(y < x);
    return x > y;
  };
  switch (sort) {
    case TopSort::packets:
      return compare(a.packets, b.packets);
    case TopSort::rate:
      return compare(a.bits_per_second, b.bits_per_second);
    case TopSort::flows:
      return compare(a.flows, b.flows);
    case TopSort::bytes:
      break;
  }
  return compare(a.octets, b.octets);
}

}  // namespace

TopGroups::Sums& TopGroups::Sums::operator+=(const Sums& other) {
  flows += other.flows;
  packets += other.packets;
  octets += other.octets;
  bits_per_second += other.bits_per_second;
  return *this;
}

TopGroups::TopGroups(std::vector<GroupField> fields, RecordFilter filter, std::size_t most_groups)
    : fields_(std::move(fields)),
      filter_(std::move(filter)),
      most_groups_(most_groups),
      hash_{std::random_device{}()},
      places_(kFirstPlaces, 0) {}

void TopGroups::add(RecordView record, std::uint64_t now_ns) {
  const std::uint64_t age_ns = flow_age_ns(*record, now_ns);
  bool any = false;
  for (const Direction direction : {kForward, kReverse}) {
    if (record->packets[direction] == 0 || !filter_.keeps(record, direction)) continue;
    any = true;
    const Sums one{1, record->packets[direction], record->octets[direction],
                   flow_rate_bps(record->octets[direction], age_ns)};
    all_ += one;
    key_.clear();
    for (const GroupField& field : fields_) put_group_field(key_, field, direction, record);
    sums_of_key() += one;
  }
  matched_ += any ? 1 : 0;
}

/// Of the group of key_.
TopGroups::Sums& TopGroups::sums_of_key() {
  const std::uint64_t hash = hash_(key_);
  std::size_t at = hash & (places_.size() - 1);
  for (; places_[at] != 0; at = (at + 1) & (places_.size() - 1)) {
    Group& group = groups_[places_[at] - 1];
    if (group.hash == hash && key_of(group) == key_) return group.sums;
  }
  if (groups_.size() >= most_groups_) return remainder_;
  groups_.push_back({hash, keys_.size(), static_cast<std::uint32_t>(key_.size()), {}});
  keys_ += key_;
  places_[at] = static_cast<std::uint32_t>(groups_.size());
  if (groups_.size() * 2 > places_.size()) grow();
  return groups_.back().sums;
}

void TopGroups::grow() {
  std::vector<std::uint32_t> places(places_.size() * 2, 0);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    std::size_t at = groups_[i].hash & (places.size() - 1);
    while (places[at] != 0) at = (at + 1) & (places.size() - 1);
    places[at] = static_cast<std::uint32_t>(i + 1);
  }
  places_ = std::move(places);
}

std::vector<TopGroups::Row> TopGroups::top(std::size_t count, TopSort sort) const {
  std::vector<std::uint32_t> order(groups_.size());
  std::iota(order.begin(), order.end(), 0U);
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::uint32_t a, std::uint32_t b) {
                      bool equal = false;
                      const bool first = larger(groups_[a].sums, groups_[b].sums, sort, equal);
                      return equal ? key_of(groups_[a]) < key_of(groups_[b]) : first;
                    });
  std::vector<Row> rows;
  rows.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Group& group = groups_[order[i]];
    Row& row = rows.emplace_back(Row{{}, group.sums});
    std::string_view key = key_of(group);
    for (const GroupField& field : fields_) row.values.push_back(take_group_text(key, field));
  }
  return rows;
}

}  // namespace weir
