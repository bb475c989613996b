// OfflineMeter: a frame that several monitors look at, and the accounts of its workers.
#include "dataplane/offline_meter.h"

namespace weir {

Reject OfflineMeter::add_to_all(const PacketView& view, unsigned interface) {
  front_.count_received({1, view.frame_octets});
  if (filters_) {
    epochs_before_ = epochs_;
    front_.expect_header();
  }
  front_.forget_icmp_errors();
  const std::uint64_t before_ns = epochs_.effective_ns();
  const TimeEpochs::Step step = epochs_.step(view.time_ns, interface);
  const std::uint64_t steady_ns = epochs_.steady_ns();
  ParsedPacket packet;
  const Arrival arrival = wants_facts_ ? front_.parse_at<true>(view, steady_ns, packet, &facts_)
                                       : front_.parse_at<false>(view, steady_ns, packet, nullptr);
  unsigned takers = arrival == Arrival::packet ? (1U << monitors()) - 1 : 0;
  if (filters_ && takers != 0) {
    const FlowHeader header = front_.flow_header(view, packet);
    for (unsigned monitor = 0; monitor < monitors(); ++monitor) {
      Monitor& asked = part(0, monitor).monitor;
      if (asked.filters() && asked.drop_filtered({&packet, 1}, nullptr, &header) == 0) takers &= ~(1U << monitor);
    }
    if (takers == 0) {  // then it is as if it had not come
      epochs_ = epochs_before_;
      return Reject::none;
    }
  }
  if (wants_payload_ && takers != 0) facts_.payload = front_.payload(view, packet);
  if (step.event != TimeEpochs::Event::none) [[unlikely]] {
    if (step.event == TimeEpochs::Event::epoch) end_epoch(before_ns);
    clock_event(step, view, interface);
  }
  if (arrival != Arrival::packet) return front_.settled().reject;
  packet.time_ns = step.time_ns;
  packet.effective_ns = step.effective_ns;
  for (unsigned monitor = 0; monitor < monitors(); ++monitor) {
    if ((takers >> monitor & 1) != 0) add_to(monitor, packet, step);
  }
  return Reject::none;
}

/// The packet at hand, and its facts, to one monitor.
void OfflineMeter::add_to(unsigned monitor, const ParsedPacket& shared, const TimeEpochs::Step& step) {
  Part& first = part(0, monitor);
  ParsedPacket packet = shared;
  adapt(monitor, step.effective_ns);
  if (first.monitor.sample_out(packet, first.facts.empty() ? nullptr : &facts_)) return;
  const bool error = (packet.facts & kIcmpError) != 0 && first.monitor.wants_icmp_errors();
  PacketFacts facts{};
  if (!first.facts.empty()) {
    facts = facts_;
    if (first.monitor.wants_payload() && first.monitor.may_want_payload(packet)) {
      first.monitor.choose_payload(packet, facts);
    } else {
      facts.payload = {};
    }
  }
  if (workers() == 1) {
    first.offered.add(packet.frame_octets);
    first.burst[first.held] = packet;
    if (!first.facts.empty()) {
      first.payloads.keep(facts.payload);
      first.facts[first.held] = facts;
    }
    if (++first.held == FlowShard::kBurst || error) count(first);
  } else {
    first.monitor.set_key(packet, first.facts.empty() ? nullptr : &facts);
    Lane& lane = *lanes_[KeyHash::worker_of(packet.hash, workers())];
    lane.parts[monitor]->offered.add(packet.frame_octets);
    push(lane, packet, first.facts.empty() ? nullptr : &facts, first.monitor.number());
  }
  if (error) tell(monitor, step);
}

WorkerCounters OfflineMeter::counters(unsigned worker) const {
  const Lane& lane = *lanes_[worker];
  WorkerCounters account{worker == 0 ? front_.counters() : PacketCounters{}, lane.parts[0]->monitor.counters(), {}};
  for (std::size_t i = 1; i < lane.parts.size(); ++i) account.further.push_back(lane.parts[i]->monitor.counters());
  const auto flows_of = [&](unsigned monitor) -> FlowCounters& {
    return monitor == 0 ? static_cast<FlowCounters&>(account) : account.further[monitor - 1];
  };
  for (unsigned monitor = 0; worker == 0 && monitor < monitors(); ++monitor) {
    flows_of(monitor).icmp_quotes[static_cast<std::size_t>(IcmpQuote::unreadable)] +=
        readings_[monitor].unreadable_quotes;
  }
  if (monitors() == 1) {
    // As if every worker had received its packets, and the first one those that belong to no flow.
    const PacketCount& offered = lane.parts[0]->offered;
    if (worker == 0) account.received -= account.offered - offered;
    if (worker != 0) account.received = offered;
    account.offered = offered;
    return account;
  }
  // A packet may have a different owner for each monitor: as if the first worker had received all and handed them over.
  for (unsigned monitor = 0; monitor < monitors(); ++monitor) {
    FlowCounters& flows = flows_of(monitor);
    if (worker != 0) flows.taken_over = lane.parts[monitor]->offered;
    for (unsigned other = 1; worker == 0 && other < workers(); ++other) {
      flows.handed_over += lanes_[other]->parts[monitor]->offered;
    }
  }
  return account;
}

}  // namespace weir
