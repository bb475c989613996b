// Raw records of an agent through parser, accounter and JSON: whatever their octets are, every record is rejected or
// counted once. The first octet chooses how many entries the accounter holds, the second its timeout.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "control/overflow_accounter.h"
#include "dataplane/input/raw_record.h"
#include "proto/record/flow_json.h"
#include "proto/record/netobserv_json.h"

namespace {

weir::WallReading clocks() {
  return {std::uint64_t{1} << 40, std::uint64_t{1'700'000'000} * 1'000'000'000};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const weir::OverflowLimits limits{1U + data[0] % 8U, std::uint64_t{1} << (data[1] % 64)};
  weir::OverflowAccounter accounter(limits, weir::KeyHash({1, 2, 3, 4, 5, 6}), &clocks);
  weir::RecordBatch out;
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  std::uint64_t now_ns = 0;
  for (std::size_t at = 2; size - at >= weir::kRawRecordOctets; at += weir::kRawRecordOctets) {
    const weir::RawRecord raw = weir::read_raw_record(weir::RawRecordOctets(data + at, weir::kRawRecordOctets));
    if (weir::judge_raw_record(raw) != weir::Reject::none) continue;
    packets += raw.packets;
    octets += raw.link_octets;
    now_ns = std::max(now_ns, raw.end_mono_ns);
    if (!accounter.add(weir::RawFlowRecord(raw).view(), now_ns)) abort();
    accounter.collect(now_ns, out, 2);
    if (accounter.size() - accounter.leaving() > limits.max_entries) abort();
  }
  accounter.collect_all(out);
  if (accounter.size() != 0) abort();
  std::vector<char> line(weir::kFlowJsonMaxOctets);
  for (const weir::RecordView record : out) {
    packets -= record->packets[weir::kForward];
    octets -= record.find<weir::LinkSection>()->octets[weir::kForward];
    if (record->first_ns[weir::kForward] > record->last_ns[weir::kForward]) abort();
    if (record->last_ns[weir::kForward] > clocks().wall_ns) abort();
    (void)weir::write_flow_json(line.data(), record);
    (void)weir::write_netobserv_json(line.data(), record, {});
  }
  if (packets != 0 || octets != 0) abort();
  return 0;
}
