#include "proto/decode/template_store.h"

#include <algorithm>
#include <utility>

namespace weir {

void TemplateStore::forget(std::map<std::uint16_t, Entry>::iterator entry) {
  fields_ -= entry->second.compiled.fields().size();
  templates_.erase(entry);
}

TemplateStore::Change TemplateStore::take(FlowVersion version, const TemplateRecord& record,
                                          const TemplateLimits& limits, std::uint64_t now_ns) {
  const auto known = templates_.find(record.id);
  if (record.fields.empty()) {
    if (record.id < kFirstTemplateId) {  // RFC 7011 section 8.1: all templates, or all options templates
      for (auto entry = templates_.begin(); entry != templates_.end();) {
        const auto next = std::next(entry);
        if (entry->second.compiled.options() == record.options) forget(entry);
        entry = next;
      }
    } else if (known != templates_.end()) {
      forget(known);
    }
    return Change::withdrawn;
  }
  if (known != templates_.end() && known->second.compiled.options() == record.options &&
      known->second.compiled.fields() == record.fields) {
    if (now_ns > known->second.seen_ns) known->second.interval_ns = now_ns - known->second.seen_ns;
    known->second.seen_ns = now_ns;
    return Change::refreshed;
  }
  // The old definition must not be used any more, even if there is no room for the new one.
  const bool changed = known != templates_.end();
  if (changed) forget(known);
  if (templates_.size() >= limits.templates || record.fields.size() > limits.fields ||
      fields_ > limits.fields - record.fields.size() || octets() + cost(record.fields.size()) > limits.octets) {
    return Change::refused;
  }
  fields_ += record.fields.size();
  templates_.emplace(record.id, Entry{FlowTemplate(version, record), now_ns, 0});
  return changed ? Change::changed : Change::added;
}

const FlowTemplate* TemplateStore::find(std::uint16_t id, const TemplateLimits& limits, std::uint64_t now_ns,
                                        bool& expired) {
  expired = false;
  const auto found = templates_.find(id);
  if (found == templates_.end()) return nullptr;
  const std::uint64_t lifetime_ns = std::max(limits.template_lifetime_ns, 3 * found->second.interval_ns);
  if (now_ns > found->second.seen_ns && now_ns - found->second.seen_ns > lifetime_ns) {
    expired = true;
    forget(found);
    return nullptr;
  }
  return &found->second.compiled;
}

std::size_t TemplateStore::wait(std::uint16_t id, const MessageHeader& header, std::span<const std::uint8_t> body,
                                const TemplateLimits& limits) {
  const std::size_t cost = body.size() + kWaitingOverhead;
  const std::size_t others = octets() - waiting_octets_;
  const std::size_t room = std::min(limits.waiting_octets, limits.octets - std::min(limits.octets, others));
  if (cost > room) return 1;
  std::size_t dropped = 0;
  while (waiting_octets_ + cost > room) {
    waiting_octets_ -= waiting_.front().body.size() + kWaitingOverhead;
    waiting_.pop_front();
    ++dropped;
  }
  waiting_octets_ += cost;
  waiting_.push_back({id, header, std::vector<std::uint8_t>(body.begin(), body.end())});
  return dropped;
}

std::vector<TemplateStore::Waiting> TemplateStore::take_waiting(std::uint16_t id) {
  std::vector<Waiting> result;
  if (std::none_of(waiting_.begin(), waiting_.end(), [&](const Waiting& one) { return one.id == id; })) return result;
  std::deque<Waiting> rest;
  for (Waiting& one : waiting_) {
    if (one.id == id) {
      waiting_octets_ -= one.body.size() + kWaitingOverhead;
      result.push_back(std::move(one));
    } else {
      rest.push_back(std::move(one));
    }
  }
  waiting_ = std::move(rest);
  return result;
}

}  // namespace weir
