// SocketExporter: length-delimited protobuf over TCP or a unix stream socket, or IPFIX over TCP, with reconnection;
// over TCP in the clear or by TLS (tls_client.h).
//
// Live (`weir run`): the exporter waits for a collector that is absent or goes away. Meanwhile records wait in the
// queue, and are lost as `queue_full` when it is full. The collector's name is looked up before each attempt. Attempts
// to connect are 1 s apart at first and 30 s at most. Capture (`weir read`): the collector must be there at the start,
// and when it goes the exporter fails, since otherwise the whole capture would pile up in the queue.
//
// "Exported" means acknowledged: the host of the peer has all octets of the message (TCP), or the peer has read them
// (unix socket). The kernel says how many octets are not (SIOCOUTQ). The buffer keeps every message until then. When a
// connection breaks, all messages that were not acknowledged as a whole are sent again on the next connection, or are
// lost as `connection_lost` if none comes. So a record arrives at least once on a connection, or is lost by name, with
// one exception that nobody can know: what the host of a peer acknowledged and the peer never read because it died.
// A record can arrive twice: the peer had it, and the connection broke before the acknowledgement came.
//
// A unix socket says in units of its own how much was not read, never too little. When the peer dies, the kernel
// forgets what it had not read and says 0; then the last answer before counts.
//
// By TLS an octet is acknowledged when the whole TLS record that it went in is. A handshake may take as long as an
// attempt to connect. The files of its options are read for each connection, so that a new certificate needs no
// restart.
//
// The peer never sends (but for what TLS itself says), so before each write the exporter looks whether the connection
// was closed; otherwise the first write into a closed connection would always seem to succeed. TCP_NOTSENT_LOWAT keeps
// what waits in the kernel without being on its way short.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/endpoint.h"
#include "control/export/export_context.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/lookup.h"
#include "control/export/outgoing.h"
#include "control/export/peer.h"
#include "control/export/record_buffer.h"
#include "control/export/tls_client.h"
#include "proto/base/unique_fd.h"

namespace weir {

struct SocketOptions {
  bool reconnect = true;
  std::chrono::milliseconds first_backoff{1000};
  std::chrono::milliseconds greatest_backoff{30'000};
  std::chrono::milliseconds connect_timeout{5000};  ///< for each address
  OutgoingOptions outgoing{};
  std::optional<TlsOptions> tls{};  ///< none: in the clear
  std::string host{};               ///< as the URI names it; for TLS
};

class SocketExporter final : public Exporter {
 public:
  /// `peer` is for messages. With reconnect the exporter begins without a connection.
  SocketExporter(
      Lookup lookup, std::string peer, const SocketOptions& options, ExportQueue& books,
      std::unique_ptr<StreamBuffer> buffer = std::make_unique<RecordBuffer>(std::make_unique<ProtobufEncoding>()));

  /// Looks the name up and tries each address once, now. Error: one line.
  tl::expected<void, std::string> connect_now();

  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override;
  [[nodiscard]] ExportTime due() const override;
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;
  [[nodiscard]] ExportLoss leftover() const override;

 private:
  enum class State : std::uint8_t { waiting, looking_up, connecting, handshaking, connected };

  void start_attempt(ExportTime now);
  void continue_lookup(ExportTime now, std::chrono::milliseconds limit);
  void connect_to(const Endpoint& endpoint, ExportTime now);
  void continue_attempt(ExportTime now);
  void connected(ExportTime now);
  void continue_handshake(ExportTime now);
  void begin_stream(ExportTime now);
  /// `away`: it may help to start the collector.
  void attempt_failed(const std::string& why, ExportTime now, bool away = true);
  /// All addresses were tried, or there are none.
  void wait_for_next_round(ExportTime now);
  /// `error` 0: the peer closed it.
  void broken(int error, ExportTime now);
  void broken(const std::string& why, ExportTime now);
  /// Gives TLS what came. False: the peer closed the connection, or (`error` is not 0) it broke.
  bool receive(int& error);
  /// Octets for the socket: of the buffer, or of TLS, which takes them from there.
  std::span<const std::uint8_t> next_octets();
  [[nodiscard]] bool nothing_to_send() const;
  /// TLS says goodbye, as far as the socket takes it at once (RFC 8446 section 6.1).
  void say_goodbye();
  bool peer_is_there(ExportTime now);
  void flush(ExportTime now);
  /// Octets of this connection that the peer has acknowledged, by what the kernel says now.
  std::uint64_t acknowledged_octets();
  /// Books what was acknowledged since the last call, and `writes` with `octets` that were sent.
  void settle(std::uint64_t writes, std::uint64_t octets);
  void look(ExportTime now);
  void plan(ExportTime now);
  void plan_look(ExportTime now);

  Lookup lookup_;
  Endpoints endpoints_;  ///< the last answer
  const std::string peer_;
  const SocketOptions options_;
  ExportQueue& books_;
  std::unique_ptr<StreamBuffer> buffer_;
  bool ended_ = false;
  UniqueFd socket_;
  std::unique_ptr<TlsClient> tls_;  ///< of the connection; nullptr: in the clear
  State state_ = State::waiting;
  std::size_t endpoint_ = 0;  ///< to be tried next, or being tried; 0: the name is looked up first
  bool is_unix_ = false;      ///< the connection
  std::string last_failure_;  ///< one line
  std::chrono::milliseconds backoff_;
  ExportTime next_attempt_ = ExportTime::min();
  ExportTime attempt_ends_{};
  ExportTime flush_at_ = ExportTime::max();
  ExportTime look_at_ = ExportTime::max();
  ExportTime room_at_ = ExportTime::min();  ///< the buffer is full: when to look again for acknowledgements
  std::uint64_t sent_octets_ = 0;           ///< on this connection, as the socket counts
  std::uint64_t acknowledged_octets_ = 0;   ///< of them
  bool unread_is_unknown_ = false;          ///< a unix socket's peer died: SIOCOUTQ says nothing any more
};

/// An exporter of what `buffer` makes of records, with what the mode asks for. Error: one line, what `peer` is
/// included.
tl::expected<std::unique_ptr<Exporter>, std::string> open_socket_exporter(Lookup lookup, std::string peer,
                                                                          const ExportContext& context,
                                                                          ExportQueue& books,
                                                                          std::unique_ptr<StreamBuffer> buffer,
                                                                          const OutgoingOptions& outgoing = {});

/// The same by TLS to `host`. Error also: a file of `tls` that is not there, or not what it should be.
tl::expected<std::unique_ptr<Exporter>, std::string> open_tls_exporter(Lookup lookup, const HostPort& peer,
                                                                       const ExportContext& context, ExportQueue& books,
                                                                       std::unique_ptr<StreamBuffer> buffer,
                                                                       const OutgoingOptions& outgoing,
                                                                       const TlsOptions& tls);

}  // namespace weir
