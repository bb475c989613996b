#include "proto/decode/flow_template.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "proto/base/ip_numbers.h"
#include "proto/base/sampling_rate.h"
#include "proto/decode/field_values.h"
#include "proto/decode/record_finish.h"

namespace weir {

using Octets = std::span<const std::uint8_t>;
using field_values::perform;

/// Decides, field by field, what becomes of it.
struct FlowTemplate::Compiler {
  FlowVersion version;
  const std::vector<FieldSpec>& fields;
  std::uint32_t sections;
  HeaderPlaces places_of_headers;
  // Search once only: a forged datagram can hold a template of about 16 000 fields.
  bool has_octets = has(1);
  bool has_packets = has(2);
  bool has_ipv4 = has(8) || has(12);
  bool has_ipv6 = has(27) || has(28);
  bool has_boot = has(160);  // systemInitTimeMilliseconds
  /// Where the fields of one fact are; `first` > `last`: there are none.
  struct FactPlaces {
    std::size_t first = SIZE_MAX;
    std::size_t last = 0;
  };
  static constexpr std::uint16_t kFacts = 64;  // elements of find_outer_rule() are below
  std::array<FactPlaces, kFacts> facts = find_facts();

  struct Place {
    const ElementRule* rule = nullptr;
    std::uint16_t target = kNowhere;
  };

  [[nodiscard]] bool has(std::uint16_t element) const {
    return std::any_of(fields.begin(), fields.end(), [&](const FieldSpec& field) {
      return field.element == element && field.enterprise == 0 && !field.scope;
    });
  }

  /// The fact of a header that an element says, as the number of an element: an address is one, whatever its family.
  [[nodiscard]] static std::uint16_t fact_of(std::uint16_t element) {
    return element == 27 ? 8 : element == 28 ? 12 : element;
  }

  [[nodiscard]] std::array<FactPlaces, kFacts> find_facts() const {
    std::array<FactPlaces, kFacts> found{};
    if (!places_of_headers.two_headers) return found;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::uint16_t fact = fact_of(fields[i].element);
      if (fields[i].scope || fields[i].enterprise != 0 || fact >= kFacts) continue;
      found[fact].first = std::min(found[fact].first, i);
      found[fact].last = i;
    }
    return found;
  }

  [[nodiscard]] Place place_of(std::size_t index) const {
    const FieldSpec& field = fields[index];
    const ElementId id = identify(version, field);
    const ElementRule* rule = find_element_rule(version, id, sections);
    if (id.known && !id.own && !id.reverse) {
      if (places_of_headers.two_headers && is_of_outer_header(index)) {
        rule = find_outer_rule(id.element);
      } else if (places_of_headers.both_families && find_family_rule(id.element) != nullptr) {
        rule = find_family_rule(id.element);
      }
    }
    if (rule == nullptr || !can_read(*rule, field.octets)) return {};
    if (rule->family != 0 && (has_ipv4 == has_ipv6 || (rule->family == 4) != has_ipv4)) return {};
    bool reverse = id.reverse;
    // In IPFIX these are times only relative to the time of boot. If the template lacks that, they replace no other
    // time's place; of the reverse direction they never do.
    if (rule->action == kUptime && version == FlowVersion::ipfix) {
      if (reverse) return {};
      if (!has_boot) return {rule, uptime_place(field.element)};
    }
    if (rule->out_counter) reverse = rule->element == 23 ? has_octets : has_packets;
    const std::uint16_t target = reverse ? rule->reverse : rule->target;
    if (target == kNowhere) return {};
    return {rule, target};
  }

  [[nodiscard]] static std::uint16_t uptime_place(std::uint16_t element) {
    return element == 22 ? offsetof(ScratchRecord, first_uptime_ms) : offsetof(ScratchRecord, last_uptime_ms);
  }

  /// RFC 7011 section 8: of an element that comes several times the order is that of the headers, outermost first.
  [[nodiscard]] bool is_of_outer_header(std::size_t index) const {
    const std::uint16_t fact = fact_of(fields[index].element);
    if (fact >= kFacts || find_outer_rule(fields[index].element) == nullptr) return false;
    return facts[fact].first >= index && facts[fact].last > index;
  }

