// TemplateStore: the templates of one stream, and the data that came before its template.
//
// A stream is one exporter's source id (NetFlow v9) or observation domain (IPFIX): two of them may use the same
// template id for different things (RFC 3954 section 5.1, RFC 7011 section 3.4.1).
//
// - A template that comes again unchanged is only marked as fresh; one that changed replaces the old one, and is
//   counted.
// - Over UDP a template lives for `template_lifetime_ns` after it was last sent, or three times as long as lay between
//   the last two times, whichever is longer (RFC 7011 section 8.4, RFC 3954 section 9); data that comes later is data
//   without a template. With a clock that stands at 0 nothing expires.
// - A withdrawal forgets one template, or all of a kind (RFC 7011 section 8.1). Whether one counts the caller decides.
// - A data set without a template waits, with the header it came under, until the template comes. What waits is bounded
//   in octets; the oldest is dropped first, and counted. So forged datagrams can push out what waits of the stream that
//   they claim to be of, and cost 64 KiB; forged data alone could do as much.
//
// Memory: a field costs 12 octets, and 16 more as a compiled operation; a template about 300; a waiting data set its
// own octets and 128. octets() is the sum, which its owner holds against a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "proto/decode/flow_message.h"
#include "proto/decode/flow_template.h"

namespace weir {

struct TemplateLimits {
  std::size_t templates = SIZE_MAX;
  std::size_t fields = SIZE_MAX;        ///< of all templates together
  std::size_t waiting_octets = 65'536;  ///< of data without a template; each set counts kWaitingOverhead more
  std::uint64_t template_lifetime_ns = 86'400'000'000'000;  ///< 24 hours: there are exporters that refresh once an hour
  std::size_t octets = SIZE_MAX;                            ///< of everything that is kept
};

class TemplateStore {
 public:
  enum class Change : std::uint8_t { added, refreshed, changed, withdrawn, refused };

  /// A data set that had no template, ready to be decoded now.
  struct Waiting {
    std::uint16_t id;
    MessageHeader header;
    std::vector<std::uint8_t> body;
  };
  static constexpr std::size_t kWaitingOverhead = 128;
  /// Octets that a template of so many fields takes.
  [[nodiscard]] static std::size_t cost(std::size_t fields) { return kTemplateOctets + fields * kFieldOctets; }

  /// Takes a template or a withdrawal. `refused`: the limits are reached; whatever the id meant before is forgotten.
  Change take(FlowVersion version, const TemplateRecord& record, const TemplateLimits& limits, std::uint64_t now_ns);

  /// nullptr: never seen, withdrawn, or not sent again within its lifetime (then `expired` is set, and it is
  /// forgotten).
  const FlowTemplate* find(std::uint16_t id, const TemplateLimits& limits, std::uint64_t now_ns, bool& expired);

  /// The fields of a template, whatever its age; nullptr: not known.
  [[nodiscard]] const std::vector<FieldSpec>* fields_of(std::uint16_t id) const {
    const auto found = templates_.find(id);
    return found == templates_.end() ? nullptr : &found->second.compiled.fields();
  }

  /// Keeps a data set for later; returns how many were dropped to make room (this one if it is larger than all room).
  std::size_t wait(std::uint16_t id, const MessageHeader& header, std::span<const std::uint8_t> body,
                   const TemplateLimits& limits);
  /// Takes out what waited for this id, oldest first.
  std::vector<Waiting> take_waiting(std::uint16_t id);

  /// A template, whatever its age; nullptr: not known.
  [[nodiscard]] const FlowTemplate* peek(std::uint16_t id) const {
    const auto found = templates_.find(id);
    return found == templates_.end() ? nullptr : &found->second.compiled;
  }

  /// Of memory, about.
  [[nodiscard]] std::size_t octets() const {
    return fields_ * kFieldOctets + templates_.size() * kTemplateOctets + waiting_octets_;
  }
  [[nodiscard]] std::size_t size() const { return templates_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Entry {
    FlowTemplate compiled;
    std::uint64_t seen_ns;
    std::uint64_t interval_ns = 0;  ///< between the last two times that it was sent
  };
  static constexpr std::size_t kFieldOctets = 28;
  static constexpr std::size_t kTemplateOctets = 300;
  void forget(std::map<std::uint16_t, Entry>::iterator entry);

  std::map<std::uint16_t, Entry> templates_;
  std::size_t fields_ = 0;
  std::deque<Waiting> waiting_;
  std::size_t waiting_octets_ = 0;
};

}  // namespace weir
