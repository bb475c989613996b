// MonitorNames: what records in JSON and protobuf call the monitor that made them, by its number.
//
// The name is no column of the field table: a record has the number, the configuration the name. Names are letters,
// digits, '.', '-' and '_', so that no form has to escape them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/record/flow_record.h"
#include "proto/record/learnt_names.h"

namespace weir {

/// Most octets of a name.
inline constexpr std::size_t kMostMonitorNameOctets = 32;

/// Whether a configuration can give the name.
[[nodiscard]] constexpr bool is_monitor_name(std::string_view name) {
  if (name.empty() || name.size() > kMostMonitorNameOctets) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_') return false;
  }
  return true;
}

class MonitorNames {
 public:
  MonitorNames() = default;
  /// Of records from elsewhere.
  explicit MonitorNames(std::shared_ptr<const LearntNames> learnt) : learnt_(std::move(learnt)) {}

  void add(std::string name) { names_.push_back(std::move(name)); }
  /// Empty: the record does not name its monitor.
  [[nodiscard]] std::string_view of(const FlowRecord& record) const {
    if (learnt_ != nullptr) return learnt_->of(record.monitor);
    return record.monitor < names_.size() ? std::string_view(names_[record.monitor]) : std::string_view();
  }

 private:
  std::vector<std::string> names_;
  std::shared_ptr<const LearntNames> learnt_;
};

}  // namespace weir
