#include "control/service/prometheus.h"

#include <fmt/format.h>
#include <netdb.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "control/export/lateness.h"
#include "proto/base/left_out.h"
#include "proto/base/unique_fd.h"

namespace weir {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

/// Gathers values into families by name, in the order in which the names come first.
class Families {
 public:
  void counter(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    ClientMetric& metric = add(name + "_total", help, MetricType::Counter, std::move(labels));
    metric.counter.value = value;
  }
  void counter(const std::string& name, const std::string& help, std::uint64_t value, Labels labels = {}) {
    counter(name, help, static_cast<double>(value), std::move(labels));
  }
  void gauge(const std::string& name, const std::string& help, double value, Labels labels = {}) {
    add(name, help, MetricType::Gauge, std::move(labels)).gauge.value = value;
  }
  void gauge(const std::string& name, const std::string& help, std::uint64_t value, Labels labels = {}) {
    gauge(name, help, static_cast<double>(value), std::move(labels));
  }
  void histogram(const std::string& name, const std::string& help, ClientMetric::Histogram value, Labels labels) {
    add(name, help, MetricType::Histogram, std::move(labels)).histogram = std::move(value);
  }
  /// name_packets_total and name_octets_total. The unit is added to each help text.
  void count(const std::string& name, const std::string& help, const v1::Count& value, const Labels& labels = {}) {
    counter(name + "_packets", help + ", in packets", value.packets(), labels);
    counter(name + "_octets", help + ", in frame octets", value.octets(), labels);
  }
  void records(const std::string& name, const std::string& help, const v1::RecordCount& value,
               const Labels& labels = {}) {
    counter(name + "_records", help + ", in records", value.records(), labels);
    counter(name + "_packets", help + ", in packets", value.packets(), labels);
    counter(name + "_octets", help + ", in IP octets", value.octets(), labels);
  }
  void held(const std::string& name, const std::string& help, const v1::RecordCount& value, const Labels& labels = {}) {
    gauge(name + "_records", help + ", in records", value.records(), labels);
    gauge(name + "_packets", help + ", in packets", value.packets(), labels);
    gauge(name + "_octets", help + ", in IP octets", value.octets(), labels);
  }
  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  ClientMetric& add(const std::string& name, const std::string& help, MetricType type, Labels labels) {
    const auto [place, is_new] = places_.try_emplace("weir_" + name, families_.size());
    if (is_new) {
      families_.emplace_back();
      families_.back().name = place->first;
      families_.back().help = help;
      families_.back().type = type;
    }
    ClientMetric& metric = families_[place->second].metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<MetricFamily> families_;
  std::map<std::string, std::size_t> places_;
};

Labels with(Labels labels, const char* name, std::string value) {
  labels.push_back({name, std::move(value)});
  return labels;
}

/// A map of reasons, by name.
template <typename Map>
std::map<std::string, typename Map::mapped_type> sorted(const Map& counts) {
  return {counts.begin(), counts.end()};
}

/// What a monitor made of the packets that it was offered. Ledger, or MonitorLedger, whose labels name the monitor.
template <typename Ledger>
void add_counted(Families& out, const Ledger& ledger, const Labels& labels) {
  out.count("counted", "Frames counted in flows", ledger.counted(), labels);
  out.counter("counted_ip_octets", "IP octets counted in flows", ledger.counted_ip().octets(), labels);
#define WEIR_X(name, description) out.count(#name, "Packets left out: " description, ledger.name(), labels);
  WEIR_LEFT_OUT(WEIR_X)
#undef WEIR_X
}

/// Its flows and its records before the exporters.
template <typename Ledger>
void add_records(Families& out, const Ledger& ledger, const Labels& labels) {
  out.held("table", "In the flow table now", ledger.in_table(), labels);
  out.held("rings", "Between workers and exporters now", ledger.in_rings(), labels);
  out.held("overflow", "In the accounter now", ledger.in_overflow(), labels);
  for (const auto& [name, count] : sorted(ledger.lost())) {
    out.records("lost", "Lost before the exporters, by reason (weir reasons)", count, with(labels, "reason", name));
  }
  for (const auto& [name, count] : sorted(ledger.icmp_quotes())) {
    out.counter("icmp_quotes", "Quotes in ICMP errors, by what became of them (weir reasons)", count,
                with(labels, "outcome", name));
  }
  for (const auto& [name, count] : sorted(ledger.missing_facts())) {
    out.counter("missing_facts", "Facts that metrics left out since a pool was empty, by name (weir reasons)", count,
                with(labels, "fact", name));
  }
  out.records("drained", "Handed to every exporter", ledger.drained(), labels);
}

/// What is a monitor's, with a label for each where the configuration names them.
template <typename Add>
void for_monitors(const v1::Ledger& ledger, Add&& add) {
  if (ledger.monitors().empty()) return add(ledger, Labels());
  for (const auto& monitor : ledger.monitors()) add(monitor, Labels{{"monitor", monitor.name()}});
}

void add_ledger(Families& out, const v1::Ledger& ledger) {
  out.gauge("ledger_balanced", "1: the three equations of the ledger hold",
            static_cast<std::uint64_t>(ledger.balanced()));
  out.gauge("ledger_stale", "1: a worker does not answer, and the counts are older",
            static_cast<std::uint64_t>(ledger.stale_since_ns() != 0));
  out.gauge("ledger_stale_since_seconds", "The moment that the counts are of, in seconds since 1970; 0: now",
            static_cast<double>(ledger.stale_since_ns()) / 1e9);
  out.count("received", "Frames taken from the ports; with --input records what the agent counted", ledger.received());
  for_monitors(ledger, [&](const auto& one, const Labels& labels) { add_counted(out, one, labels); });
#define WEIR_X(name, description) out.count(#name, "Frames left out: " description, ledger.name());
  WEIR_LEFT_OUT_UNPARSED(WEIR_X)
#undef WEIR_X
  for (const auto& [name, count] : sorted(ledger.rejects())) {
    out.count("rejected", "Frames in no flow, by reason (weir reasons)", count, {{"reason", name}});
  }
  if (ledger.has_saved_rejects()) {
    out.count("rejects_saved", "Rejected frames in the file of --save-rejects", ledger.saved_rejects().saved());
    for (const auto& [name, count] : sorted(ledger.saved_rejects().unsaved())) {
      out.count("rejects_unsaved", "Rejected frames that are not in it, by reason (weir reasons)", count,
                {{"reason", name}});
    }
  }
  for_monitors(ledger, [&](const auto& one, const Labels& labels) {
    out.count("handover_full", "Frames lost between two workers", one.handover_full(), labels);
  });
  out.count("fragments_without_first", "Counted later fragments whose first was not seen",
            ledger.fragments_without_first());
  out.count("length_from_frame", "Packets whose IP header gives no length", ledger.length_from_frame());
  out.count("length_from_header", "Frames that the port cut, whose IP header says how long they were",
            ledger.length_from_header());
  for_monitors(ledger, [&](const auto& one, const Labels& labels) { add_records(out, one, labels); });
}

ClientMetric::Histogram lateness_of(const v1::Lateness& lateness) {
  ClientMetric::Histogram histogram;
  std::map<std::uint64_t, std::uint64_t> by_end;
  for (const auto& bucket : lateness.buckets()) by_end[bucket.below_ms()] += bucket.records();
  for (std::size_t i = 0; i < Lateness::kBuckets; ++i) {
    const std::uint64_t end_ms = Lateness::bucket_end_ms(i);
    const auto found = by_end.find(end_ms);
    if (found != by_end.end()) histogram.sample_count += found->second;
    histogram.bucket.push_back({histogram.sample_count, end_ms == 0 ? std::numeric_limits<double>::infinity()
                                                                    : static_cast<double>(end_ms) / 1000});
  }
  histogram.sample_sum = static_cast<double>(lateness.sum_ms()) / 1000;
  return histogram;
}

void add_exporters(Families& out, const v1::Ledger& ledger) {
  for (const auto& exporter : ledger.exporters()) {
    Labels labels{{"exporter", exporter.name()}};
    if (!exporter.group().empty()) labels.push_back({"group", exporter.group()});
    if (exporter.state() != "removed") {
      out.gauge("exporter_up", "1: it has a connection, or needs none and is not refused; or it is paused",
                static_cast<std::uint64_t>(exporter.state() == "up" || exporter.state() == "paused" ||
                                           exporter.state() == "drained"),
                labels);
    }
    out.records("exporter_drained", "Offered to this exporter", exporter.drained(), labels);
    out.records("exporter_exported", "Left this exporter", exporter.exported(), labels);
    out.held("exporter_queued", "Waiting in this exporter now", exporter.queued(), labels);
    out.gauge("exporter_queue_octets", "Memory of the batches that wait in its queue", exporter.queue_octets(), labels);
    out.gauge("exporter_queue_limit_octets", "The most memory that the batches in its queue may have",
              exporter.queue_limit_octets(), labels);
    for (const auto& [name, count] : sorted(exporter.lost())) {
      out.records("exporter_lost", "Lost at this exporter, by reason (weir reasons)", count,
                  with(labels, "reason", name));
    }
    out.counter("exporter_writes", "Datagrams or writes that left", exporter.datagrams(), labels);
    out.counter("exporter_wire_octets", "Octets that left", exporter.wire_octets(), labels);
    out.histogram("exporter_lateness_seconds", "From when a flow should have ended to when its record left",
                  lateness_of(exporter.lateness()), labels);
  }
}

void add_ports(Families& out, const v1::Ledger& ledger) {
  for (const auto& port : ledger.ports()) {
    const Labels labels{{"port", port.name()}, {"driver", port.driver()}};
    out.counter("port_received_packets", "The device's own count (ipackets)", port.ipackets(), labels);
    out.counter("port_received_octets", "The device's own count (ibytes)", port.ibytes(), labels);
    out.counter("port_missed_packets", "Dropped by the device for want of descriptors (imissed)", port.imissed(),
                labels);
    out.counter("port_error_packets", "Bad for the device (ierrors)", port.ierrors(), labels);
    out.counter("port_no_mbuf_packets", "No buffer was left (rx_nombuf)", port.rx_nombuf(), labels);
  }
}

void add_prefixes(Families& out, const v1::PrefixStatus& prefixes) {
  for (const auto& file : prefixes.files()) {
    out.gauge("prefix_file_prefixes", "Prefixes of a file of --prefixes", file.prefixes(),
              {{"file", file.name()}, {"form", file.form()}});
  }
  out.gauge("prefixes", "Prefixes of all files of --prefixes together", prefixes.prefixes());
  out.gauge("prefix_map_octets", "Memory that they take", prefixes.octets());
  out.gauge("prefixes_loaded_seconds", "When they were loaded, in seconds since 1970",
            static_cast<double>(prefixes.loaded_ns()) / 1e9);
  out.counter("prefix_loads", "Times that they were loaded", prefixes.loads());
  out.gauge("prefix_reload_failed",
            "1: the last reload failed, and the prefixes before it stay in use (weirctl status)",
            static_cast<std::uint64_t>(!prefixes.error().empty()));
  out.counter("prefix_lookups", "Addresses looked up: two per record", prefixes.lookups());
  out.counter("prefix_lookups_not_found", "Of these, in no prefix", prefixes.not_found());
}

/// Of --input, where records take the place of packets.
void add_samples(Families& out, const v1::InputLedger& input) {
  const Labels labels{{"input", input.name()}};
  out.counter("input_overruns", "Times that the socket of sampled packets was full", input.overruns(), labels);
  out.counter("input_malformed_messages", "Messages of the kernel that hold no packet, or not what they say",
              input.malformed(), labels);
  out.counter("input_other_groups_packets", "Sampled packets of groups that --input does not name",
              input.other_groups(), labels);
  out.counter("input_groups_left_out_packets", "Sampled packets of groups beyond the 255 that have room",
              input.groups_left_out(), labels);
  for (const v1::SampleGroup& group : input.groups()) {
    const Labels of_group{{"input", input.name()}, {"group", std::to_string(group.group())}};
    out.counter("input_group_packets", "Sampled packets that were read", group.samples().packets(), of_group);
    out.counter("input_group_octets", "Frame octets of these", group.samples().octets(), of_group);
    out.counter("input_group_missing_packets", "Sampled packets that never came, by the kernel's numbers",
                group.missing(), of_group);
    out.gauge("input_group_sampling_rate", "What the last packet stands for; 0: the kernel does not say",
              std::uint64_t{group.rate()}, of_group);
  }
}

void add_input(Families& out, const v1::InputLedger& input) {
  if (input.samples_packets()) return add_samples(out, input);
  const Labels labels{{"input", input.name()}};
  out.counter("input_raw_records", "Raw records that were read", input.records(), labels);
  out.counter("input_raw_records_cut", "Raw records inside which a connection ended", input.partial_records(), labels);
  out.counter("input_times_clamped", "Times of raw records that lay in the future and count as now",
              input.times_clamped(), labels);
  out.counter("input_connections", "Connections that came", input.connections(), labels);
  out.gauge("input_open_connections", "Connections that are open", input.open_connections(), labels);
}

void add_status(Families& out, const v1::StatusReply& status, const v1::Ledger& ledger) {
  out.gauge("info", "Always 1", std::uint64_t{1}, {{"version", status.version()}, {"when_full", status.when_full()}});
  out.gauge("phase", "Always 1: whether weir starts, runs or stops, and what it is doing meanwhile", std::uint64_t{1},
            {{"phase", status.phase()}, {"doing", status.doing()}});
  out.gauge("uptime_seconds", "Seconds since weir started", status.uptime_s());
  out.gauge("table_flows", "Flows in the table", status.flows());
  out.gauge("table_capacity_flows", "Flows that it holds", status.capacity());
  out.counter("evictions", "Flows ended for want of room in the table", status.evictions());
  out.counter("overflowed_packets", "Packets that went to the overflow accounter", status.overflowed());
  out.gauge("table_sampling_rate", "One new flow in so many is taken; 1: all",
            static_cast<std::uint64_t>(status.sampling_rate()));
  out.gauge("packet_sampling_rate", "By --sample rate one packet in so many counts; 1: all",
            std::uint64_t{std::max(status.packet_sampling_rate(), 1U)});
  out.gauge("hash_flooding_suspected", "1: keys crowd in one place of the table",
            static_cast<std::uint64_t>(status.hash_flooding().suspected()));
  out.counter("hash_far_inserts", "Keys put four or more cache lines behind their place",
              status.hash_flooding().far_inserts());
  out.gauge("worker_skew_ratio", "Packets of the busiest worker over the mean, last second; 0: no packets",
            status.queue_skew());
  if (status.has_prefixes()) add_prefixes(out, status.prefixes());
  for (const auto& monitor : status.monitors()) {
    const Labels labels{{"monitor", monitor.name()}};
    out.gauge("monitor_capacity_flows", "Flows that the monitor's table holds", monitor.capacity(), labels);
    out.counter("monitor_evictions", "Flows of the monitor that ended because its table was full", monitor.evictions(),
                labels);
  }
  for (const auto& port : status.ports()) {
    out.gauge("port_link_up", "1: the link is up", static_cast<std::uint64_t>(port.link_up()),
              {{"port", port.name()}, {"driver", port.driver()}});
  }
  for (const auto& worker : status.workers()) {
    const Labels labels{{"worker", std::to_string(worker.worker())}};
    out.gauge("worker_busy_ratio", "Share of the last second with packets", worker.busy(), labels);
    out.gauge("worker_asleep_ratio", "Share of the last second without the core", worker.asleep(), labels);
    out.gauge("worker_silent_seconds", "For so long the worker has not polled; 0: it polls", worker.silent_seconds(),
              labels);
    out.gauge("worker_flows", "Flows in the worker's part of the table", worker.flows(), labels);
  }
  for (const auto& worker : ledger.workers()) {
    out.count("worker_received", "Frames received by the worker", worker.received(),
              {{"worker", std::to_string(worker.worker())}});
  }
}

/// While it lives, connects to an address again and again. The HTTP server looks whether it is to end only after an
/// accept(), or every 2 s.
class Knocking {
 public:
  explicit Knocking(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) return;
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host.empty() ? nullptr : host.c_str(), address.c_str() + colon + 1, &hints, &found_) != 0) {
      found_ = nullptr;
      return;
    }
    thread_ = std::thread([this] {
      while (!over_) {
        const UniqueFd fd(socket(found_->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        static_cast<void>(connect(fd.get(), found_->ai_addr, found_->ai_addrlen));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
  }
  Knocking(const Knocking&) = delete;
  Knocking& operator=(const Knocking&) = delete;
  ~Knocking() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
    if (found_ != nullptr) freeaddrinfo(found_);
  }

 private:
  addrinfo* found_ = nullptr;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

class Scrape final : public prometheus::Collectable {
 public:
  explicit Scrape(StatusSource& source) : source_(source) {}
  [[nodiscard]] std::vector<MetricFamily> Collect() const override {
    return prometheus_families(source_.status(), source_.ledger());
  }

 private:
  StatusSource& source_;
};

}  // namespace

std::vector<MetricFamily> prometheus_families(const v1::StatusReply& status, const v1::Ledger& ledger) {
  Families out;
  add_status(out, status, ledger);
  add_ledger(out, ledger);
  add_exporters(out, ledger);
  add_ports(out, ledger);
  if (ledger.has_input()) add_input(out, ledger.input());
  return out.take();
}

struct PrometheusService::Impl {
  Impl(const std::string& listen_on, StatusSource& source)
      : address(listen_on), scrape(std::make_shared<Scrape>(source)) {
    exposer.emplace(
        std::vector<std::string>{"listening_ports", address, "num_threads", "2", "request_timeout_ms", "5000"});
    exposer->RegisterCollectable(scrape);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    const Knocking knocking(address);
    exposer.reset();
  }

  std::string address;
  std::shared_ptr<Scrape> scrape;  ///< the exposer holds it weakly
  std::optional<prometheus::Exposer> exposer;
};

PrometheusService::PrometheusService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrometheusService::~PrometheusService() = default;

tl::expected<std::unique_ptr<PrometheusService>, std::string> PrometheusService::start(const std::string& address,
                                                                                       StatusSource& source) {
  try {
    return std::unique_ptr<PrometheusService>(new PrometheusService(std::make_unique<Impl>(address, source)));
  } catch (const std::exception&) {  // it says no more than "null context when constructing CivetServer"
    return tl::make_unexpected(fmt::format(
        "{}: cannot listen there (the port is in use, or the address is not this machine's); use --prometheus for "
        "another one",
        address));
  }
}

}  // namespace weir
