// SocketExporter: length-delimited protobuf over TCP or a unix stream socket, or IPFIX over TCP, with reconnection.
//
// Live (`weir run`): the exporter waits for a collector that is absent or goes away. Meanwhile records wait in the
// queue, and are lost as `queue_full` when it is full. Attempts to connect are 1 s apart at first and 30 s at most. A
// new connection begins with a whole message: one that was cut off is sent again from its start. Capture (`weir read`):
// the collector must be there at the start, and when it goes the exporter fails, since otherwise the whole capture
// would pile up in the queue.
//
// "Exported" means that the kernel took all octets of the message. Without an answer in the protocol nobody can know
// whether the peer got what the kernel still held when the connection broke. The peer never sends, so before each write
// the exporter looks whether the connection was closed; otherwise the first write into a closed connection would always
// seem to succeed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/endpoint.h"
#include "control/export/export_context.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/record_buffer.h"
#include "proto/base/unique_fd.h"

namespace weir {

struct SocketOptions {
  bool reconnect = true;
  std::chrono::milliseconds first_backoff{1000};
  std::chrono::milliseconds greatest_backoff{30'000};
  std::chrono::milliseconds connect_timeout{5000};  ///< for each address
};

class SocketExporter final : public Exporter {
 public:
  /// `peer` is for messages. With reconnect the exporter begins without a connection.
  SocketExporter(
      std::vector<Endpoint> endpoints, std::string peer, const SocketOptions& options, ExportQueue& books,
      std::unique_ptr<StreamBuffer> buffer = std::make_unique<RecordBuffer>(std::make_unique<ProtobufEncoding>()));

  /// Tries each address once, now. Error: one line.
  tl::expected<void, std::string> connect_now();

  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override;
  [[nodiscard]] ExportTime due() const override;
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;
  [[nodiscard]] ExportLoss leftover() const override;

 private:
  enum class State : std::uint8_t { waiting, connecting, connected };

  void start_attempt(ExportTime now);
  void continue_attempt(ExportTime now);
  void connected(ExportTime now);
  void attempt_failed(int error, ExportTime now);
  void broken(const std::string& why, ExportTime now);
  bool peer_is_there(ExportTime now);
  void flush(ExportTime now);

  const std::vector<Endpoint> endpoints_;
  const std::string peer_;
  const SocketOptions options_;
  ExportQueue& books_;
  std::unique_ptr<StreamBuffer> buffer_;
  bool ended_ = false;
  UniqueFd socket_;
  State state_ = State::waiting;
  std::size_t endpoint_ = 0;  ///< to be tried next, or being tried
  int last_error_ = 0;
  std::chrono::milliseconds backoff_;
  ExportTime next_attempt_ = ExportTime::min();
  ExportTime attempt_ends_{};
  ExportTime flush_at_ = ExportTime::max();
  ExportTime look_at_ = ExportTime::max();
};

/// An exporter of what `buffer` makes of records, with what the mode asks for. Error: one line, what `peer` is
/// included.
tl::expected<std::unique_ptr<Exporter>, std::string> open_socket_exporter(std::vector<Endpoint> endpoints,
                                                                          std::string peer,
                                                                          const ExportContext& context,
                                                                          ExportQueue& books,
                                                                          std::unique_ptr<StreamBuffer> buffer);

}  // namespace weir
