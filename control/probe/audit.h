// Lines of the log that say who asked for what. They are written whatever level is logged, so that nobody who can lower
// the level can do anything unseen.
#pragma once

#include <spdlog/logger.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace weir {

/// Any thread.
inline void audit(spdlog::level::level_enum level, const std::string& line) {
  const auto now = spdlog::default_logger();
  const std::shared_ptr<spdlog::logger> always = now->clone(now->name());  // with the same sinks
  always->set_level(spdlog::level::trace);
  always->log(level, line);
}

}  // namespace weir
