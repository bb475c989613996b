#include "tools/ctl/tail_command.h"

#include <grpcpp/grpcpp.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "proto/base/number_text.h"
#include "proto/schema/flows_text.h"
#include "proto/schema/tail_text.h"
#include "tools/ctl/asking.h"

namespace weir::ctl {
namespace {

using Clock = std::chrono::steady_clock;

/// The call and its messages, read by a thread of their own: weir cuts off a client that does not read, and standard
/// output may stand still for as long as its reader likes. What comes meanwhile is dropped, and counted. (The call
/// itself begins there, too, for it has no deadline, and gRPC waits 20 s for a program that takes connections and says
/// nothing.)
class Messages {
 public:
  Messages(v1::Control::Stub& stub, const v1::TailRequest& request)
      : stub_(stub), request_(request), thread_([this] { run(); }) {}
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  ~Messages() { finish(); }

  enum class Wait : std::uint8_t { message, end, silence };
  /// The next one, within `limit`.
  Wait next(v1::TailReply& message, std::chrono::seconds limit) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, limit, [this] { return over_ || !waiting_.empty(); })) return Wait::silence;
    if (waiting_.empty()) return Wait::end;
    message = std::move(waiting_.front());
    waiting_.pop_front();
    octets_ -= message.SpaceUsedLong();
    return Wait::message;
  }
  /// Ends the call, and says how it ended.
  const grpc::Status& finish() {
    context_.TryCancel();
    if (thread_.joinable()) thread_.join();
    return status_;
  }
  /// Records that were dropped here.
  [[nodiscard]] std::uint64_t dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  /// In memory; a record takes 500 bytes to some thousand.
  static constexpr std::size_t kMostOctets = std::size_t{16} << 20;

  void run() {
    const auto reader = stub_.Tail(&context_, request_);
    v1::TailReply message;
    while (reader->Read(&message)) {
      const std::lock_guard lock(mutex_);
      const std::size_t octets = message.SpaceUsedLong();
      if (octets_ + octets > kMostOctets) {
        dropped_ += static_cast<std::uint64_t>(message.records_size());
        continue;
      }
      waiting_.push_back(std::move(message));
      octets_ += waiting_.back().SpaceUsedLong();
      changed_.notify_one();
    }
    status_ = reader->Finish();
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_one();
  }

  v1::Control::Stub& stub_;
  const v1::TailRequest request_;
  grpc::ClientContext context_;
  grpc::Status status_;  ///< the thread's until it is over
  std::mutex mutex_;     ///< guards what follows
  std::condition_variable changed_;
  std::deque<v1::TailReply> waiting_;
  std::size_t octets_ = 0;  ///< of waiting_
  std::uint64_t dropped_ = 0;
  bool over_ = false;
  std::thread thread_;
};

/// Says on standard error how many records were skipped, at most once a second.
class SkipNotices {
 public:
  void tell(std::uint64_t skipped, bool last) {
    const auto now = Clock::now();
    if (skipped == told_ || (!last && now - told_at_ < std::chrono::seconds(1))) return;
    std::fprintf(stderr, "weirctl: %s records skipped: they come faster than they are read here\n",
                 grouped(skipped - told_).c_str());
    told_ = skipped;
    told_at_ = now;
  }

 private:
  std::uint64_t told_ = 0;
  Clock::time_point told_at_{};
};

/// False: standard output takes no more; errno says why.
bool put(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

}  // namespace

TailCommand::TailCommand(CLI::App& app)
    : command_(app.add_subcommand("tail", "Records of flows that ended, and with --follow as they end")) {
  command_->add_flag("-f,--follow", follow_, "Go on with the flows that end from now on, until weir stops");
  command_->add_option("-n", last_, "Records that have left already, 0 to 1000: the last that the filter keeps")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  command_
      ->add_option("--filter", filter_,
                   "Only what this pcap filter keeps, as for `weirctl flows`: records with a direction that it keeps")
      ->type_name("PCAP FILTER");
  command_->add_option("--monitor", monitor_, "Of several monitors: whose records [all]")->type_name("NAME");
  command_->fallthrough();
}

int TailCommand::ask(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const {
  const FlowsForm form = output == "json" ? FlowsForm::json : output == "csv" ? FlowsForm::csv : FlowsForm::table;
  v1::TailRequest request;
  request.set_follow(follow_);
  request.set_last(last_);
  request.set_filter(filter_);
  request.set_monitor(monitor_);
  Messages messages(stub, request);
  Messages::Wait wait = Messages::Wait::silence;
  int error = 0;
  std::uint64_t skipped = 0;
  SkipNotices notices;
  v1::TailReply message;
  bool first = true;
  while (error == 0 && (wait = messages.next(message, kPatience)) == Messages::Wait::message) {
    std::string text = std::exchange(first, false) ? tail_heading(form) : std::string();
    for (const v1::FlowRecord& record : message.records()) text += tail_line(record, form);
    if (!put(text)) error = errno;
    skipped = message.skipped();
    notices.tell(skipped + messages.dropped(), false);
  }
  const grpc::Status status = messages.finish();
  notices.tell(skipped + messages.dropped(), true);
  if (error != 0) return error == EPIPE ? 0 : fail(std::string("standard output: ") + std::strerror(error), 1);
  if (wait == Messages::Wait::silence) return fail(socket_path + ": no answer in time", 1);
  if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) return fail(status.error_message(), 2);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return fail(socket_path + ": that weir shows no records; it is older than this weirctl", 1);
  }
  return status.ok() ? 0 : fail(describe(status, socket_path), 1);
}

}  // namespace weir::ctl
