// Differences: in which fields two configurations differ, and whether a running weir can go from the one to the other.
//
// When a change takes effect stands in the field's description (proto/schema/option.proto: effect). A change of a hot
// field may still have to wait, for a reason that lies in its values; then it says why.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proto/schema/config.pb.h"
#include "proto/schema/option.pb.h"

namespace weir {

struct ConfigDifference {
  std::string field;                ///< "idle_timeout"; "filter of monitor wide"
  std::vector<std::string> before;  ///< its values; empty: it has none. Keys in export URIs are ***
  std::vector<std::string> after;   ///< likewise
  v1::Effect effect = v1::RESTART;
  std::string why;  ///< why this change of a hot field waits for a restart; else empty

  /// "idle_timeout: 30s -> 5s"
  [[nodiscard]] std::string text() const;
};

/// Of two effective configurations, in the order of config.proto. Monitors are compared one by one where both have the
/// same ones in the same order.
[[nodiscard]] std::vector<ConfigDifference> differences(const v1::Config& before, const v1::Config& after);

/// Whether all of them take effect while weir runs.
[[nodiscard]] bool all_hot(std::span<const ConfigDifference> differences);

/// What waits for a restart, in one line: "needs a restart: workers, sample (why)". Nothing applies then. Empty: all is
/// hot.
[[nodiscard]] std::string restart_text(std::span<const ConfigDifference> differences);

/// The configuration for everybody to see: *** in place of keys in export URIs, and of the sampling key, which
/// foretells what is counted.
[[nodiscard]] v1::Config without_secrets(v1::Config config);

}  // namespace weir
