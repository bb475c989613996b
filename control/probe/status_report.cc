#include "control/probe/status_report.h"

#include <unistd.h>

#include <algorithm>

#include "control/export/export_uri.h"
#include "control/ledger/ledger_report.h"
#include "proto/base/duration.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

void add_port(v1::StatusReply& reply, const dpdk::PortInfo& info) {
  v1::PortStatus& port = *reply.add_ports();
  port.set_name(info.name);
  port.set_driver(info.driver);
  port.set_link_up(info.link_up);
  port.set_link_mbps(info.link_mbps);
  port.set_queues(info.queues);
  port.set_rx_descriptors(info.rx_descriptors);
  port.set_mtu(info.mtu);
  port.set_numa_node(info.numa_node);
  port.set_rss(info.rss);
}

void add_worker(v1::StatusReply& reply, unsigned number, const StatusValues& values) {
  const WorkerFacts& facts = values.workers[number];
  v1::WorkerStatus& worker = *reply.add_workers();
  worker.set_worker(number);
  worker.set_core(static_cast<std::int32_t>(facts.core));
  worker.set_capacity(facts.capacity);
  worker.set_idle(facts.idle);
  if (number < values.silences.size()) {
    worker.set_silent_seconds(std::chrono::duration<double>(values.silences[number]).count());
  }
  if (values.moment != nullptr) {
    worker.set_flows(all_monitors(values.moment->counters[number]).in_table.records);
  }
  if (number >= values.rates.workers.size()) return;
  const WorkerRate& rate = values.rates.workers[number];
  worker.set_packets_per_second(rate.packets_per_second);
  worker.set_frame_bits_per_second(rate.frame_bits_per_second);
  worker.set_share(rate.share);
  worker.set_busy(rate.busy);
  worker.set_asleep(rate.asleep);
}

/// What the policy for a full table has come to, and what --sample rate does now.
void add_when_full(v1::StatusReply& reply, const Moment& moment) {
  std::uint64_t level = 0;
  std::uint64_t packet_level = 0;
  for (const WorkerCounters& worker : moment.counters) {
    const WorkerCounters counters = all_monitors(worker);
    reply.set_evictions(reply.evictions() + counters.evictions);
    reply.set_overflowed(reply.overflowed() + counters.overflowed);
    level = std::max(level, counters.sampling_level);
    packet_level = std::max(packet_level, counters.packet_sampling_level);
  }
  std::uint64_t held = moment.totals.overflow.held.records;
  for (const OverflowTotals& overflow : moment.totals.further_overflow) held += overflow.held.records;
  reply.set_overflow_flows(held);
  reply.set_sampling_rate(std::uint32_t{1} << level);
  reply.set_packet_sampling_rate(std::uint32_t{1} << packet_level);
}

/// A monitor that the configuration names: what it does, and what it has come to.
void add_monitor(v1::StatusReply& reply, unsigned number, const StatusValues& values) {
  const MonitorPlan& plan = values.monitors[number];
  v1::MonitorStatus& out = *reply.add_monitors();
  out.set_name(plan.name);
  out.set_key(plan.key_list);
  out.set_filter(plan.filter);
  out.set_metrics(plan.metric_list);
  out.set_sample(plan.sample);
  out.set_when_full(plan.flow.when_full == WhenFull::evict      ? "evict"
                    : plan.flow.when_full == WhenFull::overflow ? "overflow"
                                                                : "sample");
  out.set_idle_timeout(duration_text(plan.flow.timeouts.idle_ns));
  out.set_active_timeout(duration_text(plan.flow.timeouts.active_ns));
  for (const std::string& name : plan.exports) out.add_exporters(without_keys(name));
  for (const WorkerFacts& worker : values.workers) out.set_capacity(out.capacity() + worker.capacities[number]);
  if (number < static_cast<unsigned>(values.ledger.monitors_size())) {
    const v1::MonitorLedger& ledger = values.ledger.monitors(static_cast<int>(number));
    out.set_flows(ledger.in_table().records());
    out.set_packets(ledger.counted().packets());
    out.set_records(ledger.drained().records());
  }
  if (values.moment == nullptr) return;
  std::uint64_t level = 0;
  std::uint64_t packet_level = 0;
  for (const WorkerCounters& worker : values.moment->counters) {
    const WorkerCounters counters = of_monitor(worker, number);
    out.set_evictions(out.evictions() + counters.evictions);
    out.set_overflowed(out.overflowed() + counters.overflowed);
    level = std::max(level, counters.sampling_level);
    packet_level = std::max(packet_level, counters.packet_sampling_level);
  }
  out.set_sampling_rate(std::uint32_t{1} << level);
  out.set_packet_sampling_rate(std::uint32_t{1} << packet_level);
}

void add_flood(v1::StatusReply& reply, const FloodWatch::Report& flood) {
  v1::HashFlooding& flooding = *reply.mutable_hash_flooding();
  flooding.set_suspected(flood.suspected);
  flooding.set_far_inserts(flood.far_inserts);
  flooding.set_far_inserts_recent(flood.recent);
  flooding.set_longest_probe(flood.longest_probe);
}