  [[nodiscard]] std::vector<Operation> compile(bool variable, FlowTemplate& made) const {
    std::vector<Place> places;
    places.reserve(fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) places.push_back(place_of(i));

    std::vector<Operation> operations;
    operations.reserve(fields.size());
    std::uint32_t source = 0;
    // For each place the best field that wants it, the first of equals.
    std::array<std::uint16_t, sizeof(ScratchRecord)> winner;
    winner.fill(kNowhere);
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].rule == nullptr) continue;
      std::uint16_t& best = winner[places[i].target];
      if (best == kNowhere || places[i].rule->rank < places[best].rule->rank) best = static_cast<std::uint16_t>(i);
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const FieldSpec& field = fields[i];
      // A field of length 0 carries no value.
      Operation operation{kRaw, 0, field.octets != 0, static_cast<std::uint16_t>(i), field.octets, 0, source};
      const Place& place = places[i];
      if (may_be_own_list(version, field)) {
        operation.action = kBasicList;
        operation.keep = false;  // unless it is another one: finish()
      }
      if (place.rule != nullptr && winner[place.target] == i) {
        operation.action = exact_action(*place.rule, field.octets);
        operation.target = place.target;
        operation.target_octets = place.rule->octets;
        operation.keep = false;
        note_place(field, operation, made);
      }
      operations.push_back(operation);
      source += field.octets;
    }
    if (!variable) {
      // Raw fields come last, so that the common fields are one run. Raw fields of sections follow them, so that raw
      // values stay in the order of the template.
      std::stable_partition(operations.begin(), operations.end(), [](const Operation& one) {
        return one.action != kRaw && !(one.keep && one.target >= kScratchOfPlainRecord);
      });
    }
    return operations;
  }

  /// What is particular about some places.
  void note_place(const FieldSpec& field, Operation& operation, FlowTemplate& made) const {
    if (operation.action == kIpfixUptime) {
      operation.target = uptime_place(field.element);
      operation.keep = !has_boot;  // without the time of boot the number is all there is
    }
    constexpr std::size_t kPorts = offsetof(ScratchRecord, base) + offsetof(FlowRecord, ports);
    if (operation.target == kPorts) made.port_fields_[kForward] = operation.field;
    if (operation.target == kPorts + sizeof(std::uint16_t)) made.port_fields_[kReverse] = operation.field;
    // The record has the label and the SPI, and not what else the octets of a label say.
    if (operation.action == kLabel || (field.element == 295 && field.enterprise == 0)) operation.keep = true;
    // The tunnel that an outer header becomes has its addresses and kind, and nothing else of it.
    constexpr std::size_t kOuterFacts = offsetof(ScratchRecord, outer.ports);
    if (operation.target >= kOuterFacts && operation.target < offsetof(ScratchRecord, families)) {
      made.outer_fields_.push_back(operation.field);
    }
    if (operation.action == kInteger && field.octets > operation.target_octets) {
      made.narrow_fields_.push_back({operation.field, operation.target_octets});
    }
    // The record keeps only the rate of these fields.
    if (operation.target == offsetof(ScratchRecord, sampling.algorithm) ||
        operation.target == offsetof(ScratchRecord, sampling.probability)) {
      operation.keep = true;
    }
    if (operation.target == offsetof(ScratchRecord, sampler_id)) {
      made.names_sampler_ = true;
      operation.keep = true;
    }
  }

  [[nodiscard]] Action exact_action(const ElementRule& rule, std::uint16_t octets) const {
    if (rule.action == kUptime && version == FlowVersion::ipfix) return kIpfixUptime;
    if (rule.action != kInteger) return rule.action;
    if (octets == rule.octets) {
      return octets == 1 ? kByte : octets == 2 ? kU16 : octets == 4 ? kU32 : kU64;
    }
    return rule.octets == 8 && octets == 4 ? kU64From32 : kInteger;
  }
};

FlowTemplate::FlowTemplate(FlowVersion version, const TemplateRecord& record)
    : version_(version),
      options_(record.options),
      least_octets_(least_record_octets(record.fields)),
      fields_(record.fields) {
  fields_.shrink_to_fit();
  variable_ = std::any_of(fields_.begin(), fields_.end(),
                          [](const FieldSpec& field) { return field.octets == kVariableLength; });
  if (options_) return;
  sections_ = sections_of(version, fields_);
  if (std::any_of(fields_.begin(), fields_.end(),
                  [&](const FieldSpec& field) { return may_be_own_list(version, field); })) {
    sections_ |= own_list_sections();
  }
  headers_ = header_places(version, fields_);
  if (headers_.two_headers) sections_ |= kSectionBit<TunnelSection>;
  operations_ = Compiler{version, fields_, sections_, headers_}.compile(variable_, *this);
}

template <typename Wanted>
void FlowTemplate::keep_fields(Octets record, Decoded& out, const Wanted& wanted) const {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const FieldSpec& field = fields_[i];
    std::size_t prefix = 0;
    std::size_t octets = field.octets;
    if (octets == kVariableLength && !read_variable_length(record, prefix, octets)) return;
    if (wanted(i, record.subspan(prefix, octets)))
      out.values.push_back({field.element, field.scope, field.enterprise, record.subspan(prefix, octets)});
    record = record.subspan(prefix + octets);
  }
}

