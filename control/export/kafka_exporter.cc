#include "control/export/kafka_exporter.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstring>
#include <utility>

#include "control/export/exporter_kinds.h"
#include "control/export/one_way.h"
#include "control/export/tls_options.h"
#include "proto/base/byte_order.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

constexpr std::chrono::milliseconds kPollEvery{20};
constexpr std::uint32_t kNoEntry = UINT32_MAX;
constexpr std::chrono::milliseconds kConnectWithin{10'000};
// Two messages a record, and a margin: produce() never finds librdkafka's queue full.
constexpr const char* kMostMessages = "300000";
static_assert(2 * KafkaExporter::kInFlight < 300'000);

constexpr auto kCompressions = std::to_array<std::string_view>({"none", "lz4", "zstd", "gzip", "snappy"});
constexpr auto kFormats = std::to_array<std::string_view>({"protobuf", "json"});

template <std::derived_from<KafkaOptions> Options>
constexpr OptionRow<Options> kCompressionOption{
    {"compression", "none|lz4|zstd|gzip|snappy", "Compress the messages [none]", "zstd"},
    [](Options& options, std::string_view name, std::string_view value) -> OptionResult {
      const auto chosen = option_choice(name, value, kCompressions);
      if (!chosen) return Error(chosen.error());
      options.compression = kCompressions[*chosen];
      return {};
    }};

template <std::derived_from<KafkaOptions> Options>
constexpr OptionRow<Options> kUniflowOption{{"uniflow", "0|1", "Two messages per biflow (1) or one (0) [1]", "0"},
                                            [](Options& options, std::string_view name, std::string_view value) {
                                              return set_option(options.uniflow, option_number(name, value, 0, 1));
                                            }};

template <std::derived_from<KafkaOptions> Options>
constexpr OptionRow<Options> kFormatOption{
    {"format", "protobuf|json", "What a message is: weir.v1.FlowRecord, length-delimited, or a JSON object [protobuf]",
     "json"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.json, option_choice(name, value, kFormats));
    }};

constexpr auto kOptions = std::to_array<OptionRow<KafkaOptions>>(
    {kCompressionOption<KafkaOptions>, kUniflowOption<KafkaOptions>, kFormatOption<KafkaOptions>});

struct KafkaTls : KafkaOptions, TlsOptions {
  [[nodiscard]] OptionResult check() const { return check_tls(*this); }
};
constexpr auto kTlsOptions = std::to_array<OptionRow<KafkaTls>>({
    kCaOption<KafkaTls>,
    kCertOption<KafkaTls>,
    kKeyOption<KafkaTls>,
    kVerifyOption<KafkaTls>,
    kCompressionOption<KafkaTls>,
    kUniflowOption<KafkaTls>,
    kFormatOption<KafkaTls>,
});

OpenResult open_tls(const KafkaTls& options, const ExportContext& context, ExportQueue& books) {
  return KafkaExporter::open_over_tls(options, options, context, books);
}

void add_tls_settings(std::vector<std::pair<const char*, std::string>>& settings, const TlsOptions& tls) {
  settings.emplace_back("security.protocol", "ssl");
  settings.emplace_back("enable.ssl.certificate.verification", tls.verify ? "true" : "false");
  settings.emplace_back("ssl.endpoint.identification.algorithm", tls.verify ? "https" : "none");  // the host's name
  if (!tls.ca.empty()) settings.emplace_back("ssl.ca.location", tls.ca);                          // else OpenSSL's own
  if (tls.cert.empty()) return;
  settings.emplace_back("ssl.certificate.location", tls.cert);
  settings.emplace_back("ssl.key.location", tls.key);
}

/// The conversation of `record`, the same in both directions. Returns its length.
std::size_t write_key(std::uint8_t* out, const FlowRecord& record) {
  const std::size_t address = record.ip_version == 6 ? 16 : 4;
  std::array<std::uint8_t, 18> source{};
  std::array<std::uint8_t, 18> destination{};
  std::memcpy(source.data(), record.source_address, address);
  std::memcpy(destination.data(), record.destination_address, address);
  store_be<std::uint16_t>(source.data() + 16, record.source_port());
  store_be<std::uint16_t>(destination.data() + 16, record.destination_port());
  const bool in_order = source <= destination;
  std::uint8_t* at = out;
  *at++ = record.protocol;
  for (const auto* end : {in_order ? &source : &destination, in_order ? &destination : &source}) {
    std::memcpy(at, end->data(), address);
    std::memcpy(at + address, end->data() + 16, 2);
    at += address + 2;
  }
  return static_cast<std::size_t>(at - out);
}

}  // namespace

