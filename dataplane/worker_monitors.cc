// Worker: how it is made, and what is asked of all its monitors together.
#include <algorithm>

#include "dataplane/worker.h"

namespace weir {
namespace {

MonitorOptions plain_monitor(const WorkerOptions& options) {
  return {.number = 0,
          .alone = options.further.empty(),
          .icmp_in_key = parser_options(options, options.further).icmp_in_key,
          .capacity = options.capacity,
          .ring_lines = ring_lines(options.ring_records),
          .ring_full = RingFull::lose,
          .timeouts = options.timeouts,
          .when_full = options.when_full,
          .key = options.key,
          .pairs = options.pairs,
          .samples = options.samples,
          .metrics = options.metrics,
          .sampling = options.sampling,
          .worker = options.number,
          .filter = options.filter};
}

}  // namespace

Worker::Part::Part(const MonitorOptions& options, const KeyHash& hash)
    : monitor(options, hash),
      wants_payload(monitor.wants_payload()),
      samples_parsed(monitor.samples_parsed()),
      payloads(wants_payload ? FlowShard::kBurst : 0),
      packets(options.number == 0 ? 0 : FlowShard::kBurst),
      facts(options.number == 0 || !monitor.wants_facts() ? 0 : FlowShard::kBurst) {}

Worker::Worker(const WorkerOptions& options, const KeyHash& hash)
    : options_(options),
      mesh_(options.handover != nullptr ? options.handover : options.icmp_mesh),
      rejects_(options.save_rejects ? std::make_unique<RejectRing>() : nullptr),
      front_(parser_options(options, options.further), hash, options.handover, options.number, options.filter),
      first_(plain_monitor(options), hash),
      hash_(hash),
      wants_facts_(false),
      wants_payload_(false),
      wants_headers_(false),
      samples_frames_(false),
      rings_read_(options.workers) {
  if (first_.monitor.has_pairs()) front_.sight_fragments(hash);
  const MonitorOptions plain = plain_monitor(options);
  for (const FurtherMonitor& further : options.further) {
    const MonitorOptions monitor = further_monitor(plain, further, static_cast<std::uint8_t>(monitors()));
    front_.add_filter(monitor.number, monitor.filter);
    further_.push_back(std::make_unique<Part>(monitor, hash));
  }
  follow_flows();
}

FlowReplacement::Parts Worker::make_parts(unsigned monitor, const FurtherMonitor& settings) {
  Monitor& of = part(monitor).monitor;
  const MonitorOptions options = further_monitor(plain_monitor(options_), settings, of.number());
  FlowReplacement::Parts parts;
  parts.flows = std::make_unique<FlowGeneration>(options, hash_, of.live_counters(), of.records(), !of.flows().odd);
  if (parts.flows->shard.metrics().wants_payload()) parts.payloads = PayloadBuffer(FlowShard::kBurst);
  if (parts.flows->wants_facts() && monitor != 0) parts.facts.resize(FlowShard::kBurst);
  return parts;
}

void Worker::follow_flows() {
  wants_facts_ = wants_payload_ = false;
  bool icmp_in_key = false;
  bool note_icmp_errors = false;
  const auto follow = [&](Part& part) {
    part.wants_payload = part.monitor.wants_payload();
    wants_facts_ |= part.monitor.any_wants_facts();
    wants_payload_ |= part.wants_payload;
    icmp_in_key |= part.monitor.key().icmp;
    note_icmp_errors |= part.monitor.wants_icmp_errors();
  };
  follow(first_);
  for (const auto& part : further_) follow(*part);
  front_.set_parser(icmp_in_key, note_icmp_errors);
  first_.monitor.set_icmp_in_key(icmp_in_key);
  for (const auto& part : further_) part->monitor.set_icmp_in_key(icmp_in_key);
  counts_together_ = !further_.empty() && !wants_facts_;
  follow_choices();
}

void Worker::follow_choices() {
  const auto follow = [this](Part& part) {
    front_.set_filter(part.monitor.number(), part.monitor.filter());
    part.samples_parsed = part.monitor.samples_parsed();
    wants_headers_ |= part.monitor.filters();
  };
  wants_headers_ = first_.monitor.has_pairs();
  follow(first_);
  for (const auto& part : further_) follow(*part);
  samples_frames_ = first_.monitor.samples_frames();
  front_.set_sampling_level(samples_frames_ ? first_.monitor.sampling_level() : 0);
  const bool share = counts_together_ && options_.handover == nullptr && first_.monitor.takes_all_as_parsed();
  for (const auto& part : further_) part->shares = share && part->monitor.takes_all_as_parsed();
}

bool Worker::ok() const {
  return front_.ok() && first_.monitor.ok() &&
         std::all_of(further_.begin(), further_.end(), [](const auto& part) { return part->monitor.ok(); });
}

void Worker::touch(Touching* touching) {
  first_.monitor.touch(touching);
  for (const auto& part : further_) part->monitor.touch(touching);
  front_.touch(touching);
}

std::size_t Worker::octets() const {
  std::size_t octets = first_.monitor.octets() + front_.octets();
  for (const auto& part : further_) octets += part->monitor.octets();
  return octets;
}

bool Worker::behind() const {
  const auto is_behind = [](const Part& part) {
    return part.monitor.shard().timers_behind() || part.ending || part.queries.asked();
  };
  return is_behind(first_) ||
         std::any_of(further_.begin(), further_.end(), [&](const auto& part) { return is_behind(*part); });
}

WorkerCounters Worker::counters() const {
  WorkerCounters counters{front_.counters(), first_.monitor.counters(), {}};
  for (const auto& part : further_) counters.further.push_back(part->monitor.counters());
  return counters;
}

}  // namespace weir
