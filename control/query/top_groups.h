// TopGroups: sums of live flows by fields of the asker's choice, and the largest of them.
//
// Each direction of a flow counts for itself (group_key.h). Keys lie one after the other in one string; the table that
// finds them has open addresses and 32-bit places, so that a group of the 5-tuple costs about 100 octets. At most
// kMostGroups are kept; what comes past that is summed as one remainder, so that the sums add up whatever is in the
// table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/query/record_filter.h"
#include "proto/record/group_key.h"

namespace weir {

enum class TopSort : std::uint8_t { bytes, packets, rate, flows };

class TopGroups {
 public:
  /// About 400 MB of them by the 5-tuple.
  static constexpr std::size_t kMostGroups = std::size_t{4} << 20;

  struct Sums {
    std::uint64_t flows = 0;  ///< directions of flows
    std::uint64_t packets = 0;
    std::uint64_t octets = 0;
    double bits_per_second = 0;

    Sums& operator+=(const Sums& other);
  };
  struct Row {
    std::vector<std::string> values;  ///< of the fields, as text
    Sums sums;
  };

  TopGroups(std::vector<GroupField> fields, RecordFilter filter, std::size_t most_groups = kMostGroups);

  /// Counts the directions of the flow that have packets and that the filter keeps.
  void add(RecordView record, std::uint64_t now_ns);

  [[nodiscard]] const std::vector<GroupField>& fields() const { return fields_; }
  [[nodiscard]] std::size_t size() const { return groups_.size(); }
  /// Flows of which a direction counted.
  [[nodiscard]] std::uint64_t matched() const { return matched_; }
  [[nodiscard]] const Sums& all() const { return all_; }
  /// Of all(): what found no room.
  [[nodiscard]] const Sums& remainder() const { return remainder_; }
  /// The `count` largest, the largest first; equal ones by key.
  [[nodiscard]] std::vector<Row> top(std::size_t count, TopSort sort) const;

 private:
  struct Group {
    std::uint64_t hash;
    std::size_t key_at;
    std::uint32_t key_octets;
    Sums sums;
  };
  [[nodiscard]] std::string_view key_of(const Group& group) const {
    return std::string_view(keys_).substr(group.key_at, group.key_octets);
  }
  [[nodiscard]] Sums& sums_of_key();
  void grow();

  std::vector<GroupField> fields_;
  RecordFilter filter_;
  const std::size_t most_groups_;
  GroupHash hash_;
  std::vector<std::uint32_t> places_;  ///< by hash: number of the group + 1; 0: free. A power of two
  std::vector<Group> groups_;
  std::string keys_;
  std::string key_;  ///< kept for its memory
  Sums all_;
  Sums remainder_;
  std::uint64_t matched_ = 0;
};

}  // namespace weir
