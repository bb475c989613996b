#include "control/probe/self_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "proto/base/duration.h"
#include "proto/decode/decoded.h"
#include "proto/decode/flow_decoder.h"
#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "proto/record/flow_name.h"

namespace weir {
namespace {

constexpr const char* kOk = "ok";
constexpr const char* kFailed = "failed";
constexpr const char* kSkipped = "skipped";

v1::SelfCheckItem item(const char* name, const char* outcome, std::string text) {
  v1::SelfCheckItem one;
  one.set_name(name);
  one.set_outcome(outcome);
  one.set_text(std::move(text));
  return one;
}

bool same_time(std::uint64_t a_ns, std::uint64_t b_ns) {
  constexpr std::uint64_t kWithinNs = 1'000'000;
  return (a_ns < b_ns ? b_ns - a_ns : a_ns - b_ns) <= kWithinNs;
}

/// How a format has the TCP flags of a biflow: NetFlow v9 those of both directions in one field.
enum class Flags : std::uint8_t { by_direction, merged };

bool same_flags(const FlowRecord& sent, const FlowRecord& came, Flags flags) {
  if (flags == Flags::merged) {
    return (sent.tcp_flags[kForward] | sent.tcp_flags[kReverse]) ==
           (came.tcp_flags[kForward] | came.tcp_flags[kReverse]);
  }
  return sent.tcp_flags[kForward] == came.tcp_flags[kForward] && sent.tcp_flags[kReverse] == came.tcp_flags[kReverse];
}

bool same(const FlowRecord& sent, const FlowRecord& came, Flags flags) {
  if (sent.ip_version != came.ip_version || sent.protocol != came.protocol) return false;
  if (std::memcmp(sent.source_address, came.source_address, sizeof sent.source_address) != 0) return false;
  if (std::memcmp(sent.destination_address, came.destination_address, sizeof sent.destination_address) != 0) {
    return false;
  }
  for (const Direction way : {kForward, kReverse}) {
    if (sent.packets[way] != came.packets[way] || sent.octets[way] != came.octets[way]) return false;
    if (!sent.is_icmp() && sent.ports[way] != came.ports[way]) return false;
  }
  return same_flags(sent, came, flags) && same_time(sent.start_ns(), came.start_ns()) &&
         same_time(sent.end_ns(), came.end_ns());
}

/// What tells records of one flow apart, for a message has the records of a template together, in another order.
std::string identity(const FlowRecord& record) {
  return fmt::format("{} {} {} {} {}", flow_name(record), record.packets[kForward], record.octets[kForward],
                     record.packets[kReverse], record.octets[kReverse]);
}

/// Says what came back otherwise; empty: nothing.
std::string compare(const char* format, Flags flags, const std::vector<RecordTap::Batch>& batches,
                    const RecordBatch& came) {
  std::multimap<std::string, const FlowRecord*> back;
  for (const RecordView record : came) back.emplace(identity(*record), &*record);
  std::size_t sent = 0;
  std::size_t different = 0;
  std::string first;
  for (const RecordTap::Batch& batch : batches) {
    for (const RecordView record : *batch) {
      ++sent;
      const auto [begin, end] = back.equal_range(identity(*record));
      const auto found = std::find_if(begin, end, [&](const auto& one) { return same(*record, *one.second, flags); });
      if (found != end) {
        back.erase(found);
      } else if (different++ == 0) {
        first = flow_name(*record);
      }
    }
  }
  if (sent == came.size() && different == 0) return {};
  return fmt::format("{}: of {} records {} came back, {} of them different, the first {}", format, sent, came.size(),
                     different, first);
}

/// Through an encoder and the decoder. Says what is wrong; empty: nothing.
template <typename Encoder>
std::string loopback(Encoder encoder, const char* format, Flags flags, const std::vector<RecordTap::Batch>& batches,
                     std::uint64_t now_ns) {
  FlowDecoder decoder;
  Decoded decoded;
  RecordBatch came;
  std::string wrong;
  const auto take = [&](std::span<const std::uint8_t> message) {
    const bool whole = decoder.decode({"self-check", now_ns}, message, decoded) == DecodeError::none;
    if (!whole && wrong.empty()) wrong = fmt::format("{}: a message of its own does not decode", format);
    came.append(decoded.flows.span());
  };
  const auto announce = [&](const FlowRecord* record) {
    if (!encoder.announcement_due(record, now_ns)) return;
    for (const auto& one : encoder.announce({}, record, now_ns)) take(one.octets);
  };
  for (const RecordTap::Batch& batch : batches) {
    for (const RecordView record : *batch) {
      announce(&*record);
      if (encoder.add(record, now_ns)) continue;
      take(encoder.finish(now_ns));
      announce(&*record);
      if (!encoder.add(record, now_ns)) wrong = fmt::format("{}: {} cannot be sent", format, flow_name(*record));
    }
  }
  if (!encoder.empty()) take(encoder.finish(now_ns));
  if (!wrong.empty()) return wrong;

  return compare(format, flags, batches, came);
}

}  // namespace

v1::SelfCheckItem check_rss(const v1::RssReply& rss) {
  if (!rss.doing().empty()) return item("rss", kSkipped, rss.doing());
  if (rss.meets()) return item("rss", kOk, "the ports bring both directions of a conversation to one worker");
  if (rss.ok()) return item("rss", kOk, "workers hand packets to the one that owns the flow");
  return item("rss", kFailed, "conversations are split between workers; see weirctl rss");
}

v1::SelfCheckItem check_skew(const v1::StatusReply& status) {
  if (status.workers_size() < 2) return item("queue skew", kSkipped, "packets are not spread over workers");
  if (status.queue_skew() == 0) return item("queue skew", kSkipped, "no packet came in the last second");
  return item("queue skew", status.queue_skew() <= kMostSkew ? kOk : kFailed,
              fmt::format("the busiest worker has {:.2f} times the mean of all; expected at most {}",
                          status.queue_skew(), kMostSkew));
}

v1::SelfCheckItem check_clock(std::int64_t at_start_ns, std::int64_t now_ns) {
  constexpr std::int64_t kMostNs = 1'000'000'000;
  const std::int64_t step_ns = now_ns - at_start_ns;
  const std::string span = short_duration_text(static_cast<std::uint64_t>(std::abs(step_ns)));
  if (std::abs(step_ns) > kMostNs) {
    return item("clock", kFailed,
                fmt::format("the wall clock was set {} by {} since the start; times of flows before are by the old one",
                            step_ns > 0 ? "forward" : "back", span));
  }
  return item("clock", kOk, fmt::format("the wall clock moved by {} against the monotonic one since the start", span));
}

v1::SelfCheckItem check_loopback(const std::vector<RecordTap::Batch>& records, std::uint64_t now_ns) {
  std::size_t count = 0;
  for (const RecordTap::Batch& batch : records) count += batch->size();
  if (count == 0) return item("loopback", kSkipped, "no record has left yet");
  IpfixOptions ipfix;
  ipfix.biflow = true;
  Netflow9Options netflow9;
  netflow9.biflow = true;
  netflow9.announced = true;
  netflow9.start_ns = (*records.front())[0]->start_ns();
  for (const RecordTap::Batch& batch : records) {
    for (const RecordView record : *batch) netflow9.start_ns = std::min(netflow9.start_ns, record->start_ns());
  }
  std::string wrong = loopback(IpfixEncoder(ipfix), "IPFIX", Flags::by_direction, records, now_ns);
  if (wrong.empty()) wrong = loopback(Netflow9Encoder(netflow9), "NetFlow v9", Flags::merged, records, now_ns);
  if (!wrong.empty()) return item("loopback", kFailed, std::move(wrong));
  return item("loopback", kOk,
              fmt::format("the last {} records came back from IPFIX and NetFlow v9 with the same figures", count));
}

}  // namespace weir
