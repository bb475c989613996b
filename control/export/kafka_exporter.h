// KafkaExporter: records to a Kafka topic through librdkafka.
//
// A message is one record: length-delimited protobuf (what goflow2 writes with format=bin, and ClickHouse reads as
// Protobuf), or one JSON object. By default a biflow is two messages, one for each direction, as consumers of goflow2's
// topics expect. The key is the conversation, the lesser endpoint first, so that both directions, and all records of a
// long one, lie in one partition in order.
//
// The producer is idempotent: what is sent again after a lost answer is stored once. A record counts as exported when
// the brokers have acknowledged all its messages, and as lost when they refused one (`refused`). While no broker
// answers, messages wait without limit of time; when kInFlight records are under way nothing more is taken, and the
// queue before holds, and names, the rest. `weir read` wants a broker that answers at the start.
//
// Over TLS the brokers' certificates are verified, each for the host by which Metadata, or the URI, names that broker.
//
// librdkafka connects, sends and retries in threads of its own; its reports are taken in by poll(), in this exporter's
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/kafka_faults.h"
#include "control/export/option_values.h"
#include "control/export/tls_client.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;

namespace weir {

struct KafkaOptions {
  std::string brokers;  ///< HOST[:PORT], separated by commas, as librdkafka takes them
  std::string topic;
  std::string_view compression = "none";  ///< as librdkafka calls it
  bool uniflow = true;                    ///< a message for each direction of a biflow
  bool json = false;                      ///< JSON messages instead of protobuf
};

/// BROKERS/TOPIC.
OptionResult parse_target(KafkaOptions& options, std::string_view target, std::string_view form);

class KafkaExporter final : public Exporter {
 public:
  /// Records handed to librdkafka and not acknowledged; some 40 MB of messages.
  static constexpr std::size_t kInFlight = 1 << 17;

  /// Error: one line without the URI.
  static tl::expected<std::unique_ptr<Exporter>, std::string> open(const KafkaOptions& options,
                                                                   const ExportContext& context, ExportQueue& books);
  /// Over TLS; `hostname` of `tls` is not used, since each broker has a name of its own.
  static tl::expected<std::unique_ptr<Exporter>, std::string> open_over_tls(const KafkaOptions& options,
                                                                            const TlsOptions& tls,
                                                                            const ExportContext& context,
                                                                            ExportQueue& books);
  KafkaExporter(const KafkaExporter&) = delete;
  KafkaExporter& operator=(const KafkaExporter&) = delete;
  ~KafkaExporter() override;

  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override { return ready_; }
  [[nodiscard]] ExportTime due() const override { return poll_at_; }
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;
  [[nodiscard]] ExportLoss leftover() const override {
    return connected_ ? ExportLoss::shutdown : ExportLoss::not_connected;
  }

 private:
  friend struct KafkaCallbacks;
  /// A record whose messages are under way.
  struct Entry {
    std::uint64_t packets;
    std::uint64_t octets;
    std::uint64_t deadline_ns;
    std::uint32_t messages;  ///< not reported yet
    std::uint32_t next_free;
    bool refused;
  };

  KafkaExporter(const KafkaOptions& options, const ExportContext& context, ExportQueue& books);
  /// `tls`: null is in the clear.
  static tl::expected<std::unique_ptr<Exporter>, std::string> open_with(const KafkaOptions& options,
                                                                        const TlsOptions* tls,
                                                                        const ExportContext& context,
                                                                        ExportQueue& books);
  /// Starts librdkafka.
  tl::expected<void, std::string> start(const KafkaOptions& options, const TlsOptions* tls);
  /// Waits until a broker answers. Error: why none does.
  tl::expected<void, std::string> await_broker(const std::string& brokers);
  void produce(RecordView record, std::uint32_t entry);
  void report(std::uint32_t entry, bool delivered, std::uint64_t octets);
  void poll(int timeout_ms);
  void set_connected(bool connected);
  /// librdkafka says why something does not work.
  void error(int code, const char* reason);
  /// Of a member of a group, which gets no records while no broker answers: asks whether one does.
  void ask_brokers(ExportTime now);
  void close();

  ExportQueue& books_;
  const bool uniflow_;
  const bool json_;
  const IpAddress sampler_address_;
  const MonitorNames monitors_;
  rd_kafka_s* producer_ = nullptr;
  rd_kafka_topic_s* topic_ = nullptr;
  std::vector<Entry> entries_;
  std::uint32_t free_ = 0;
  std::size_t in_flight_ = 0;
  bool connected_ = true;
  KafkaFaults faults_;
  std::string why_;  ///< what librdkafka said last of what does not work
  ExportTime ask_at_ = ExportTime::min();
  ExportLoss abandoned_as_ = ExportLoss::refused;
  ExportTime ready_ = ExportTime::min();
  ExportTime poll_at_ = ExportTime::min();
  // What reports said since the books were last told.
  RecordTotals delivered_;
  RecordTotals lost_;
  Lateness lateness_;
  std::uint64_t messages_ = 0;
  std::uint64_t octets_ = 0;
};

}  // namespace weir
