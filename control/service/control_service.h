// ControlService: the gRPC service on weir's unix socket.
//
// gRPC takes over a socket that another process serves without a word, so an exclusive lock on PATH.lock is taken
// first: it tells a second instance (refused) from a stale socket that a killed process left (removed).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "control/service/change_source.h"
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

/// Who answers; nullptr: nobody does.
struct ControlSources {
  // NOLINTNEXTLINE(google-explicit-constructor): the status alone is an answer, too
  ControlSources(StatusSource& status_of, FlowSource* flows_of = nullptr, OperatorSource* operations_of = nullptr,
                 ChangeSource* changes_of = nullptr)
      : status(status_of), flows(flows_of), operations(operations_of), changes(changes_of) {}

  StatusSource& status;
  FlowSource* flows;           ///< what is known of live flows
  OperatorSource* operations;  ///< what an operator may do
  ChangeSource* changes;       ///< of the configuration
};

class ControlService {
 public:
  /// Serves `sources` on `socket_path`, and on `access.tls`. Error: one line; names the process that has the socket.
  static tl::expected<std::unique_ptr<ControlService>, std::string> start(const std::string& socket_path,
                                                                          const ControlSources& sources,
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
