// OperatorSource: who shows records as flows end, who checks itself, and who ends the run.
//
// Called from the services' threads, several at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "proto/schema/operation.pb.h"

namespace weir {

/// The records of one call of Tail. Used by one thread at a time.
class TailReader {
 public:
  virtual ~TailReader() = default;
  /// Adds the next records to `reply`, and sets its counts. False: there are none now.
  virtual bool next(v1::TailReply& reply) = 0;
  /// No more will come.
  [[nodiscard]] virtual bool over() const = 0;
};

class OperatorSource {
 public:
  virtual ~OperatorSource() = default;
  /// `wake` is called, by any thread, whenever next() or over() may have something new. The reader must go before the
  /// source does. Error: what is wrong with the request, in one line.
  virtual tl::expected<std::unique_ptr<TailReader>, std::string> tail(const v1::TailRequest& request,
                                                                      std::function<void()> wake) = 0;
  /// Takes some milliseconds.
  virtual v1::SelfCheckReply self_check() = 0;
  /// Both return at once. `who` asks: "user 1000, process 4711"; for the log. Error: why not now, in one line.
  virtual tl::expected<void, std::string> drain(std::string_view who) = 0;
  virtual tl::expected<void, std::string> stop(std::string_view who) = 0;
};

}  // namespace weir
