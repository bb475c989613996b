// ProbeFacts: what exporters tell collectors of the probe as a whole, and cannot know themselves.
//
// Written by the supervisor (interfaces once, or, of raw records, every second, as the rest), read by the exporters
// when they send options data.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proto/encode/options_data.h"

namespace weir {

class ProbeFacts {
 public:
  void set_interfaces(std::vector<InterfaceName> interfaces) {
    const std::lock_guard lock(mutex_);
    interfaces_ = std::move(interfaces);
  }
  /// Empty: nobody knows it.
  [[nodiscard]] std::string interface_name(std::uint32_t index) const {
    const std::lock_guard lock(mutex_);
    for (const InterfaceName& interface : interfaces_) {
      if (interface.index == index) return interface.name;
    }
    return {};
  }
  /// Frames that never came into a flow: rejected, not sampled, filtered out, lost between workers.
  void set_ignored(std::uint64_t packets, std::uint64_t octets) {
    const std::lock_guard lock(mutex_);
    ignored_packets_ = packets;
    ignored_octets_ = octets;
  }
  /// Records that were lost before the exporters saw them.
  void set_lost(std::vector<NamedLoss> lost) {
    const std::lock_guard lock(mutex_);
    lost_ = std::move(lost);
  }
  /// Adds what is known to `account`.
  void put(ExportAccount& account) const {
    const std::lock_guard lock(mutex_);
    account.interfaces = interfaces_;
    account.ignored_packets = ignored_packets_;
    account.ignored_octets = ignored_octets_;
    for (const NamedLoss& loss : lost_) {
      account.observed_flows += loss.records;
      account.losses.push_back(loss);
    }
  }

 private:
  mutable std::mutex mutex_;
  std::vector<InterfaceName> interfaces_;
  std::uint64_t ignored_packets_ = 0;
  std::uint64_t ignored_octets_ = 0;
  std::vector<NamedLoss> lost_;
};

}  // namespace weir
