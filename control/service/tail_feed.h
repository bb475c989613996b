// TailFeed: the thread that gives records to those who called Tail.
//
// A stream has one message on its way at most; while gRPC has it, records wait or are skipped at their source. So no
// thread waits for a client, and a client that does not read costs one message. Each stream gets a message at least
// once a second, which tells its client that weir is alive.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "control/service/operator_source.h"
#include "proto/schema/control.grpc.pb.h"

namespace weir {

class TailFeed {
 public:
  static constexpr std::size_t kMostStreams = 8;

  TailFeed();
  TailFeed(const TailFeed&) = delete;
  TailFeed& operator=(const TailFeed&) = delete;
  /// Waits for the end of the thread. gRPC may still hold streams: its server must go first.
  ~TailFeed();

  /// The reactor of a call, which gRPC takes. A call that cannot be is finished by it at once. `source` outlives end().
  grpc::ServerWriteReactor<v1::TailReply>* open(OperatorSource& source, const v1::TailRequest& request);
  /// Finishes every stream, now and of later calls.
  void end();

 private:
  class Stream;

  void run();
  void wake();

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::list<Stream*> opened_;  ///< not yet the thread's
  std::size_t streams_ = 0;    ///< that are not finished
  bool woken_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir
