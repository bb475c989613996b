// UdpPeer: where datagrams go. It looks the collector's name up, opens the socket, and says whether the collector's
// host refuses.
//
// UDP has no connection that could break, so a name is looked up at the start, once a minute, and soon after something
// went wrong. Until the first answer the exporter is "connecting". A later answer that has the address in use changes
// nothing, nor does one that failed; any other one gives a new socket.
//
// The collector is "refused" from an ICMP port unreachable on, until datagrams were sent and for two seconds none came
// back: hosts that limit how much ICMP they send (RFC 1812 section 4.3.2.8) send one a second. A member of a group gets
// no records meanwhile, so it sends a probe, two seconds after a refusal and after each one that was refused.
#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>

#include "control/export/export_queue.h"
#include "control/export/lookup.h"
#include "control/export/outgoing.h"
#include "control/export/udp_socket.h"

namespace weir {

class UdpPeer {
 public:
  /// `text` is for messages. `segments`, `outgoing`: see UdpSocket.
  UdpPeer(Lookup lookup, std::string text, bool segments, ExportQueue& books, const OutgoingOptions& outgoing = {});

  /// Waits for an answer, however long. Error: one line.
  tl::expected<void, std::string> connect_now();
  /// Whether there is a socket. Once there is, there always is.
  [[nodiscard]] bool ready() const { return socket_.valid(); }
  [[nodiscard]] UdpSocket& socket() { return socket_; }
  [[nodiscard]] const UdpSocket& socket() const { return socket_; }
  /// When it wants step().
  [[nodiscard]] ExportTime due() const;
  /// Does what is due; true: the socket is a new one. Refusals were taken before.
  bool step(ExportTime now);

  /// Whether it is time to send a datagram without records, to see whether the collector is back; true once a time.
  [[nodiscard]] bool take_probe(ExportTime now);

  /// The kernel took a datagram.
  void sent(ExportTime now);
  /// A datagram was refused.
  void refused(ExportTime now);
  /// A datagram could not be sent: the address may be another one by now.
  void trouble(ExportTime now);

 private:
  bool take(Lookup::Answer answer, ExportTime now);
  bool failed(const std::string& why, ExportTime now);
  [[nodiscard]] ExportTime again(ExportTime now) const;

  Lookup lookup_;
  const std::string text_;
  const bool segments_;
  const OutgoingOptions outgoing_;
  ExportQueue& books_;
  UdpSocket socket_;
  std::string why_;  ///< it has none
  std::chrono::milliseconds backoff_;
  ExportTime ask_at_ = ExportTime::min();
  ExportTime asked_at_ = ExportTime::min();
  ExportTime look_at_ = ExportTime::min();  ///< for an answer
  bool refused_ = false;
  const bool probes_;
  ExportTime probe_at_ = ExportTime::max();
  ExportTime unanswered_since_ = ExportTime::max();  ///< the first datagram after the last refusal; max(): none
};

}  // namespace weir