void add_prefixes(v1::StatusReply& reply, const PrefixStoreStatus& status) {
  v1::PrefixStatus& out = *reply.mutable_prefixes();
  for (const PrefixStoreStatus::File& file : status.files) {
    v1::PrefixFile& one = *out.add_files();
    one.set_name(file.name);
    one.set_form(std::string(prefix_form_name(file.form)));
    one.set_prefixes(file.prefixes);
  }
  out.set_prefixes(status.prefixes);
  out.set_octets(status.octets);
  out.set_loaded_ns(status.loaded_ns);
  out.set_loads(status.loads);
  out.set_loading(status.loading);
  out.set_error(status.error);
  out.set_error_ns(status.error_ns);
  out.set_lookups(status.lookups);
  out.set_not_found(status.not_found);
}

}  // namespace

v1::StatusReply make_status(const Activity& activity, double uptime_s) {
  v1::StatusReply reply;
  reply.set_version(std::string(version()));
  reply.set_pid(static_cast<std::uint64_t>(getpid()));
  reply.set_uptime_s(uptime_s);
  reply.set_phase(std::string(phase_name(activity.phase)));
  reply.set_doing(activity.doing);
  reply.set_balanced(true);  // while no worker counts there is nothing that could be unbalanced
  reply.set_ledger("none");
  return reply;
}

void add_running_status(v1::StatusReply& reply, const StatusValues& values) {
  reply.set_hugepages(values.hugepages);
  for (const dpdk::PortInfo& port : values.ports) add_port(reply, port);
  std::uint64_t flows = 0;
  std::uint64_t capacity = 0;
  for (unsigned i = 0; i < values.workers.size(); ++i) {
    add_worker(reply, i, values);
    flows += reply.workers(static_cast<int>(i)).flows();
    capacity += values.workers[i].capacity;
  }
  reply.set_flows(flows);
  reply.set_capacity(capacity);
  reply.set_queue_skew(values.rates.skew);
  reply.set_when_full(values.when_full);
  if (values.moment != nullptr) add_when_full(reply, *values.moment);
  for (unsigned i = 0; i < values.monitors.size(); ++i) add_monitor(reply, i, values);
  add_flood(reply, values.flood);
  if (values.prefixes) add_prefixes(reply, *values.prefixes);
  reply.set_balanced(values.ledger.balanced());
  reply.set_ledger(values.ledger.state());
  reply.set_stale_since_ns(values.ledger.stale_since_ns());
  *reply.mutable_exporters() = values.ledger.exporters();
}

v1::Ledger make_live_ledger(const std::optional<Moment>& last, bool stale, const std::vector<v1::PortLedger>& ports,
                            const Activity& activity, const std::vector<std::string>& monitors) {
  v1::Ledger ledger = last ? make_running_ledger(last->counters, last->totals, ports, monitors) : make_empty_ledger();
  if (last && stale) {
    ledger.set_state("stale");
    ledger.set_stale_since_ns(last->wall_ns);
  }
  ledger.set_doing(activity.text());
  return ledger;
}

v1::RssReply make_rss(const dpdk::RssReport& report, bool handing_over) {
  v1::RssReply reply;
  for (const dpdk::RssPortReport& port : report.ports) {
    v1::RssPort& out = *reply.add_ports();
    out.set_name(port.name);
    out.set_hash(port.hash);
    out.set_key_octets(port.key_octets);
    out.set_table_entries(port.table_entries);
    out.set_conversations(port.conversations);
    out.set_split(port.split);
    out.set_fragments_split(port.fragments_split);
    out.set_example(port.example);
    out.mutable_known_by_queue()->Add(port.known_by_queue.begin(), port.known_by_queue.end());
    out.mutable_queue_packets()->Add(port.queue_packets.begin(), port.queue_packets.end());
  }
  reply.set_split_between_ports(report.split_between_ports);
  reply.set_meets(report.meets);
  reply.set_handing_over(handing_over);
  reply.set_ok(report.meets || handing_over);
  return reply;
}

v1::RssReply make_rss_without_ports(const Activity& activity) {
  v1::RssReply reply;
  reply.set_doing(activity.text());
  return reply;
}

std::vector<v1::PortLedger> make_port_ledgers(const std::vector<dpdk::PortInfo>& ports,
                                              const std::vector<dpdk::PortCounters>& counters) {
  std::vector<v1::PortLedger> ledgers;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    v1::PortLedger& port = ledgers.emplace_back();
    port.set_name(ports[i].name);
    port.set_driver(ports[i].driver);
    port.set_ipackets(counters[i].ipackets);
    port.set_ibytes(counters[i].ibytes);
    port.set_imissed(counters[i].imissed);
    port.set_ierrors(counters[i].ierrors);
    port.set_rx_nombuf(counters[i].rx_nombuf);
  }
  return ledgers;
}

}  // namespace weir
