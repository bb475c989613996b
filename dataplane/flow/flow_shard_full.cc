// FlowShard: what happens to a new flow when the table is full, or nearly so; and whether rates of sampling change.
#include <algorithm>

#include "dataplane/flow/flow_shard.h"

namespace weir {

void FlowShard::evict_for(std::uint64_t hash) {
  std::uint32_t stalest = FlowTable::kNone;
  std::uint64_t least = FlowRules::kNever;
  table_.for_each_victim(hash, [&](std::uint32_t number) { table_.prefetch_entry(number); });
  table_.for_each_victim(hash, [&](std::uint32_t number) {
    const std::uint64_t last = table_.entry(number).last_ns();
    if (stalest == FlowTable::kNone || last < least) {
      stalest = number;
      least = last;
    }
  });
  const FlowEntry& entry = table_.entry(stalest);
  const bool over = rules_.deadline(entry) <= now_ns_;  // the wheel had not got round to it
  if (entry.total_packets() != 0)
    (void)emit(stalest, over ? rules_.timeout_reason(entry) : EndReason::lack_of_resources, true);
  if (!over) ++counters_.evictions;
  wheel_.cancel(stalest);
  if (when_full_ == WhenFull::sample) set_level(stalest, 0);
  if (packet_levels_.on()) packet_levels_.forget(stalest);
  // Do not let the index grow here: growth could use up the room that this makes.
  table_.erase(stalest);
}

/// Policy `overflow`: the packet leaves as a record of its own, for the accounter on the control side. The ring is the
/// same as all records', so a burst of new flows takes room from flows that end; they wait for it, new flows do not.
void FlowShard::overflow(const ParsedPacket& packet) {
  const RecordTotals one{1, 1, packet.ip_octets};
  std::uint32_t rate = packet_levels_.on() ? rate_.one_in << packet.level() : rate_.one_in;
  if (samples_.on()) rate = times_rate(rate, samples_.rate_of(packet));
  if (writer_.write_packet(packet, rate, rate_.algorithm)) {
    counters_.emitted += one;
    ++counters_.overflowed;
  } else {
    counters_.lost[static_cast<std::size_t>(Loss::table_full)] += one;
  }
  counters_.in_table.packets -= 1;
  counters_.in_table.octets -= packet.ip_octets;
}

/// Policy `sample`: whether a new flow is taken. Not taken: the packet is none of the table's, and is taken out of what
/// process() will add for the whole burst.
bool FlowShard::admit(const ParsedPacket& packet) {
  sampler_.adjust(table_.size());
  counters_.sampling_level = sampler_.level();
  if (sampler_.takes(packet.hash)) return true;
  counters_.new_flows_left_out.add(packet.frame_octets);
  counters_.counted.packets -= 1;
  counters_.counted.octets -= packet.frame_octets;
  counters_.counted_ip_octets -= packet.ip_octets;
  counters_.in_table.packets -= 1;
  counters_.in_table.octets -= packet.ip_octets;
  return false;
}

void FlowShard::set_level(std::uint32_t number, unsigned level) {
  sampled_flows_ += (level != 0 ? 1U : 0U) - (levels_[number] != 0 ? 1U : 0U);
  levels_[number] = static_cast<std::uint8_t>(level);
}

/// Whether a record may have to end because its rate changes, so that the rules look at every packet of the burst.
[[gnu::noinline]] bool FlowShard::needs_rules(std::span<const ParsedPacket> burst) const {
  if (sampled_flows_ != 0 || samples_.on() || old_rate_flows_ != 0) return true;
  return !std::all_of(burst.begin(), burst.end(),
                      [this](const ParsedPacket& packet) { return packet_levels_.all_at(packet.level()); });
}

}  // namespace weir
