// Peers: who is at the other end of each of gRPC's connections, for the log, and for what only some may do.
//
// gRPC calls a connection that it was given by its descriptor "fd:N".
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "control/service/change_source.h"
#include "control/service/connection_guard.h"

namespace weir {

class Peers {
 public:
  /// A connection that gRPC gets with this descriptor. It takes the place of an earlier one that had it.
  void add(int fd, Peer peer) {
    const std::lock_guard lock(mutex_);
    by_name_["fd:" + std::to_string(fd)] = peer;
  }
  /// "user 1000, process 4711".
  [[nodiscard]] std::string text(const std::string& grpc_name) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_name_.find(grpc_name);
    if (found == by_name_.end()) return "somebody (" + grpc_name + ")";
    return fmt::format("user {}, process {}", found->second.user, found->second.process);
  }

  /// The same; uid and pid -1, as the kernel has it of nobody, where the connection is not of the control socket.
  [[nodiscard]] Asker asker(const std::string& grpc_name) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_name_.find(grpc_name);
    if (found == by_name_.end()) return {static_cast<std::uint32_t>(-1), -1};
    return {found->second.user, found->second.process};
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Peer> by_name_;  ///< as many as weir ever had descriptors at a time
};

}  // namespace weir