OptionResult parse_target(KafkaOptions& options, std::string_view target, std::string_view form) {
  const std::size_t slash = target.find('/');
  options.brokers = target.substr(0, slash);
  if (options.brokers.empty()) return Error(fmt::format("no broker; expected {}", form));
  if (slash != std::string_view::npos) options.topic = target.substr(slash + 1);
  if (options.topic.empty()) return Error(fmt::format("no topic; expected {}", form));
  // Kafka's own rule for names of topics.
  constexpr std::size_t kLongest = 249;
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (options.topic.size() > kLongest || !std::all_of(options.topic.begin(), options.topic.end(), legal)) {
    return Error(fmt::format("'{}' is not a topic name: expected letters, digits, '.', '_' and '-', at most {}",
                             options.topic, kLongest));
  }
  return {};
}

constinit const ExporterKind kafka_kind = exporter_kind<KafkaOptions, kOptions, &KafkaExporter::open>({
    .scheme = "kafka",
    .form = "kafka://BROKER[:PORT][,BROKER...]/TOPIC",
    .help = "Messages to a Kafka topic; both directions of a conversation lie in one partition",
    .example = "kafka://broker:9092/flows?format=json&compression=lz4",
});

constinit const ExporterKind kafka_tls_kind = exporter_kind<KafkaTls, kTlsOptions, open_tls>({
    .scheme = "kafka+tls",
    .form = "kafka+tls://BROKER[:PORT][,BROKER...]/TOPIC",
    .help = "The same over TLS; each broker's certificate is verified",
    .example = "kafka+tls://broker.example:9093/flows?ca=/etc/weir/ca.pem",
});

/// What librdkafka calls back: certificate() from its own threads, all else from poll() and flush() only.
struct KafkaCallbacks {
  static void delivery(rd_kafka_t* /*producer*/, const rd_kafka_message_t* message, void* exporter) {
    const auto entry = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(message->_private));
    static_cast<KafkaExporter*>(exporter)->report(entry, message->err == RD_KAFKA_RESP_ERR_NO_ERROR, message->len);
  }
  static void error(rd_kafka_t* /*producer*/, int code, const char* reason, void* exporter) {
    static_cast<KafkaExporter*>(exporter)->error(code, reason);
  }
  static int certificate(rd_kafka_t* /*producer*/, const char* broker, std::int32_t /*id*/, int* verdict, int /*depth*/,
                         const char* /*certificate*/, std::size_t /*octets*/, char* text, std::size_t size,
                         void* exporter) {
    if (size != 0) *text = '\0';
    return static_cast<KafkaExporter*>(exporter)->faults_.judge(broker, *verdict) ? 1 : 0;
  }
  static void log(const rd_kafka_t* /*producer*/, int /*level*/, const char* /*facility*/, const char* /*text*/) {
    // Everything important arrives as an error or a delivery report; the rest would fill the terminal in an outage.
  }
};

KafkaExporter::KafkaExporter(const KafkaOptions& options, const ExportContext& context, ExportQueue& books)
    : books_(books),
      uniflow_(options.uniflow),
      json_(options.json),
      sampler_address_(context.sampler_address),
      monitors_(context.monitor_names()),
      entries_(kInFlight) {
  for (std::uint32_t i = 0; i < kInFlight; ++i) entries_[i].next_free = i + 1 < kInFlight ? i + 1 : kNoEntry;
}

