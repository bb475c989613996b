#include "control/export/udp_peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/export/exporter_times.h"

namespace weir {
namespace {

constexpr std::chrono::seconds kAskEvery{60};
/// After trouble a name is asked for at most so often.
constexpr std::chrono::seconds kAskInTrouble{5};
constexpr std::chrono::milliseconds kFirstBackoff{1000};
constexpr std::chrono::milliseconds kGreatestBackoff{30'000};
/// Without a refusal for so long the collector takes what is sent.
constexpr std::chrono::seconds kSilence{2};

}  // namespace

UdpPeer::UdpPeer(Lookup lookup, std::string text, bool segments, ExportQueue& books, const OutgoingOptions& outgoing)
    : lookup_(std::move(lookup)),
      text_(std::move(text)),
      segments_(segments),
      outgoing_(outgoing),
      books_(books),
      backoff_(kFirstBackoff),
      probes_(books.in_group()) {
  books_.set_connected(false);
}

tl::expected<void, std::string> UdpPeer::connect_now() {
  do {
    step(ExportClock::now());
  } while (lookup_.running());
  if (ready()) return {};
  return tl::unexpected(why_);
}

ExportTime UdpPeer::due() const {
  const ExportTime lookup = !lookup_.running() ? ask_at_ : ready() ? look_at_ : ExportTime::min();
  if (!refused_) return lookup;
  if (unanswered_since_ == ExportTime::max()) return std::min(lookup, probe_at_);
  return std::min(lookup, unanswered_since_ + kSilence);
}

bool UdpPeer::step(ExportTime now) {
  if (refused_ && unanswered_since_ != ExportTime::max() && now >= unanswered_since_ + kSilence) {
    refused_ = false;
    books_.set_refused({});
  }
  if (!lookup_.running()) {
    if (now < ask_at_) return false;
    lookup_.start();
    asked_at_ = now;
  }
  auto answer = lookup_.answer(ready() ? std::chrono::milliseconds(0) : kLongestBlock);
  if (answer) return take(std::move(*answer), now);
  look_at_ = now + kLongestBlock;
  return false;
}

bool UdpPeer::take(Lookup::Answer answer, ExportTime now) {
  if (!answer) return failed(answer.error(), now);
  const bool in_use = ready() && std::find(answer->begin(), answer->end(), socket_.peer()) != answer->end();
  ask_at_ = again(now);
  if (in_use) return false;
  auto opened = UdpSocket::open(*answer, segments_, outgoing_);
  if (!opened) return failed(fmt::format("cannot reach {}: {}", text_, opened.error()), now);
  socket_ = std::move(*opened);
  backoff_ = kFirstBackoff;
  refused_ = false;
  unanswered_since_ = probe_at_ = ExportTime::max();
  books_.set_refused({});
  books_.set_connected(true);
  return true;
}

bool UdpPeer::failed(const std::string& why, ExportTime now) {
  if (ready()) {  // what it has may be right
    ask_at_ = again(now);
    return false;
  }
  why_ = why;
  books_.set_connected(false, why);
  ask_at_ = now + backoff_;
  backoff_ = std::min(2 * backoff_, kGreatestBackoff);
  return false;
}

ExportTime UdpPeer::again(ExportTime now) const {
  return lookup_.is_name() ? now + kAskEvery : ExportTime::max();
}

bool UdpPeer::take_probe(ExportTime now) {
  if (probe_at_ > now) return false;
  probe_at_ = now + kSilence;
  return true;
}

void UdpPeer::sent(ExportTime now) {
  probe_at_ = ExportTime::max();
  if (refused_) unanswered_since_ = std::min(unanswered_since_, now);
}

void UdpPeer::refused(ExportTime now) {
  refused_ = true;
  unanswered_since_ = ExportTime::max();
  if (probes_) probe_at_ = now + kSilence;
  books_.set_refused("nothing listens on the collector's port (ICMP port unreachable)");
  trouble(now);
}

void UdpPeer::trouble(ExportTime now) {
  if (lookup_.is_name()) ask_at_ = std::min(ask_at_, std::max(now, asked_at_ + kAskInTrouble));
}

}  // namespace weir
