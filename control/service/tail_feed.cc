#include "control/service/tail_feed.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <utility>

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::chrono::seconds kTellEvery{1};

}  // namespace

/// Only the thread writes and finishes, so a stream lives until the thread has finished it; gRPC then deletes it.
class TailFeed::Stream final : public grpc::ServerWriteReactor<v1::TailReply> {
 public:
  explicit Stream(TailFeed& feed) : feed_(feed) {}

  void take(std::unique_ptr<TailReader> reader) { reader_ = std::move(reader); }

  /// The next step of the thread. True: the stream is finished.
  bool step(bool ending, Clock::time_point now) {
    if (writing_.load(std::memory_order_acquire)) return false;
    if (gone_.load(std::memory_order_relaxed)) return end({grpc::StatusCode::CANCELLED, "nobody waits any more"});
    message_.Clear();
    const bool over = reader_->over();
    const bool any = reader_->next(message_);
    if (!any && (over || ending)) return end(grpc::Status::OK);
    if (!any && now - written_ < kTellEvery) return false;
    written_ = now;
    writing_.store(true, std::memory_order_relaxed);
    StartWrite(&message_);
    return false;
  }

  void OnWriteDone(bool ok) override {
    if (!ok) gone_.store(true, std::memory_order_relaxed);
    writing_.store(false, std::memory_order_release);
    feed_.wake();
  }
  void OnCancel() override {
    gone_.store(true, std::memory_order_relaxed);
    feed_.wake();
  }
  void OnDone() override { delete this; }

 private:
  bool end(const grpc::Status& status) {
    reader_.reset();
    Finish(status);
    return true;
  }

  TailFeed& feed_;
  std::unique_ptr<TailReader> reader_;
  v1::TailReply message_;
  Clock::time_point written_{};       ///< never: the first message goes at once, whatever it holds
  std::atomic<bool> writing_{false};  ///< gRPC has the message
  std::atomic<bool> gone_{false};     ///< the client
};

TailFeed::TailFeed() : thread_([this] { run(); }) {}

TailFeed::~TailFeed() {
  end();
  thread_.join();
}

grpc::ServerWriteReactor<v1::TailReply>* TailFeed::open(OperatorSource& source, const v1::TailRequest& request) {
  auto* const stream = new Stream(*this);
  auto reader = source.tail(request, [this] { wake(); });
  if (!reader) {
    stream->Finish({grpc::StatusCode::INVALID_ARGUMENT, reader.error()});
    return stream;
  }
  stream->take(std::move(*reader));
  const std::unique_lock lock(mutex_);
  if (ending_) {
    stream->Finish({grpc::StatusCode::UNAVAILABLE, "weir is stopping"});
  } else if (streams_ == kMostStreams) {
    stream->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, fmt::format("{} others read records already", kMostStreams)});
  } else {
    ++streams_;
    opened_.push_back(stream);
    woken_ = true;
    changed_.notify_one();
  }
  return stream;
}

void TailFeed::end() {
  const std::lock_guard lock(mutex_);
  ending_ = woken_ = true;
  changed_.notify_one();
}

void TailFeed::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void TailFeed::run() {
  std::list<Stream*> streams;
  for (;;) {
    bool ending = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLookEvery, [&] { return woken_ || (ending_ && streams.empty()); });
      woken_ = false;
      ending = ending_;
      streams.splice(streams.end(), opened_);
      if (ending && streams.empty()) return;
    }
    std::size_t finished = 0;
    streams.remove_if([&](Stream* stream) {
      const bool over = stream->step(ending, Clock::now());
      finished += over ? 1 : 0;
      return over;
    });
    const std::lock_guard lock(mutex_);
    streams_ -= finished;
  }
}

}  // namespace weir
