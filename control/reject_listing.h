// `weir read --explain rejected`: the packets of each reject, by their numbers, which `--explain N` takes.
//
// A list is bounded: the first kMost numbers of a reason, and how many more there are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/packet/reject.h"

namespace weir {

class RejectListing {
 public:
  static constexpr std::size_t kMost = 20;

  /// A packet, with why it is rejected; Reject::none: it is not.
  void add(std::uint64_t number, Reject reject);
  /// A line for the whole, and three for each reason, with a line feed at the end.
  [[nodiscard]] std::string text() const;

 private:
  struct Packets {
    std::uint64_t count = 0;
    std::vector<std::uint64_t> first;
  };
  std::array<Packets, kRejectCount> by_reject_;
  std::uint64_t packets_ = 0;
  std::uint64_t rejected_ = 0;
};

}  // namespace weir
