#include "control/record_intake.h"

#include <algorithm>
#include <cstring>

namespace weir {

bool RecordIntake::push(const RawFlowRecord& record) {
  const RecordView view = record.view();
  RingLine* const line = ring_.claim(view.lines());
  if (line == nullptr) return false;
  std::memcpy(line, view.octets(), view.size());
  reinterpret_cast<FlowRecord*>(line)->sections |= FlowRecord::kOverflowMark;
  ring_.commit(view.lines());
  return true;
}

bool RecordIntake::take(RawRecordOctets octets, Push when_full) {
  const RawRecord raw = read_raw_record(octets);
  // A rejected record may say anything; what is not believed is not added.
  const std::uint64_t packets = std::max<std::uint64_t>(raw.packets, 1);
  const PacketCount frames{packets, std::min(raw.link_octets, kMostRawOctetsPerPacket * packets)};
  const Reject reject = judge_raw_record(raw, keep_others_);
  if (reject == Reject::none) {
    const RawFlowRecord record(raw);
    const bool pushed = push(record);
    if (!pushed && when_full == Push::wait) return false;
    counters_.offered += frames;
    counters_.counted += frames;
    counters_.counted_ip_octets += raw.ip_octets();
    (pushed ? counters_.emitted : counters_.lost[static_cast<std::size_t>(Loss::ring_full)]).add(*record.view());
  } else {
    counters_.rejects[static_cast<std::size_t>(reject)] += frames;
  }
  counters_.received += frames;
  ++raw_records_;
  return true;
}

bool RecordIntake::add(RawRecordOctets octets) {
  return take(octets, Push::wait);
}

void RecordIntake::add_or_lose(RawRecordOctets octets) {
  take(octets, Push::lose);
}

}  // namespace weir