tl::expected<void, std::string> KafkaExporter::start(const KafkaOptions& options, const TlsOptions* tls) {
  std::array<char, 512> text{};
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  std::vector<std::pair<const char*, std::string>> settings{
      {"client.id", "weir"},
      {"bootstrap.servers", options.brokers},
      {"enable.idempotence", "true"},
      {"compression.codec", std::string(options.compression)},
      {"linger.ms", "50"},
      {"message.timeout.ms", "0"},  // without limit: what waits is bounded, and the queue before it has the names
      {"queue.buffering.max.messages", kMostMessages},
      {"partitioner", "murmur2_random"},
      {"reconnect.backoff.max.ms", "5000"},
  };
  if (tls != nullptr) add_tls_settings(settings, *tls);
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), text.data(), text.size()) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    return Error(fmt::format("librdkafka refuses {}={}: {}", name, value, text.data()));
  }
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_dr_msg_cb(conf, &KafkaCallbacks::delivery);
  rd_kafka_conf_set_error_cb(conf, &KafkaCallbacks::error);
  rd_kafka_conf_set_log_cb(conf, &KafkaCallbacks::log);
  if (tls != nullptr && tls->verify) rd_kafka_conf_set_ssl_cert_verify_cb(conf, &KafkaCallbacks::certificate);
  producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text.data(), text.size());
  if (producer_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Error(fmt::format("librdkafka: {}", text.data()));
  }
  topic_ = rd_kafka_topic_new(producer_, options.topic.c_str(), nullptr);
  if (topic_ == nullptr) {
    return Error(fmt::format("topic {}: {}", options.topic, rd_kafka_err2str(rd_kafka_last_error())));
  }
  return {};
}

tl::expected<void, std::string> KafkaExporter::await_broker(const std::string& brokers) {
  constexpr std::chrono::milliseconds kStep{500};  // after each, what librdkafka has to say is heard
  for (auto waited = kStep;; waited += kStep) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(producer_, 0, topic_, &metadata, static_cast<int>(kStep.count()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(metadata);
      return {};
    }
    poll(0);
    // No certificate becomes a better one while weir waits.
    if (waited < kConnectWithin && (connected_ || why_.find("certificate") == std::string::npos)) continue;
    if (why_.empty()) {
      return Error(fmt::format("no answer from {}: {}; start the broker first", brokers, rd_kafka_err2str(code)));
    }
    return Error(fmt::format("no broker can be reached: {}{}", why_,
                             why_.ends_with("Connection refused") ? "; start the broker first" : ""));
  }
}

OpenResult KafkaExporter::open(const KafkaOptions& options, const ExportContext& context, ExportQueue& books) {
  return open_with(options, nullptr, context, books);
}

OpenResult KafkaExporter::open_over_tls(const KafkaOptions& options, const TlsOptions& tls,
                                        const ExportContext& context, ExportQueue& books) {
  if (auto files = tls.check_files(); !files) return Error(std::move(files.error()));
  return open_with(options, &tls, context, books);
}

OpenResult KafkaExporter::open_with(const KafkaOptions& options, const TlsOptions* tls, const ExportContext& context,
                                    ExportQueue& books) {
  std::unique_ptr<KafkaExporter> exporter(new KafkaExporter(options, context, books));
  if (auto started = exporter->start(options, tls); !started) return Error(std::move(started.error()));
  if (needs_peer_at_start(context.mode)) {
    if (auto there = exporter->await_broker(options.brokers); !there) return Error(std::move(there.error()));
  }
  return exporter;
}

KafkaExporter::~KafkaExporter() {
  close();
}

void KafkaExporter::close() {
  if (topic_ != nullptr) rd_kafka_topic_destroy(topic_);
  topic_ = nullptr;
  if (producer_ == nullptr) return;
  rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(producer_);
  producer_ = nullptr;
}

void KafkaExporter::set_connected(bool connected) {
  if (connected == connected_) return;
  connected_ = connected;
  books_.set_connected(connected, connected ? std::string() : why_);
}

void KafkaExporter::error(int code, const char* reason) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 256> text{};
    rd_kafka_fatal_error(producer_, text.data(), text.size());
    return fail(fmt::format("{}: {}", reason, text.data()), ExportLoss::refused);
  }
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return set_connected(false);
  why_ = faults_.text_of(reason);
  if (!connected_) books_.set_connected(false, why_);
}

void KafkaExporter::report(std::uint32_t index, bool delivered, std::uint64_t octets) {
  Entry& entry = entries_[index];
  entry.refused |= !delivered;
  if (delivered) {
    ++messages_;
    octets_ += octets;
    set_connected(true);
  }
  if (--entry.messages != 0) return;
  const RecordTotals totals{1, entry.packets, entry.octets};
  if (entry.refused) {
    lost_ += totals;
  } else {
    delivered_ += totals;
    lateness_.add(entry.deadline_ns, exporter_clock_ns());
  }
  entry.next_free = free_;
  free_ = index;
  --in_flight_;
}

