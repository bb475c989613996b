// SilenceWatch: tells once that nothing has come from the kernel's sampler so far. Who joins in a network namespace
// where nothing is sampled is told of no error, and hears nothing.
#pragma once

#include <optional>
#include <string>

#include "dataplane/input/psample_source.h"

namespace weir {

class SilenceWatch {
 public:
  /// Looks without a packet after which it tells; there is one a second.
  static constexpr unsigned kLooks = 10;

  /// A warning, or nothing.
  std::optional<std::string> look(const PsampleTotals& totals) {
    if (!totals.groups.empty()) over_ = true;
    if (over_ || ++looks_ < kLooks) return std::nullopt;
    over_ = true;
    std::string text = "no packet has come for " + std::to_string(kLooks) + " s: ";
    text += totals.other_groups != 0
                ? "packets come, but of other groups than those that are named"
                : "something has to sample in this network namespace, as `tc filter add dev eth0 ingress matchall "
                  "action sample rate 100 group 1` does";
    return text;
  }

 private:
  unsigned looks_ = 0;
  bool over_ = false;
};

}  // namespace weir
