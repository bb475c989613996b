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
      wants_facts_(first_.monitor.wants_facts()),
      wants_payload_(first_.wants_payload),
      wants_headers_(false),
      samples_frames_(false) {
  if (first_.monitor.has_pairs()) front_.sight_fragments(hash);
  const MonitorOptions plain = plain_monitor(options);
  for (const FurtherMonitor& further : options.further) {
    const MonitorOptions monitor = further_monitor(plain, further, static_cast<std::uint8_t>(monitors()));
    front_.add_filter(monitor.number, monitor.filter);
    const Part& part = *further_.emplace_back(std::make_unique<Part>(monitor, hash));
    wants_facts_ |= part.monitor.wants_facts();
    wants_payload_ |= part.wants_payload;
  }
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
  const auto is_behind = [](const Part& part) { return part.monitor.shard().timers_behind() || part.queries.asked(); };
  return is_behind(first_) ||
         std::any_of(further_.begin(), further_.end(), [&](const auto& part) { return is_behind(*part); });
}

WorkerCounters Worker::counters() const {
  WorkerCounters counters{front_.counters(), first_.monitor.counters(), {}};
  for (const auto& part : further_) counters.further.push_back(part->monitor.counters());
  return counters;
}

}  // namespace weir
