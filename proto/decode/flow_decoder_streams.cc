// Which streams FlowDecoder knows, and which it forgets for others.
#include <algorithm>
#include <iterator>

#include "proto/decode/flow_decoder.h"

namespace weir {
namespace {

/// What comes from one address may have one share of all memory.
constexpr std::size_t kSharesOfMemory = 4;

}  // namespace

std::string_view address_of_exporter(std::string_view exporter) {
  const std::size_t colon = exporter.rfind(':');
  if (colon == std::string_view::npos) return exporter;
  const bool bracketed = exporter.front() == '[';
  if (bracketed ? exporter[colon - 1] != ']' : exporter.find(':') != colon) return exporter;  // IPv6 without a port
  exporter = exporter.substr(0, colon);
  return bracketed ? exporter.substr(1, exporter.size() - 2) : exporter;
}

TemplateLimits FlowDecoder::template_limits(const Stream& stream) const {
  TemplateLimits limits = template_limits_;
  const std::size_t own = stream.templates.octets();
  const auto left = [&](std::size_t most, std::size_t used) { return most - std::min(most, used - own); };
  limits.octets = std::min(left(limits_.memory_octets, memory_octets_),
                           left(limits_.memory_octets / kSharesOfMemory, stream.address->octets));
  return limits;
}

void FlowDecoder::give_templates(std::span<const TemplateRecord> templates) {
  for (const TemplateRecord& one : templates) {
    given_.insert_or_assign(one.id, Given{{FlowVersion::netflow9, one}, {FlowVersion::ipfix, one}});
  }
}

const FlowTemplate* FlowDecoder::given_template(FlowVersion version, std::uint16_t id) const {
  const auto found = given_.find(id);
  if (found == given_.end()) return nullptr;
  return version == FlowVersion::ipfix ? &found->second.ipfix : &found->second.netflow9;
}

std::string_view FlowDecoder::stream_name(std::string_view exporter, FlowVersion version) const {
  return version == FlowVersion::netflow9 && !limits_.netflow9_by_port ? address_of_exporter(exporter) : exporter;
}

void FlowDecoder::touch(Stream& stream) {
  KeyList& from = stream.proven ? proven_ : once_;
  stream.proven = true;
  proven_.splice(proven_.end(), from, stream.place);
  KeyList& list = stream.address->streams;
  list.splice(list.end(), list, stream.address_place);
}

const FlowDecoder::Key* FlowDecoder::next_to_forget(const Stream* kept) const {
  const auto first_of = [&](const KeyList& list) -> const Key* {
    auto one = list.begin();
    if (one != list.end() && kept != nullptr && *one == *kept->place) ++one;
    return one == list.end() ? nullptr : *one;
  };
  const Key* const once = first_of(once_);
  const Key* const proven = first_of(proven_);
  if (once == nullptr || proven == nullptr) return once != nullptr ? once : proven;
  const bool ended = streams_.find(*once)->second.ended;
  return ended || once_.size() >= streams_.size() / kSharesOfMemory ? once : proven;
}

void FlowDecoder::forget(const Key& key) {
  const auto found = streams_.find(key);
  Stream& stream = found->second;
  if (!stream.ended) ++forgotten_;
  stream.counts.dropped_sets += stream.templates.waiting();
  gone_ += stream.counts;
  const std::size_t octets = kStreamOctets + stream.templates.octets();
  memory_octets_ -= octets;
  stream.address->octets -= octets;
  stream.address->streams.erase(stream.address_place);
  if (stream.address->streams.empty()) {
    addresses_.erase(addresses_.find(address_of_exporter(found->first.exporter)));
  }
  (stream.proven ? proven_ : once_).erase(stream.place);
  streams_.erase(found);
}

bool FlowDecoder::make_room(std::string_view address, std::size_t octets, std::size_t streams, const Stream* kept) {
  const std::size_t share = limits_.memory_octets / kSharesOfMemory;
  for (;;) {
    const auto found = addresses_.find(address);
    if ((found == addresses_.end() ? 0 : found->second.octets) + octets <= share) break;
    if (found == addresses_.end()) return false;
    const KeyList& list = found->second.streams;
    const auto first = kept != nullptr && list.begin() == kept->address_place ? std::next(list.begin()) : list.begin();
    if (first == list.end()) return false;
    forget(**first);
  }
  while (memory_octets_ + octets > limits_.memory_octets || streams_.size() + streams > limits_.streams) {
    const Key* const key = next_to_forget(kept);
    if (key == nullptr) return false;
    forget(*key);
  }
  return true;
}

FlowDecoder::Stream* FlowDecoder::find_or_add(const DatagramOrigin& origin, const MessageHeader& header, bool may_add) {
  const std::string_view name = stream_name(origin.exporter, header.version);
  const KeyView view{name, origin.session, header.version, header.source_id};
  if (const auto found = streams_.find(view); found != streams_.end()) {
    touch(found->second);
    return &found->second;
  }
  const std::string_view address = address_of_exporter(origin.exporter);
  if (!may_add || !make_room(address, kStreamOctets, 1, nullptr)) return nullptr;
  Address& of_address = addresses_.try_emplace(std::string(address)).first->second;
  memory_octets_ += kStreamOctets;
  of_address.octets += kStreamOctets;
  const auto added =
      streams_.emplace(Key{std::string(name), origin.session, header.version, header.source_id}, Stream{});
  Stream& stream = added.first->second;
  stream.address = &of_address;
  stream.place = once_.insert(once_.end(), &added.first->first);
  stream.address_place = of_address.streams.insert(of_address.streams.end(), &added.first->first);
  return &stream;
}

void FlowDecoder::end_session(std::string_view exporter, std::uint64_t session) {
  auto one = streams_.lower_bound(KeyView{exporter, session, FlowVersion{}, 0});
  for (; one != streams_.end() && one->first.exporter == exporter && one->first.session == session; ++one) {
    Stream& stream = one->second;
    const MemoryShare share(*this, stream);
    stream.counts.dropped_sets += stream.templates.waiting();
    stream.templates = TemplateStore();
    stream.sequence_known = false;
    stream.ended = true;  // the first to be forgotten
    once_.splice(once_.begin(), stream.proven ? proven_ : once_, stream.place);
    stream.proven = false;
    KeyList& list = stream.address->streams;
    list.splice(list.begin(), list, stream.address_place);
  }
}

StreamCounts FlowDecoder::totals() const {
  StreamCounts sum = gone_;
  for (const auto& [key, stream] : streams_) sum += stream.counts;
  return sum;
}

StreamCounts FlowDecoder::counts(std::string_view exporter, std::uint32_t source_id) const {
  StreamCounts sum;
  for (const auto& [key, stream] : streams_) {
    if (key.exporter == stream_name(exporter, key.version) && key.source_id == source_id) sum += stream.counts;
  }
  return sum;
}

const std::vector<FieldSpec>* FlowDecoder::find_template(const DatagramOrigin& origin, const MessageHeader& header,
                                                         std::uint16_t id) const {
  const auto found = streams_.find(
      KeyView{stream_name(origin.exporter, header.version), origin.session, header.version, header.source_id});
  const std::vector<FieldSpec>* const sent = found == streams_.end() ? nullptr : found->second.templates.fields_of(id);
  if (sent != nullptr) return sent;
  const FlowTemplate* const given = given_template(header.version, id);
  return given == nullptr ? nullptr : &given->fields();
}

std::vector<StreamReport> FlowDecoder::reports() const {
  std::vector<StreamReport> result;
  result.reserve(streams_.size());
  for (const auto& [key, stream] : streams_) {
    result.push_back({key.exporter, key.session != 0, key.version, key.source_id, stream.counts, stream.skew,
                      stream.exported_s, stream.templates.size(), stream.templates.waiting()});
  }
  return result;
}

}  // namespace weir
