#include "control/ledger/ledger_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/icmp_quotes.h"
#include "dataplane/loss.h"
#include "dataplane/metric/missing_facts.h"
#include "dataplane/packet/reject.h"

namespace weir {
namespace {

void put(v1::Count& out, const PacketCount& count) {
  out.set_packets(count.packets);
  out.set_octets(count.octets);
}

void put(v1::RecordCount& out, const RecordTotals& count) {
  out.set_records(count.records);
  out.set_packets(count.packets);
  out.set_octets(count.octets);
}

/// Collects the equations that do not hold, each with its two sides.
class Checker {
 public:
  explicit Checker(v1::Ledger& ledger) : ledger_(ledger) {}
  bool equal(const std::string& what, std::uint64_t left, std::uint64_t right) {
    if (left == right) return true;
    ledger_.add_violations(fmt::format("{}: {} is not {}", what, left, right));
    return false;
  }
  bool at_least(const std::string& what, std::uint64_t left, std::uint64_t right) {
    if (left >= right) return true;
    ledger_.add_violations(fmt::format("{}: {} is less than {}", what, left, right));
    return false;
  }

 private:
  v1::Ledger& ledger_;
};

RecordTotals sum_lost(const WorkerCounters& counters) {
  RecordTotals lost;
  for (const RecordTotals& one : counters.lost) lost += one;
  return lost;
}

/// What a worker gave to others: packets to the owners of their flows, later fragments to those of their datagrams.
PacketCount handed_over(const WorkerCounters& counters) {
  PacketCount count = counters.handed_over;
  return count += counters.fragments_handed_over;
}

PacketCount taken_over(const WorkerCounters& counters) {
  PacketCount count = counters.taken_over;
  return count += counters.fragments_taken_over;
}

bool check_worker(Checker& check, const std::string& name, const WorkerAccount& account, bool final) {
  const WorkerCounters& c = account.counters;

  PacketCount in = c.received;
  in += taken_over(c);
  PacketCount out = c.counted;
  out += c.all_sampled_out();
  for (const PacketCount& reject : c.rejects) out += reject;
  out += c.filtered_out;
  out += c.frame_filtered_out;
  out += c.duplicate;
  out += handed_over(c);
  out += c.handover_full;
  bool ok =
      check.equal(name +
                      ": packets received + taken over = counted + sampled out + filtered out + frame filtered out "
                      "+ duplicate + rejects + handed over + handover_full",
                  in.packets, out.packets);
  ok &= check.equal(name +
                        ": frame octets received + taken over = counted + sampled out + filtered out + frame filtered "
                        "out + duplicate + rejects + handed over + handover_full",
                    in.octets, out.octets);

  const RecordTotals lost = sum_lost(c);
  ok &= check.equal(name + ": packets counted = in table + lost + emitted", c.counted.packets,
                    c.in_table.packets + lost.packets + c.emitted.packets);
  ok &= check.equal(name + ": IP octets counted = in table + lost + emitted", c.counted_ip_octets,
                    c.in_table.octets + lost.octets + c.emitted.octets);
  const auto compare = [&](const std::string& what, std::uint64_t emitted, std::uint64_t drained) {
    return final ? check.equal(name + ": " + what + " emitted = drained", emitted, drained)
                 : check.at_least(name + ": " + what + " emitted >= drained", emitted, drained);
  };
  ok &= compare("records", c.emitted.records, account.drained.records);
  ok &= compare("packets", c.emitted.packets, account.drained.packets);
  ok &= compare("IP octets", c.emitted.octets, account.drained.octets);
  if (account.recount) {
    ok &= check.equal(name + ": records in table, recounted", c.in_table.records, account.recount->records);
    ok &= check.equal(name + ": packets in table, recounted", c.in_table.packets, account.recount->packets);
    ok &= check.equal(name + ": IP octets in table, recounted", c.in_table.octets, account.recount->octets);
  }
  if (final) ok &= check.equal(name + ": packets in table at the end", c.in_table.packets, 0);
  return ok;
}

v1::ExporterLedger make_exporter_ledger(const ExporterSnapshot& snapshot) {
  v1::ExporterLedger out;
  out.set_name(snapshot.name);
  out.set_uri(snapshot.uri);
  out.set_state(snapshot.state);
  put(*out.mutable_drained(), snapshot.drained);
  put(*out.mutable_exported(), snapshot.exported);
  put(*out.mutable_queued(), snapshot.queued);
  for (const auto& [name, totals] : snapshot.lost) put((*out.mutable_lost())[name], totals);
  out.set_datagrams(snapshot.datagrams);
  out.set_wire_octets(snapshot.wire_octets);
  for (std::size_t i = 0; i < Lateness::kBuckets; ++i) {
    if (snapshot.lateness.counts[i] == 0) continue;
    v1::Lateness::Bucket& bucket = *out.mutable_lateness()->add_buckets();
    bucket.set_below_ms(Lateness::bucket_end_ms(i));
    bucket.set_records(snapshot.lateness.counts[i]);
  }
  if (out.has_lateness()) {
    out.mutable_lateness()->set_greatest_ms(snapshot.lateness.greatest_ns / 1'000'000);
    out.mutable_lateness()->set_sum_ms(snapshot.lateness.sum_us / 1'000);
  }
  out.set_queue_octets(snapshot.queue_octets);
  out.set_queue_limit_octets(snapshot.queue_limit_octets);
  for (const ConnectionCount& connection : snapshot.connections) {
    v1::ConnectionLedger& one = *out.add_connections();
    one.set_first(connection.first);
    one.set_last(connection.last);
    put(*one.mutable_exported(), connection.exported);
    put(*one.mutable_unacknowledged(), connection.unacknowledged);
    one.set_open(connection.open);
    one.set_ended(connection.ended);
  }
  out.set_group(snapshot.group);
  for (const std::string& name : snapshot.members) out.add_members(name);
  out.set_balanced(snapshot.accounted() == snapshot.drained);
  return out;
}

/// What a worker received, and why some of it is in no flow: the same for every monitor.
template <typename Out>
void put_front(Out& out, const PacketCounters& c) {
  put(*out.mutable_received(), c.received);
  put(*out.mutable_frame_filtered_out(), c.frame_filtered_out);
  put(*out.mutable_fragments_without_first(), c.fragments_without_first);
  put(*out.mutable_length_from_frame(), c.length_from_frame);
  put(*out.mutable_length_from_header(), c.length_from_header);
  put(*out.mutable_clock_epochs(), c.clock_epochs);
  put(*out.mutable_clock_as_reordered(), c.clock_as_reordered);
  for (std::size_t i = 1; i < kRejectCount; ++i) {
    put((*out.mutable_rejects())[std::string(kRejectTexts[i].name)], c.rejects[i]);
  }
}

/// What a monitor made of the packets that it was offered.
template <typename Out>
void put_flows(Out& out, const FlowCounters& c) {
  put(*out.mutable_counted(), c.counted);
  put(*out.mutable_counted_ip(), {c.counted.packets, c.counted_ip_octets});
  put(*out.mutable_sampled_out(), c.all_sampled_out());
  put(*out.mutable_filtered_out(), c.filtered_out);
  put(*out.mutable_duplicate(), c.duplicate);
  put(*out.mutable_handover_full(), c.handover_full);
  put(*out.mutable_in_table(), c.in_table);
  for (std::size_t i = 0; i < kLossCount; ++i) {
    put((*out.mutable_lost())[std::string(kLossTexts[i].name)], c.lost[i]);
  }
}

/// What a monitor counted, all workers together: the front's counts, too.
void add_counters(WorkerCounters& sum, const WorkerCounters& c) {
  for (std::size_t i = 1; i < kRejectCount; ++i) sum.rejects[i] += c.rejects[i];
  sum.received += c.received;
  sum.offered += c.offered;
  sum.frame_filtered_out += c.frame_filtered_out;
  sum.fragments_without_first += c.fragments_without_first;
  sum.length_from_frame += c.length_from_frame;
  sum.length_from_header += c.length_from_header;
  sum.fragments_handed_over += c.fragments_handed_over;
  sum.fragments_taken_over += c.fragments_taken_over;
  sum.clock_epochs += c.clock_epochs;
  sum.clock_as_reordered += c.clock_as_reordered;
  add_flows(sum, c);
}

/// What the exporters of a monitor were offered: what was drained, but for packets that the accounter took, which come
/// as its records.
RecordTotals offered_to_exporters(RecordTotals drained, const OverflowTotals& overflow) {
  drained += overflow.given;
  return without(drained, overflow.taken);
}

void check_overflow(Checker& check, const OverflowTotals& overflow, bool final) {
  check.equal("packets taken by the accounter = held + lost + given", overflow.taken.packets,
              overflow.held.packets + overflow.lost.packets + overflow.given.packets);
  check.equal("IP octets taken by the accounter = held + lost + given", overflow.taken.octets,
              overflow.held.octets + overflow.lost.octets + overflow.given.octets);
  if (final) check.equal("packets held by the accounter at the end", overflow.held.packets, 0);
}

/// `by_now`: what the exporter's monitors have given. Every exporter was offered what they gave while it was there, but
/// for members of groups: their groups give them what they drain, and a group's equation holds only if that is what it
/// gave (control/export/group_books.h).
void check_exporter(Checker& check, const ExporterSnapshot& snapshot, const RecordTotals& by_now, bool final) {
  const RecordTotals offered = without(snapshot.left_at.value_or(by_now), snapshot.missed);
  const RecordTotals accounted = snapshot.accounted();
  const auto compare = [&](const char* unit, std::uint64_t drained, std::uint64_t left, std::uint64_t came) {
    check.equal(fmt::format("{}: {} drained = exported + queued + lost", snapshot.name, unit), drained, left);
    if (!snapshot.group.empty()) return;
    check.equal(fmt::format("{}: {} offered = drained", snapshot.name, unit), drained, came);
  };
  compare("records", snapshot.drained.records, accounted.records, offered.records);
  compare("packets", snapshot.drained.packets, accounted.packets, offered.packets);
  compare("IP octets", snapshot.drained.octets, accounted.octets, offered.octets);
  if (!snapshot.connections.empty()) {
    RecordTotals acknowledged;
    for (const ConnectionCount& connection : snapshot.connections) acknowledged += connection.exported;
    check.equal(fmt::format("{}: records exported = acknowledged on its connections", snapshot.name),
                snapshot.exported.records, acknowledged.records);
  }
  if (final) check.equal(fmt::format("{}: records queued at the end", snapshot.name), snapshot.queued.records, 0);
}

}  // namespace

namespace {

/// What became of the packets of a monitor, and of its records before the exporters. Ledger, or MonitorLedger.
template <typename Out>
void put_monitor(Out& out, const WorkerCounters& sum, const RecordTotals& drained, const OverflowTotals& overflow) {
  put_flows(out, sum);
  for (std::size_t i = 0; i < kIcmpQuoteCount; ++i) {
    if (sum.icmp_quotes[i] == 0) continue;
    (*out.mutable_icmp_quotes())[std::string(kIcmpQuoteTexts[i].name)] = sum.icmp_quotes[i];
  }
  for (std::size_t i = 0; i < kMissingFactCount; ++i) {
    if (sum.missing_facts[i] == 0) continue;
    (*out.mutable_missing_facts())[std::string(kMissingFactTexts[i].name)] = sum.missing_facts[i];
  }
  put(*out.mutable_in_rings(), without(sum.emitted, drained));
  put(*out.mutable_drained(), offered_to_exporters(drained, overflow));
  put(*out.mutable_in_overflow(), overflow.held);
}

/// A monitor's sums over the workers.
struct MonitorSums {
  WorkerCounters counters;
  RecordTotals drained;
};

void put_worker(v1::WorkerLedger& out, unsigned number, const WorkerAccount& account) {
  const WorkerCounters& c = account.counters;
  out.set_worker(number);
  put_front(out, c);
  put_flows(out, c);
  put(*out.mutable_handed_over(), handed_over(c));
  put(*out.mutable_taken_over(), taken_over(c));
  put(*out.mutable_in_ring(), without(c.emitted, account.drained));
}

/// The workers' ledgers are added to `out`. Violations begin with the monitor's name, if it has one.
template <typename Out>
MonitorSums check_monitor(Checker& check, const MonitorAccount& monitor, Out& out, bool final) {
  const std::string prefix = monitor.name.empty() ? std::string() : fmt::format("monitor {}, ", monitor.name);
  MonitorSums sums;
  for (unsigned number = 0; number < monitor.workers.size(); ++number) {
    const WorkerAccount& account = monitor.workers[number];
    v1::WorkerLedger& worker = *out.add_workers();
    put_worker(worker, number, account);
    worker.set_balanced(check_worker(check, fmt::format("{}worker {}", prefix, number), account, final));
    add_counters(sums.counters, account.counters);
    sums.drained += account.drained;
  }
  sums.counters.lost[static_cast<std::size_t>(Loss::overflow_full)] += monitor.overflow.lost;
  check_overflow(check, monitor.overflow, final);
  const PacketCount handed = handed_over(sums.counters);
  const PacketCount taken = taken_over(sums.counters);
  // Workers answer one after another, so a packet may be counted as handed over and not yet as taken, or the reverse.
  // The two counts must be equal only when all workers rest.
  if (final) {
    check.equal(prefix + "packets handed over = taken over", handed.packets, taken.packets);
    check.equal(prefix + "frame octets handed over = taken over", handed.octets, taken.octets);
  }
  put(*out.mutable_in_handover(), without(handed, taken));
  return sums;
}

/// Received, and neither rejected nor kept out by --frame-filter. Fragments between two workers are on their way to all
/// monitors.
PacketCount offered_to_monitors(const WorkerCounters& sum) {
  PacketCount offered = sum.received;
  offered -= sum.frame_filtered_out;
  for (const PacketCount& reject : sum.rejects) offered -= reject;
  return offered;
}

/// Of each worker, what it received and the sums over its monitors.
void add_workers(v1::Ledger& ledger, const std::vector<MonitorAccount>& monitors) {
  for (unsigned number = 0; number < monitors.front().workers.size(); ++number) {
    WorkerAccount sum = monitors.front().workers[number];
    bool balanced = true;
    for (std::size_t i = 0; i < monitors.size(); ++i) {
      balanced &= ledger.monitors(static_cast<int>(i)).workers(static_cast<int>(number)).balanced();
      if (i == 0) continue;
      add_flows(sum.counters, monitors[i].workers[number].counters);
      sum.drained += monitors[i].workers[number].drained;
    }
    v1::WorkerLedger& out = *ledger.add_workers();
    put_worker(out, number, sum);
    out.set_balanced(balanced);
  }
}

void add_ports(v1::Ledger& ledger, const std::vector<v1::PortLedger>& ports) {
  for (const v1::PortLedger& port : ports) *ledger.add_ports() = port;
  ledger.set_balanced(ledger.violations().empty());
  ledger.set_state(ledger.balanced() ? "balanced" : "unbalanced");
}

}  // namespace

v1::Ledger make_ledger(const std::vector<WorkerAccount>& workers, const std::vector<ExporterSnapshot>& exporters,
                       const std::vector<v1::PortLedger>& ports, bool final, const OverflowTotals& overflow) {
  v1::Ledger ledger;
  Checker check(ledger);
  const MonitorSums sums = check_monitor(check, {"", workers, overflow}, ledger, final);
  put_front(ledger, sums.counters);
  put_monitor(ledger, sums.counters, sums.drained, overflow);
  const RecordTotals offered = offered_to_exporters(sums.drained, overflow);
  for (const ExporterSnapshot& snapshot : exporters) {
    *ledger.add_exporters() = make_exporter_ledger(snapshot);
    check_exporter(check, snapshot, offered, final);
  }
  add_ports(ledger, ports);
  return ledger;
}

v1::Ledger make_monitors_ledger(const std::vector<MonitorAccount>& monitors,
                                const std::vector<ExporterSnapshot>& exporters,
                                const std::vector<v1::PortLedger>& ports, bool final) {
  v1::Ledger ledger;
  Checker check(ledger);
  WorkerCounters all;
  RecordTotals drained;
  OverflowTotals overflow;
  PacketCount in_handover;
  std::vector<RecordTotals> offered;
  for (const MonitorAccount& monitor : monitors) {
    v1::MonitorLedger& out = *ledger.add_monitors();
    out.set_name(monitor.name);
    const int violations = ledger.violations_size();
    const MonitorSums sums = check_monitor(check, monitor, out, final);
    put(*out.mutable_offered(), offered_to_monitors(sums.counters));
    put_monitor(out, sums.counters, sums.drained, monitor.overflow);
    out.set_balanced(ledger.violations_size() == violations);
    offered.push_back(offered_to_exporters(sums.drained, monitor.overflow));
    in_handover += PacketCount{out.in_handover().packets(), out.in_handover().octets()};
    // What a worker received is the same for every monitor.
    monitors.data() == &monitor ? add_counters(all, sums.counters) : add_flows(all, sums.counters);
    drained += sums.drained;
    overflow.taken += monitor.overflow.taken;
    overflow.given += monitor.overflow.given;
    overflow.held += monitor.overflow.held;
  }
  add_workers(ledger, monitors);
  put_front(ledger, all);
  put_monitor(ledger, all, drained, overflow);
  put(*ledger.mutable_in_handover(), in_handover);
  for (const ExporterSnapshot& snapshot : exporters) {
    *ledger.add_exporters() = make_exporter_ledger(snapshot);
    RecordTotals came;
    for (std::size_t i = 0; i < offered.size(); ++i) {
      if ((snapshot.monitors >> i & 1) != 0) came += offered[i];
    }
    check_exporter(check, snapshot, came, final);
  }
  add_ports(ledger, ports);
  return ledger;
}

std::vector<MonitorAccount> monitor_accounts(const std::vector<std::string>& names,
                                             const std::vector<WorkerCounters>& workers, const DrainTotals& totals,
                                             const Recount& recount) {
  std::vector<MonitorAccount> monitors;
  for (unsigned number = 0; number < std::max<std::size_t>(names.size(), 1); ++number) {
    MonitorAccount& monitor = monitors.emplace_back();
    if (!names.empty()) monitor.name = names[number];
    monitor.overflow = number == 0 ? totals.overflow : totals.further_overflow[number - 1];
    for (unsigned worker = 0; worker < workers.size(); ++worker) {
      monitor.workers.push_back({of_monitor(workers[worker], number), totals.drained[number * workers.size() + worker],
                                 recount ? std::optional(recount(worker, number)) : std::nullopt});
    }
  }
  return monitors;
}

v1::Ledger make_whole_ledger(const std::vector<std::string>& names, const std::vector<WorkerCounters>& workers,
                             const DrainTotals& totals, const std::vector<v1::PortLedger>& ports, bool final,
                             const Recount& recount) {
  const std::vector<MonitorAccount> monitors = monitor_accounts(names, workers, totals, recount);
  if (!names.empty()) return make_monitors_ledger(monitors, totals.exporters, ports, final);
  return make_ledger(monitors.front().workers, totals.exporters, ports, final, monitors.front().overflow);
}

v1::Ledger make_running_ledger(const std::vector<WorkerCounters>& workers, const DrainTotals& totals,
                               const std::vector<v1::PortLedger>& ports, const std::vector<std::string>& monitors) {
  return make_whole_ledger(monitors, workers, totals, ports, false);
}

void add_saved_rejects(v1::Ledger& ledger, SavedRejects saved, const std::vector<WorkerCounters>& workers, bool final) {
  if (saved.file.empty()) return;
  for (const WorkerCounters& counters : workers) {
    saved.unsaved[static_cast<std::size_t>(UnsavedReject::rejects_ring_full)] += counters.rejects_unsaved;
  }
  v1::SavedRejects& out = *ledger.mutable_saved_rejects();
  out.set_file(saved.file);
  put(*out.mutable_saved(), saved.saved);
  PacketCount all = saved.saved;
  for (std::size_t i = 0; i < saved.unsaved.size(); ++i) {
    put((*out.mutable_unsaved())[std::string(kUnsavedRejectTexts[i].name)], saved.unsaved[i]);
    all += saved.unsaved[i];
  }
  if (!final) return;
  PacketCount rejected;
  for (const auto& [name, count] : ledger.rejects()) rejected += {count.packets(), count.octets()};
  Checker check(ledger);
  check.equal("frames rejected = saved + not saved", rejected.packets, all.packets);
  check.equal("frame octets rejected = saved + not saved", rejected.octets, all.octets);
  ledger.set_balanced(ledger.violations().empty());
  ledger.set_state(ledger.balanced() ? "balanced" : "unbalanced");
}

v1::Ledger make_empty_ledger() {
  v1::Ledger ledger = make_ledger({}, {}, {}, false);
  ledger.set_state("none");
  return ledger;
}

}  // namespace weir