void KafkaExporter::poll(int timeout_ms) {
  rd_kafka_poll(producer_, timeout_ms);
  if (messages_ != 0 || delivered_.records != 0) books_.exported(delivered_, messages_, octets_, lateness_);
  if (lost_.records != 0) books_.lost(lost_, abandoned_as_);
  delivered_ = lost_ = {};
  lateness_ = {};
  messages_ = octets_ = 0;
}

void KafkaExporter::produce(RecordView record, std::uint32_t index) {
  std::array<std::uint8_t, 64> key;
  const std::size_t key_octets = write_key(key.data(), *record);
  std::array<std::uint8_t, std::max(kFlowProtobufMaxOctets, kFlowJsonMaxOctets)> message;
  std::size_t octets = 0;
  const std::string_view monitor = monitors_.of(*record);
  if (json_) {
    char* const begin = reinterpret_cast<char*>(message.data());
    octets = static_cast<std::size_t>(write_flow_json(begin, record, sampler_address_, monitor) - begin) -
             1;  // without the newline
  } else {
    octets = static_cast<std::size_t>(write_flow_protobuf(message.data(), record, sampler_address_, monitor) -
                                      message.data());
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): librdkafka hands it back as it is, and nobody follows it
  void* const opaque = reinterpret_cast<void*>(static_cast<std::uintptr_t>(index));
  const int result = rd_kafka_produce(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, message.data(), octets,
                                      key.data(), key_octets, opaque);
  if (result != 0) report(index, false, 0);
}

std::size_t KafkaExporter::take(RecordSpan records, ExportTime now) {
  ready_ = ExportTime::min();
  std::size_t count = 0;
  for (const RecordView record : records) {
    if (free_ == kNoEntry) {
      ready_ = now + kPollEvery;
      break;
    }
    const bool forward = record->packets[kForward] != 0;
    const bool both = uniflow_ && forward && record->packets[kReverse] != 0;
    const std::uint32_t index = free_;
    Entry& entry = entries_[index];
    free_ = entry.next_free;
    ++in_flight_;
    entry.packets = record->total_packets();
    entry.octets = record->total_octets();
    entry.deadline_ns = record->deadline_ns();
    entry.messages = both ? 2 : 1;
    entry.refused = false;
    if (both) produce(one_way(record, kForward), index);
    if (both || (uniflow_ && !forward && record->packets[kReverse] != 0)) {
      produce(one_way(record, kReverse), index);
    } else {
      produce(record, index);
    }
    ++count;
  }
  poll(0);
  poll_at_ = now + kPollEvery;
  return count;
}

void KafkaExporter::tick(ExportTime now) {
  poll(0);
  if (!connected_ && books_.in_group()) ask_brokers(now);
  poll_at_ = now + kPollEvery;
}

void KafkaExporter::ask_brokers(ExportTime now) {
  constexpr std::chrono::seconds kAskEvery{2};
  constexpr int kAnswerWithinMs = 500;  // there are no records to be sent meanwhile
  if (ask_at_ > now) return;
  ask_at_ = now + kAskEvery;
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(producer_, 0, topic_, &metadata, kAnswerWithinMs) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  rd_kafka_metadata_destroy(metadata);
  set_connected(true);
}

bool KafkaExporter::drain(ExportTime /*now*/) {
  rd_kafka_flush(producer_, static_cast<int>(kLongestBlock.count()));
  poll(0);
  if (in_flight_ != 0) return false;
  close();
  return true;
}

void KafkaExporter::abandon(ExportLoss loss) {
  abandoned_as_ = loss;
  rd_kafka_purge(producer_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  for (int i = 0; i < 20 && in_flight_ != 0; ++i) poll(static_cast<int>(kLongestBlock.count()));
  // Messages that were not even reported as purged are lost, too.
  RecordTotals rest;
  for (const Entry& entry : entries_) {
    if (entry.messages != 0) rest += {1, entry.packets, entry.octets};
  }
  if (rest.records != 0) books_.lost(rest, loss);
  close();
}

}  // namespace weir
