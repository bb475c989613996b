// ControlService: the gRPC service on weir's unix socket.
//
// gRPC takes over a socket that another process serves without a word, so an exclusive lock on PATH.lock is taken
// first: it tells a second instance (refused) from a stale socket that a killed process left (removed).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "control/service/flow_source.h"
#include "control/service/operator_source.h"
#include "control/service/status_source.h"
#include "proto/schema/control_address.h"

namespace weir {

/// Who may ask.
struct ControlAccess {
  unsigned mode = 0660;                 ///< of the socket
  std::string group{};                  ///< of the socket, its name or number; empty: that of the process
  std::optional<ControlAddress> tls{};  ///< where it is served over TCP, too
};

class ControlService {
 public:
  /// Serves `source`, what `flows` knows of live flows, and what `operations` lets an operator do (nullptr: nothing
  /// does), on `socket_path`. Error: one line; names the process that has the socket.
  static tl::expected<std::unique_ptr<ControlService>, std::string> start(const std::string& socket_path,
                                                                          StatusSource& source,
                                                                          FlowSource* flows = nullptr,
                                                                          OperatorSource* operations = nullptr,
                                                                          const ControlAccess& access = {});
  ControlService(const ControlService&) = delete;
  ControlService& operator=(const ControlService&) = delete;
  ~ControlService();  ///< stops serving, removes socket and lock

 private:
  struct Impl;
  explicit ControlService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
