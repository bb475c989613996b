#include "control/export/datagram_exporter.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow5_encoder.h"
#include "proto/encode/netflow9_encoder.h"

namespace weir {
namespace {

template <typename Encoder>
inline constexpr bool kHasTemplates = !std::is_same_v<Encoder, Netflow5Encoder>;

/// The octets of a header that say which datagram it is: up to the sequence at least, in each format.
constexpr std::size_t kTellingOctets = 20;

}  // namespace

ExportAccount export_account(const ExportQueue& books, const ExportContext& context, const FlowRecord* record) {
  const ExporterSnapshot snapshot = books.snapshot();
  ExportAccount account;
  account.messages = snapshot.datagrams;
  account.octets = snapshot.wire_octets;
  account.flow_records = snapshot.exported.records;
  account.observed_flows = snapshot.drained.records;
  account.sampling_rate = record != nullptr ? record->sampling_rate : context.sampling_rate;
  account.sampled_at_random = record != nullptr ? record->sampling_algorithm == 2 : context.sampled_at_random;
  for (const auto& [name, totals] : snapshot.lost) {
    account.losses.push_back({name, totals.records, totals.packets, totals.octets});
  }
  if (context.facts != nullptr) context.facts->put(account);
  return account;
}

std::uint64_t stream_start_ns(const ExportContext& context) {
  return header_time(context.mode) == HeaderTime::records ? context.capture_start_ns : exporter_clock_ns();
}

template <typename Encoder>
bool DatagramExporter<Encoder>::add(RecordView record, std::uint64_t wall_ns) {
  if constexpr (kHasTemplates<Encoder>) {
    if (encoder_->empty() && encoder_->announcement_due(&*record, wall_ns)) announce(&*record, wall_ns, batch_.size());
    if (encoder_->add(record, wall_ns)) return true;
    close_datagram(wall_ns);
    if (encoder_->announcement_due(&*record, wall_ns)) announce(&*record, wall_ns, batch_.size());
    return encoder_->add(record, wall_ns);  // an empty datagram takes every record
  } else {
    Netflow5Result result = encoder_->add(record, wall_ns);
    if (result == Netflow5Result::full) {
      close_datagram(wall_ns);
      result = encoder_->add(record, wall_ns);
    }
    if (result == Netflow5Result::added) return true;
    RecordTotals totals;
    totals.add(*record);
    books_.lost(totals, result == Netflow5Result::ipv6_not_in_format   ? ExportLoss::ipv6_not_in_format
                        : result == Netflow5Result::rate_not_in_format ? ExportLoss::rate_not_in_format
                                                                       : ExportLoss::count_not_in_format);
    return false;
  }
}

template <typename Encoder>
std::size_t DatagramExporter<Encoder>::take(RecordSpan records, ExportTime now) {
  now_ = now;
  wanted_tokens_ = 0;
  if (!batch_.empty()) {
    send_batch();
    if (!batch_.empty()) return 0;
  }
  const std::uint64_t wall_ns = exporter_clock_ns();
  std::size_t count = 0;
  for (const RecordView record : records) {
    const auto tokens = std::min(encoder_->data_records(record), static_cast<std::uint32_t>(TokenBucket::kLeastBurst));
    if (!bucket_.take(tokens, steady_ns(now))) {
      wanted_tokens_ = tokens;
      break;
    }
    ++count;
    if (!add(record, wall_ns)) continue;
    if (open_.records == 0) first_added_ = now;
    open_.add(*record);
    deadlines_.push_back(record->deadline_ns());
    if (batch_.size() >= kBatch) {
      send_batch();
      if (!batch_.empty()) break;
    }
  }
  send_batch();
  return count;
}

template <typename Encoder>
ExportTime DatagramExporter<Encoder>::ready() const {
  if (!peer_.ready()) return ExportTime::max();
  if (wanted_tokens_ == 0) return ExportTime::min();
  return ExportTime(std::chrono::duration_cast<ExportTime::duration>(
      std::chrono::nanoseconds(static_cast<std::int64_t>(bucket_.ready_ns(wanted_tokens_)))));
}

template <typename Encoder>
ExportTime DatagramExporter<Encoder>::due() const {
  return std::min(flush_due(), peer_.due());
}

template <typename Encoder>
ExportTime DatagramExporter<Encoder>::flush_due() const {
  if (!batch_.empty()) return ExportTime::min();
  return open_.records == 0 ? ExportTime::max() : first_added_ + kFlushAfter;
}

template <typename Encoder>
void DatagramExporter<Encoder>::tick(ExportTime now) {
  now_ = now;
  if (peer_.due() <= now) {
    take_refusals();
    if (peer_.step(now)) use_new_socket();
    if (peer_.take_probe(now)) send_probe();
    if (flush_due() > now) return;
  }
  close_datagram(exporter_clock_ns());
  send_batch();
}

template <typename Encoder>
void DatagramExporter<Encoder>::use_new_socket() {
  past_count_ = 0;  // what the old one sent cannot be refused any more
  const std::uint32_t header_octets = peer_.socket().header_octets();
  if (encoder_) {
    // The new address has no templates yet: close the datagram under way and put the templates in front of it.
    const std::uint64_t wall_ns = exporter_clock_ns();
    close_datagram(wall_ns);
    if (announced_) announce(nullptr, wall_ns, 0);
    if (header_octets == header_octets_) return;
  }
  make_encoder_(encoder_, header_octets);
  header_octets_ = header_octets;
}

template <typename Encoder>
void DatagramExporter<Encoder>::send_probe() {
  if constexpr (kHasTemplates<Encoder>) {
    announce(nullptr, exporter_clock_ns(), batch_.size());
    send_batch();
  } else {
    const std::span<const std::uint8_t> nothing;
    std::uint32_t run = 0;
    const UdpSocket::Sent sent = peer_.socket().send({&nothing, 1}, {&run, 1});
    if (sent.count != 0) {
      past_[past_count_++ % kPast] = {{}, run, {}};
      peer_.sent(now_);
    } else {
      peer_.refused(now_);
    }
    take_refusals();
  }
}

template <typename Encoder>
bool DatagramExporter<Encoder>::drain(ExportTime now) {
  now_ = now;
  if (!peer_.ready()) return true;  // it has taken nothing
  const std::uint64_t wall_ns = exporter_clock_ns();
  close_datagram(wall_ns);
  send_batch();
  if (!batch_.empty()) return false;
  if constexpr (kHasTemplates<Encoder>) {
    if (announced_) announce(nullptr, wall_ns, batch_.size());  // the account in full
    announced_ = false;
    send_batch();
    if (!batch_.empty()) return false;
  }
  take_refusals();
  peer_.socket().close();
  return true;
}

template <typename Encoder>
void DatagramExporter<Encoder>::abandon(ExportLoss loss) {
  for (const Datagram& datagram : batch_) open_ += datagram.totals;
  books_.lost(open_, loss);
  open_ = {};
  batch_.clear();
  octets_.clear();
  deadlines_.clear();
  take_refusals();
  peer_.socket().close();
}

template <typename Encoder>
void DatagramExporter<Encoder>::append(std::span<const std::uint8_t> datagram, const RecordTotals& totals,
                                       std::uint32_t data_records) {
  batch_.push_back({octets_.size(), datagram.size(), totals, data_records, deadlines_.size()});
  octets_.insert(octets_.end(), datagram.begin(), datagram.end());
}

template <typename Encoder>
void DatagramExporter<Encoder>::close_datagram(std::uint64_t wall_ns) {
  if (!encoder_ || encoder_->empty()) return;
  const std::uint32_t data_records = encoder_->open_data_records();
  append(encoder_->finish(wall_ns), open_, data_records);
  open_ = {};
}

template <typename Encoder>
void DatagramExporter<Encoder>::announce(const FlowRecord* record, std::uint64_t wall_ns, std::size_t place) {
  if constexpr (kHasTemplates<Encoder>) {
    const std::size_t before = batch_.size();
    for (const AnnouncedMessage& one : encoder_->announce(export_account(books_, context_, record), record, wall_ns)) {
      append(one.octets, {}, one.data_records);
    }
    announced_ = true;
    // Templates go before `place`. They hold no records, so they have no deadlines.
    const std::size_t deadlines = place == 0 ? deadlines_booked_ : batch_[place - 1].deadlines_end;
    for (std::size_t i = before; i < batch_.size(); ++i) batch_[i].deadlines_end = deadlines;
    std::rotate(batch_.begin() + static_cast<std::ptrdiff_t>(place),
                batch_.begin() + static_cast<std::ptrdiff_t>(before), batch_.end());
  }
}

template <typename Encoder>
void DatagramExporter<Encoder>::book(std::size_t from, std::size_t count) {
  RecordTotals totals;
  std::uint64_t octets = 0;
  Lateness lateness;
  const std::uint64_t now_ns = exporter_clock_ns();
  for (std::size_t i = from; i < from + count; ++i) {
    const Datagram& datagram = batch_[i];
    totals += datagram.totals;
    octets += datagram.octets;
    sequence_ += Encoder::sequence_step(datagram.data_records);
    for (; deadlines_booked_ < datagram.deadlines_end; ++deadlines_booked_) {
      lateness.add(deadlines_[deadlines_booked_], now_ns);
    }
  }
  books_.exported(totals, count, octets, lateness);
}

template <typename Encoder>
void DatagramExporter<Encoder>::send_batch() {
  std::size_t at = 0;
  bool waited = false;
  bool told = false;  // the templates were put in front of what is left
  int stuck = 0;      // refusals in turn with nothing sent between them
  std::vector<std::span<const std::uint8_t>>& spans = spans_;
  std::vector<std::uint32_t>& runs = runs_;
  while (at < batch_.size()) {
    spans.clear();
    std::uint32_t sequence = sequence_;
    for (std::size_t i = at; i < batch_.size(); ++i) {
      const std::span<std::uint8_t> datagram(octets_.data() + batch_[i].at, batch_[i].octets);
      Encoder::set_sequence(datagram, sequence);
      sequence += Encoder::sequence_step(batch_[i].data_records);
      spans.push_back(datagram);
    }
    runs.assign(spans.size(), 0);
    const UdpSocket::Sent sent = peer_.socket().send(spans, runs);
    for (std::size_t i = 0; i < sent.count; ++i) {
      Past& past = past_[past_count_++ % kPast];
      std::memcpy(past.head.data(), spans[i].data(), std::min(past.head.size(), spans[i].size()));
      past.run = runs[i];
      past.totals = batch_[at + i].totals;
    }
    if (sent.count != 0) {
      book(at, sent.count);
      peer_.sent(now_);
    }
    at += sent.count;
    stuck = sent.count != 0 ? 0 : stuck + 1;
    const bool told_so = take_refusals();
    if (!told_so && sent.error == ECONNREFUSED) peer_.refused(now_);
    const bool refused = (told_so || sent.error == ECONNREFUSED) && stuck < 3;
    if (at == batch_.size()) break;
    if (refused) {
      if constexpr (kHasTemplates<Encoder>) {
        if (!told) {
          const std::uint64_t wall_ns = exporter_clock_ns();
          close_datagram(wall_ns);
          announce(nullptr, wall_ns, at);
        }
        told = true;
      }
      continue;
    }
    if (sent.error == EAGAIN || sent.error == EWOULDBLOCK || sent.error == ENOBUFS) {
      if (waited) break;
      waited = true;
      pollfd waits{peer_.socket().fd(), POLLOUT, 0};
      poll(&waits, 1, static_cast<int>(kLongestBlock.count()));
      continue;
    }
    // Too long for the path, no route or not permitted: the datagram is lost, and the collector sees the gap.
    books_.lost(batch_[at].totals, ExportLoss::send_failed);
    peer_.trouble(now_);
    sequence_ += Encoder::sequence_step(batch_[at].data_records);
    deadlines_booked_ = batch_[at].deadlines_end;
    ++at;
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(at));
  deadlines_.erase(deadlines_.begin(), deadlines_.begin() + static_cast<std::ptrdiff_t>(deadlines_booked_));
  for (Datagram& datagram : batch_) datagram.deadlines_end -= deadlines_booked_;
  deadlines_booked_ = 0;
  if (batch_.empty()) octets_.clear();
}

template <typename Encoder>
bool DatagramExporter<Encoder>::take_refusals() {
  bool any = false;
  while (const auto refusal = peer_.socket().next_refusal()) {
    any = true;
    const std::size_t count = std::min(past_count_, kPast);
    const Past* found = nullptr;
    for (std::size_t i = 1; i <= count && found == nullptr; ++i) {
      const Past& past = past_[(past_count_ - i) % kPast];
      // The ICMP error quotes too little to tell which datagram it means; the last one sent is taken.
      if (refusal->octets < kTellingOctets ||
          std::memcmp(past.head.data(), refusal->head.data(), refusal->octets) == 0) {
        found = &past;
      }
    }
    if (found == nullptr) continue;
    // Datagrams that went out as one run were refused as one.
    const std::uint32_t run = found->run;
    for (std::size_t i = 1; i <= count; ++i) {
      Past& past = past_[(past_count_ - i) % kPast];
      if (past.run != run) continue;
      if (past.totals.records != 0) books_.exported_was_lost(past.totals, ExportLoss::unreachable);
      past.totals = {};
    }
  }
  if (!any) return false;
  peer_.refused(now_);
  if constexpr (kHasTemplates<Encoder>) encoder_->refresh_templates();
  return true;
}

template class DatagramExporter<Netflow9Encoder>;
template class DatagramExporter<IpfixEncoder>;
template class DatagramExporter<Netflow5Encoder>;

}  // namespace weir
