// Changeable: a running probe as seen by who changes its configuration.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "proto/schema/config.pb.h"

namespace weir {

class Changeable {
 public:
  virtual ~Changeable() = default;
  /// Makes `next`, which differs from what runs in hot fields alone, what runs; `effective` is the same as a message.
  /// `dry_run`: only looks whether that would go. Error: one line; then nothing has changed. Else what whoever asked
  /// should know of it, a line each.
  virtual tl::expected<std::vector<std::string>, std::string> change(const Settings& next, const v1::Config& effective,
                                                                     bool dry_run) = 0;
  /// Of an exporter, by name. Error: one line.
  virtual tl::expected<void, std::string> pause(const std::string& exporter, bool on) = 0;
};

}  // namespace weir
