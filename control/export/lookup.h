// Lookup: the addresses of a collector, asked for again and again without waiting for an answer.
//
// A lookup of a name may take as long as the name servers like, longer than a shutdown may. So each one runs in a
// thread of its own, which nobody waits for: the exporter looks whether the answer is there, and an exporter that ends
// leaves the thread to itself. There is at most one at a time per exporter. An address needs no lookup, a unix socket
// neither: their answer is always there.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/endpoint.h"
#include "control/export/peer.h"

namespace weir {

using Endpoints = std::vector<Endpoint>;

/// As resolve() in endpoint.h; may block. Called by several threads.
using Resolver =
    std::function<tl::expected<Endpoints, std::string>(const std::string& host, std::uint16_t port, int socket_type)>;

class Lookup {
 public:
  using Answer = tl::expected<Endpoints, std::string>;

  /// What is known already.
  explicit Lookup(Endpoints endpoints) : known_(std::move(endpoints)) {}
  /// `socket_type`: SOCK_DGRAM or SOCK_STREAM; `resolver` empty: the system's.
  Lookup(const HostPort& peer, int socket_type, Resolver resolver);

  /// Whether two answers may differ.
  [[nodiscard]] bool is_name() const { return !known_; }
  /// Asks; does nothing while a question is open.
  void start();
  [[nodiscard]] bool running() const { return question_ != nullptr; }
  /// The answer to start(), once; waits for it, `limit` at most. nullopt: it is not there yet.
  std::optional<Answer> answer(std::chrono::milliseconds limit);

 private:
  struct Question;

  std::optional<Endpoints> known_;
  HostPort peer_;
  int socket_type_ = 0;
  Resolver resolver_;
  bool asked_ = false;  ///< for what is known
  std::shared_ptr<Question> question_;
};

}  // namespace weir
