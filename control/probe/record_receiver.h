// RecordReceiver: the unix stream socket of --input records+unix:PATH, and the thread that reads raw records from it.
//
// Any number of agents may connect, kMostConnections at once; further ones wait until one leaves. A connection is a
// stream of raw records, and may end between two of them. One that ends inside a record is told of, and counted.
//
// The thread never waits for the drain: records for which the ring has no room are lost by name (ring_full), so that a
// slow exporter does not hold up the agent. When there is room again, records are taken again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "control/ledger/input_totals.h"
#include "control/probe/moment.h"
#include "control/record_intake.h"
#include "dataplane/mailbox.h"
#include "proto/base/unique_fd.h"

namespace weir {

class RecordReceiver {
 public:
  static constexpr std::size_t kMostConnections = 64;

  /// Makes the socket; nobody is answered before start(). `keep_others`: as RecordIntake's. Error: one line.
  static tl::expected<std::unique_ptr<RecordReceiver>, std::string> listen(const std::string& path,
                                                                           bool keep_others = false);
  RecordReceiver(const RecordReceiver&) = delete;
  RecordReceiver& operator=(const RecordReceiver&) = delete;
  ~RecordReceiver();  ///< stops, and removes the socket's file

  void start();
  /// Reads what has come by now, and ends. Waits for that.
  void stop();
  [[nodiscard]] bool at_rest() const { return at_rest_.load(std::memory_order_acquire); }

  [[nodiscard]] RecordRing& records() { return intake_.records(); }
  [[nodiscard]] std::vector<WorkerBooks> books();
  /// After stop().
  [[nodiscard]] const WorkerCounters& counters() const { return intake_.counters(); }
  /// But for the name, and the times that the accounter clamped.
  [[nodiscard]] InputTotals totals() const;
  /// Lines for the log since the last call: connections that ended inside a record.
  [[nodiscard]] std::vector<std::string> take_news();

 private:
  /// Records that are read at once from a connection, at most.
  static constexpr std::size_t kReadRecords = 768;

  struct Connection {
    Connection(UniqueFd socket, std::uint64_t place) : fd(std::move(socket)), number(place) {}
    UniqueFd fd;
    std::uint64_t number;      ///< from 1
    std::uint64_t offset = 0;  ///< of buffer's first octet in the stream
    std::size_t held = 0;      ///< octets of a record that is not whole yet
    std::uint8_t buffer[kReadRecords * kRawRecordOctets];
  };

  RecordReceiver(std::string path, UniqueFd fd, bool keep_others)
      : path_(std::move(path)), listening_(std::move(fd)), intake_(keep_others) {}
  void run();
  /// Waits for octets or agents, at most `patience_ms`. False: there was nothing to do.
  bool round(int patience_ms);
  void accept_one();
  /// False: the connection is over.
  bool read_from(Connection& connection);
  void end(const Connection& connection, const std::string& why);
  void tell();

  const std::string path_;
  UniqueFd listening_;
  RecordIntake intake_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< the thread's
  SnapshotBox<WorkerCounters> snapshots_;
  std::atomic<bool> stopping_{false};  ///< written by the supervisor
  std::atomic<bool> at_rest_{false};   ///< written by the thread
  mutable std::mutex mutex_;           ///< guards what follows
  InputTotals totals_;
  std::vector<std::string> news_;
  std::thread thread_;
};

}  // namespace weir