void FlowTemplate::finish(ScratchRecord& scratch, const RecordContext& context, Octets record, Decoded& out) const {
  FlowRecord& base = scratch.base;
  if (headers_.both_families) {
    if (const std::uint8_t left_over = choose_family(scratch); left_over != 0) {
      keep_fields(record, out, [&](std::size_t i, Octets /*octets*/) {
        const std::uint16_t element = fields_[i].element;
        return fields_[i].enterprise == 0 && !fields_[i].scope &&
               (left_over == 4 ? element == 8 || element == 12 : element == 27 || element == 28);
      });
    }
  }
  if (headers_.two_headers && settle_headers(scratch)) {
    keep_fields(record, out, [&](std::size_t i, Octets /*octets*/) {
      return std::find(outer_fields_.begin(), outer_fields_.end(), i) != outer_fields_.end();
    });
  }
  if (scratch.too_large != 0) {
    keep_fields(record, out, [&](std::size_t i, Octets octets) {
      const auto found = std::find_if(narrow_fields_.begin(), narrow_fields_.end(),
                                      [&](const NarrowField& one) { return one.field == i; });
      return found != narrow_fields_.end() && !field_values::fits(octets, found->octets);
    });
  }
  if (scratch.foreign_list != 0) {
    keep_fields(record, out, [&](std::size_t i, Octets octets) {
      return may_be_own_list(version_, fields_[i]) && !take_own_list(octets, nullptr);
    });
  }
  if (base.ip_version == 0) base.ip_version = scratch.ip_version;
  finish_times(scratch, context.header, context.system_init_ms);
  base.sampling_rate = sampling_rate(scratch.sampling);
  if (base.ether_type == 0 && (base.ip_version == 4 || base.ip_version == 6)) {
    base.ether_type = ip_ether_type(base.ip_version);
  }
  // Element 6 may be two octets long; the bits above the eighth are the NS bit and the data offset, no flags.
  base.tcp_flags[kForward] = static_cast<std::uint8_t>(scratch.tcp_control_bits[kForward]);
  base.tcp_flags[kReverse] = static_cast<std::uint8_t>(scratch.tcp_control_bits[kReverse]);
  const bool has_reverse = (base.packets[kReverse] | base.octets[kReverse]) != 0;
  if (!has_reverse) clear_reverse(base);
  if (base.is_icmp()) {
    const unsigned left_over = settle_icmp(scratch);
    if (left_over != 0) {
      keep_fields(record, out, [&](std::size_t i, Octets /*octets*/) {
        return ((left_over & 1) != 0 && i == port_fields_[kForward]) ||
               ((left_over & 2) != 0 && i == port_fields_[kReverse]);
      });
    }
    if (!has_reverse) base.ports[kReverse] = 0;
  }
  if (sections_ != 0) gather_sections(scratch, sections_);
}

DecodeError FlowTemplate::decode_flows(std::uint16_t id, const RecordContext& context, Octets body, Decoded& out,
                                       std::vector<std::uint64_t>& samplers, std::size_t expected) const {
  const std::uint32_t least = least_octets_;
  if (!variable_) body = without_padding(version_, least, body, expected);
  const std::size_t before = out.flows.size();
  ScratchRecord scratch;
  const std::size_t zeroed = sections_ == 0 && !headers_.both_families ? kScratchOfPlainRecord : sizeof scratch;
  while (body.size() >= least) {
    if (variable_ && only_padding(version_, body, out.flows.size() - before, expected)) break;
    std::memset(static_cast<void*>(&scratch), 0, zeroed);
    const auto first_value = static_cast<std::uint32_t>(out.values.size());
    const Octets record = body;
    const auto keep = [&](const Operation& operation, Octets octets) {
      const FieldSpec& field = fields_[operation.field];
      out.values.push_back({field.element, field.scope, field.enterprise, octets});
    };
    if (!variable_) {
      for (const Operation& operation : operations_) {
        const Octets octets = body.subspan(operation.source, operation.octets);
        perform(operation.action, operation.target_octets, operation.target, octets, context.header, scratch);
        if (operation.keep) keep(operation, octets);
      }
      body = body.subspan(least);
    } else {
      for (const Operation& operation : operations_) {
        std::size_t prefix = 0;
        std::size_t length = operation.octets;
        const bool fits =
            operation.octets == kVariableLength ? read_variable_length(body, prefix, length) : length <= body.size();
        if (!fits) {
          out.values.resize(first_value);
          return DecodeError::bad_variable_length;
        }
        const Octets octets = body.subspan(prefix, length);
        // A field of variable length has no fixed place, because its length is not known from the template. Lists and
        // texts do: what they are of, they say themselves, and a text is of any length.
        perform(operation.action, operation.target_octets, operation.target, octets, context.header, scratch);
        if (operation.keep) keep(operation, octets);
        body = body.subspan(prefix + length);
      }
    }
    finish(scratch, context, record, out);
    out.details.push_back({first_value, static_cast<std::uint32_t>(out.values.size()) - first_value, id,
                           scratch.tcp_control_bits[kForward], scratch.sampling_algorithm});
    out.flows.append(scratch.base);
    if (names_sampler_) samplers.push_back(scratch.sampler_id);
  }
  // RFC 7011 section 3.3.1: padding is shorter than any record; RFC 3954 section 5.3: it fills up to 4 octets.
  return version_ == FlowVersion::ipfix || body.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

}  // namespace weir
