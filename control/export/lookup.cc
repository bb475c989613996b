#include "control/export/lookup.h"

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "control/export/blocked_signals.h"

namespace weir {

struct Lookup::Question {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Answer> answer;
};

Lookup::Lookup(const HostPort& peer, int socket_type, Resolver resolver)
    : peer_(peer),
      socket_type_(socket_type),
      resolver_(resolver ? std::move(resolver) : [](const std::string& host, std::uint16_t port, int type) {
        return resolve(host, port, type, Names::looked_up);
      }) {
  if (auto addresses = resolve(peer.host, peer.port, socket_type, Names::refused)) known_ = std::move(*addresses);
}

void Lookup::start() {
  if (known_) {
    asked_ = true;
    return;
  }
  if (question_ != nullptr) return;
  auto question = std::make_shared<Question>();
  const AllSignalsBlocked blocked;
  try {
    std::thread([question, peer = peer_, type = socket_type_, resolver = resolver_] {
      Answer answer = resolver(peer.host, peer.port, type);
      if (answer && answer->empty()) answer = tl::unexpected("host '" + peer.host + "' has no address");
      const std::lock_guard lock(question->mutex);
      question->answer = std::move(answer);
      question->answered.notify_all();
    }).detach();
  } catch (const std::system_error& error) {
    question->answer = tl::unexpected("cannot start a thread for a lookup: " + error.code().message());
  }
  question_ = std::move(question);
}

std::optional<Lookup::Answer> Lookup::answer(std::chrono::milliseconds limit) {
  if (known_) {
    if (!std::exchange(asked_, false)) return std::nullopt;
    return *known_;
  }
  if (question_ == nullptr) return std::nullopt;
  std::optional<Answer> answer;
  {
    std::unique_lock lock(question_->mutex);
    if (!question_->answered.wait_for(lock, limit, [this] { return question_->answer.has_value(); })) {
      return std::nullopt;
    }
    answer = std::move(question_->answer);
  }
  question_.reset();
  return answer;
}

}  // namespace weir
