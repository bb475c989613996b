// QueryQueue: one thread that answers what takes its time, one question after the other.
//
// gRPC's threads never wait for a walk over the flows, so that status and ledger are answered meanwhile. A question
// that would be one too many to wait is refused at once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace weir {

class QueryQueue {
 public:
  static constexpr std::size_t kMostWaiting = 8;

  /// A question: called once, from the thread. `stopped()`: the queue is being destroyed, so be short.
  using Job = std::function<void(const std::function<bool()>& stopped)>;

  explicit QueryQueue(std::size_t most_waiting = kMostWaiting);
  QueryQueue(const QueryQueue&) = delete;
  QueryQueue& operator=(const QueryQueue&) = delete;
  ~QueryQueue();  ///< answers what waits, and ends

  /// False: too many wait already.
  [[nodiscard]] bool put(Job job);

 private:
  void run();

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir
