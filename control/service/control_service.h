// ControlService: the gRPC service on weir's unix socket.
//
// gRPC takes over a socket that another process serves without a word, so an exclusive lock on PATH.lock is taken
// first: it tells a second instance (refused) from a stale socket that a killed process left (removed).
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "control/service/change_source.h"
#include "control/service/flow_source.h"
#include "control/service/status_source.h"

namespace weir {

class ControlService {
 public:
  /// Serves `source`, and what `flows` knows of live flows and `changes` does to the configuration (nullptr: nothing
  /// does), on `socket_path` (mode 0660).
  /// Error: one line; names the process that has the socket.
  static tl::expected<std::unique_ptr<ControlService>, std::string> start(const std::string& socket_path,
                                                                          StatusSource& source,
                                                                          FlowSource* flows = nullptr,
                                                                          ChangeSource* changes = nullptr);
  ControlService(const ControlService&) = delete;
  ControlService& operator=(const ControlService&) = delete;
  ~ControlService();  ///< stops serving, removes socket and lock

 private:
  struct Impl;
  explicit ControlService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
