// A random template, of lengths that nobody sends on purpose, is encoded and then decoded. A simple model beside it
// says what each record must be: a value goes to its place where its octets fit, and is kept as it came where they do
// not.
//
// The input is a list of choices. The records are octets of the input, or a record that weir's own encoder writes by
// the template, if the lengths are such that it can. The template may come after its data, behind a bad one, with
// padding.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proto/decode/flow_decoder.h"
#include "proto/decode/message_dump.h"
#include "proto/encode/export_template.h"
#include "tests/support/fuzz_choices.h"

namespace {

using weir::Direction;
using weir::FlowRecord;
using weir::kForward;
using weir::kReverse;
using weir::test::Choices;
using weir::test::demand;
using Octets = std::vector<std::uint8_t>;

constexpr std::uint16_t kTemplateId = 259;
constexpr std::uint32_t kExportSeconds = 1'700'000'000;
constexpr std::uint64_t kSecond_ns = 1'000'000'000;
constexpr std::uint16_t kVariable = 65'535;

void put_number(Octets& out, std::uint64_t value, std::size_t octets) {
  while (octets-- > 0) out.push_back(octets < 8 ? static_cast<std::uint8_t>(value >> 8 * octets) : std::uint8_t{0});
}
void put16(Octets& out, std::size_t value) {
  put_number(out, value, 2);
}
void put32(Octets& out, std::uint64_t value) {
  put_number(out, value, 4);
}

/// What an element is to a record: how many octets the place of its number has, 0: addresses, of exactly their own.
struct Place {
  std::uint16_t element;
  unsigned octets;
};
constexpr Place kPlaces[] = {{1, 8},  {2, 8}, {4, 1},  {5, 1},  {6, 2},  {7, 2},   {11, 2},  {10, 4},  {34, 4}, {58, 2},
                             {60, 1}, {8, 0}, {12, 0}, {27, 0}, {28, 0}, {136, 1}, {152, 8}, {153, 8}, {256, 2}};
/// Elements that no record has a place for, and one enterprise that nobody knows.
constexpr std::uint16_t kForeign[] = {33, 99, 20'000};
constexpr std::uint32_t kForeignEnterprise = 9;

const Place* place_of(std::uint16_t element) {
  const auto* const found =
      std::find_if(std::begin(kPlaces), std::end(kPlaces), [&](const Place& one) { return one.element == element; });
  return found == std::end(kPlaces) ? nullptr : found;
}
/// That a field of this element may have to be read as a number: times are read from no longer ones.
unsigned most_octets(std::uint16_t element) {
  return element == 152 || element == 153 ? 8 : 16;
}
unsigned address_octets(std::uint16_t element) {
  return element == 8 || element == 12 ? 4 : 16;
}

struct Field {
  std::uint16_t element;
  std::uint16_t octets;
  std::uint32_t enterprise = 0;
};

/// One record: of each field its octets.
using Values = std::vector<Octets>;

std::uint16_t odd_length(Choices& choices) {
  const std::uint8_t choice = choices.octet();
  if (choice < 200) return choice % 20;
  if (choice < 230) return kVariable;
  return static_cast<std::uint16_t>(20 + choices.octet());
}

struct Plan {
  bool ipfix;
  bool ipv6;
  bool options;
  std::size_t scopes = 0;
  std::vector<Field> fields;
  std::vector<Values> records;

  [[nodiscard]] std::size_t least_octets() const {
    std::size_t octets = 0;
    for (const Field& field : fields) octets += field.octets == kVariable ? 1U : field.octets;
    return octets;
  }
};

/// The elements of each place at most once, and of the addresses those of one family: what several say together other
/// tests know.
void choose_fields(Choices& choices, Plan& plan) {
  const std::size_t count = 1 + choices.octet() % 16;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t choice = choices.octet();
    Field field{0, odd_length(choices)};
    if (choice % 4 == 3) {
      field.element = kForeign[choice / 4 % std::size(kForeign)];
      if (plan.ipfix && choice >= 128) field.enterprise = kForeignEnterprise;
    } else {
      field.element = kPlaces[choice % std::size(kPlaces)].element;
      if (place_of(field.element)->octets == 0) {
        if ((address_octets(field.element) == 16) != plan.ipv6) field.element = plan.ipv6 ? 27 : 8;
        if (choices.octet() % 4 != 0) field.octets = static_cast<std::uint16_t>(address_octets(field.element));
      }
      const bool there = std::any_of(plan.fields.begin(), plan.fields.end(),
                                     [&](const Field& other) { return other.element == field.element; });
      if (there) field.element = kForeign[0];
    }
    plan.fields.push_back(field);
  }
}

Values choose_values(Choices& choices, const Plan& plan) {
  Values values;
  for (const Field& field : plan.fields) {
    std::size_t octets = field.octets;
    if (octets == kVariable) {
      octets = choices.octet();
      if (octets > 250) octets += 300;
    }
    Octets value(octets);
    // A number of many octets is a small one as often as not.
    const bool small = choices.one_in(2);
    for (std::size_t at = 0; at < octets; ++at) value[at] = small && at + 1 < octets ? 0 : choices.octet();
    values.push_back(std::move(value));
  }
  return values;
}

/// What weir sends of a direction of a record, as a number; nullopt: no number, or none that this model knows.
std::optional<std::uint64_t> sent_number(std::uint16_t element, const FlowRecord& record, Direction way) {
  const Direction other = way == kForward ? kReverse : kForward;
  const bool icmp = record.protocol == 1 || record.protocol == 58;
  switch (element) {
    case 1:
      return record.octets[way];
    case 2:
      return record.packets[way];
    case 4:
      return record.protocol;
    case 5:
      return record.ip_tos[way];
    case 6:
      return record.tcp_flags[way];
    case 7:
      return icmp ? 0 : record.ports[way];
    case 11:
      return icmp ? 0 : record.ports[other];
    case 10:
      return record.ingress_interface;
    case 34:
      return record.sampling_rate;
    case 58:
      return record.vlan_id;
    case 60:
      return record.ip_version;
    case 136:
      return static_cast<std::uint64_t>(record.end_reason);
    case 152:
      return record.first_ns[way] / 1'000'000;
    case 153:
      return record.last_ns[way] / 1'000'000;
    case 256:
      return record.ether_type;
    default:
      return std::nullopt;
  }
}

FlowRecord choose_record(Choices& choices, bool ipv6) {
  FlowRecord record{};
  for (std::size_t i = 0; i < (ipv6 ? 16U : 4U); ++i) {
    record.source_address[i] = choices.octet();
    record.destination_address[i] = choices.octet();
  }
  record.ip_version = ipv6 ? 6 : 4;
  for (const Direction way : {kForward, kReverse}) {
    record.packets[way] = choices.number(8);
    record.octets[way] = choices.number(8);
    record.first_ns[way] = choices.number(8);
    record.last_ns[way] = choices.number(8);
    record.tcp_flags[way] = choices.octet();
    record.ip_tos[way] = choices.octet();
    record.ports[way] = static_cast<std::uint16_t>(choices.number(2));
  }
  record.ingress_interface = static_cast<std::uint32_t>(choices.number(4));
  record.sampling_rate = static_cast<std::uint32_t>(choices.number(4));
  record.vlan_id = static_cast<std::uint16_t>(choices.number(2));
  record.ether_type = static_cast<std::uint16_t>(choices.number(2));
  record.protocol = choices.octet();
  record.end_reason = static_cast<weir::EndReason>(choices.octet());
  return record;
}

/// Fields of weir's own templates with other lengths, and records that weir's encoder writes by them. Where a length
/// is none that a field can have, the template must be refused.
void encode_by_weir(Choices& choices, Plan& plan) {
  const weir::TemplateForm form{choices.one_in(2) ? weir::ExportProfile::akvorado : weir::ExportProfile::rfc,
                                plan.ipfix ? weir::Dialect::ipfix : weir::Dialect::netflow9,
                                plan.ipv6 ? weir::Family::ipv6 : weir::Family::ipv4, weir::RecordKind::uniflow};
  const FlowRecord any{};
  std::vector<weir::ListedField> listed;
  bool possible = true;
  for (weir::ListedField field : weir::base_fields(form)) {
    const bool address =
        field.wire.element == 8 || field.wire.element == 12 || field.wire.element == 27 || field.wire.element == 28;
    const bool modelled = address || sent_number(field.wire.element, any, kForward).has_value();
    if (!modelled || field.part != weir::Part::value || choices.one_in(3)) continue;
    if (choices.octet() % (address ? 16 : 2) == 1) field.wire.octets = choices.octet() % 10;
    possible = possible && (address ? field.wire.octets == address_octets(field.wire.element)
                                    : field.wire.octets >= 1 && field.wire.octets <= 8);
    listed.push_back(field);
  }
  possible = possible && !listed.empty();
  const auto made = weir::ExportTemplate::compile(kTemplateId, listed);
  demand(made.has_value() == possible);
  if (!made) return;
  plan.fields.clear();
  for (const weir::TemplateField& field : made->fields()) plan.fields.push_back({field.element, field.octets});
  demand(made->record_octets() == plan.least_octets());
  for (unsigned count = 1 + choices.octet() % 3; count > 0; --count) {
    const FlowRecord record = choose_record(choices, plan.ipv6);
    const weir::OwnedRecord owned{weir::RecordView(record)};
    const bool reverse = choices.one_in(2);
    Octets written(made->record_octets() + weir::CopyProgram::kSlack, 0xa5);
    const std::uint8_t* const end = reverse
                                        ? made->write<weir::RecordKind::uniflow, kReverse>(written.data(), owned, 0)
                                        : made->write<weir::RecordKind::uniflow, kForward>(written.data(), owned, 0);
    demand(end == written.data() + made->record_octets());
    std::size_t at = 0;
    Values values;
    for (const Field& field : plan.fields) {
      Octets expected;
      if (const auto number = sent_number(field.element, record, reverse ? kReverse : kForward)) {
        put_number(expected, *number, field.octets);
      } else {
        const bool source = (field.element == 8 || field.element == 27) != reverse;
        const std::uint8_t* const address = source ? record.source_address : record.destination_address;
        expected.assign(address, address + field.octets);
      }
      demand(std::equal(expected.begin(), expected.end(), written.begin() + static_cast<std::ptrdiff_t>(at)));
      at += expected.size();
      values.push_back(std::move(expected));
    }
    plan.records.push_back(std::move(values));
  }
}

void put_set(Octets& message, std::uint16_t id, const Octets& body) {
  put16(message, id);
  put16(message, body.size() + 4);
  message.insert(message.end(), body.begin(), body.end());
}

Octets template_set(const Plan& plan, bool after_a_bad_one) {
  Octets body;
  const auto field = [&](const Field& one) {
    put16(body, one.element | (one.enterprise != 0 ? 0x8000U : 0U));
    put16(body, one.octets);
    if (one.enterprise != 0) put32(body, one.enterprise);
  };
  const auto head = [&](std::uint16_t id, std::size_t count, std::size_t scopes) {
    put16(body, id);
    if (!plan.options) {
      put16(body, count);
    } else if (plan.ipfix) {
      put16(body, count);
      put16(body, scopes);
    } else {
      put16(body, scopes * 4);
      put16(body, (count - scopes) * 4);
    }
  };
  if (after_a_bad_one) {  // records of no octets
    head(kTemplateId + 1, 1, 0);
    field({1, 0});
  }
  head(kTemplateId, plan.fields.size(), plan.scopes);
  for (const Field& one : plan.fields) field(one);
  Octets set;
  const unsigned id = (plan.ipfix ? 2U : 0U) + (plan.options ? 1U : 0U);
  put_set(set, static_cast<std::uint16_t>(id), body);
  return set;
}

Octets data_set(const Plan& plan, std::size_t padding) {
  Octets body;
  for (const Values& record : plan.records) {
    for (std::size_t i = 0; i < record.size(); ++i) {
      if (plan.fields[i].octets == kVariable) {
        if (record[i].size() < 255) {
          body.push_back(static_cast<std::uint8_t>(record[i].size()));
        } else {
          body.push_back(255);
          put16(body, record[i].size());
        }
      }
      body.insert(body.end(), record[i].begin(), record[i].end());
    }
  }
  body.resize(body.size() + padding);
  Octets set;
  put_set(set, kTemplateId, body);
  return set;
}

Octets message_of(const Plan& plan, std::uint32_t sequence, std::size_t count, const std::vector<Octets>& sets) {
  Octets message;
  std::size_t octets = plan.ipfix ? 16 : 20;
  for (const Octets& set : sets) octets += set.size();
  put16(message, plan.ipfix ? 10 : 9);
  put16(message, plan.ipfix ? octets : count);
  if (!plan.ipfix) put32(message, 1'000'000);  // sysUptime
  put32(message, kExportSeconds);
  put32(message, sequence);
  put32(message, 7);
  for (const Octets& set : sets) message.insert(message.end(), set.begin(), set.end());
  return message;
}

std::uint64_t number_of(const Octets& octets) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return value;
}
/// Whether only zeros come before the last `most` octets.
bool fits(const Octets& octets, std::size_t most) {
  const std::size_t before = octets.size() > most ? octets.size() - most : 0;
  return std::all_of(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(before),
                     [](std::uint8_t octet) { return octet == 0; });
}
std::uint64_t ns_of(std::uint64_t ms) {
  return ms > UINT64_MAX / 1'000'000 ? UINT64_MAX : ms * 1'000'000;
}

/// What a record must be.
struct Expected {
  FlowRecord record{};
  std::uint64_t control_bits = 0;
  std::vector<std::pair<std::uint16_t, Octets>> kept;
};

Expected expected_of(const Plan& plan, const Values& values) {
  Expected expected;
  FlowRecord& record = expected.record;
  std::uint64_t first_ms = 0, last_ms = 0, said_version = 0;
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    const Field& field = plan.fields[i];
    if (field.octets == 0) continue;
    const Place* const place = field.enterprise == 0 ? place_of(field.element) : nullptr;
    const bool address = place != nullptr && place->octets == 0;
    if (address && field.octets == address_octets(field.element)) {
      const bool source = field.element == 8 || field.element == 27;
      std::memcpy(source ? record.source_address : record.destination_address, values[i].data(), field.octets);
      record.ip_version = field.octets == 4 ? 4 : 6;
      continue;
    }
    const bool readable = place != nullptr && !address && field.octets <= most_octets(field.element);
    const std::uint64_t value = readable ? number_of(values[i]) : 0;
    if (!readable || !fits(values[i], place->octets)) {
      expected.kept.emplace_back(field.element, values[i]);
      continue;
    }
    switch (field.element) {
      case 1:
        record.octets[kForward] = value;
        break;
      case 2:
        record.packets[kForward] = value;
        break;
      case 4:
        record.protocol = static_cast<std::uint8_t>(value);
        break;
      case 5:
        record.ip_tos[kForward] = static_cast<std::uint8_t>(value);
        break;
      case 6:
        expected.control_bits = value;
        record.tcp_flags[kForward] = static_cast<std::uint8_t>(value);
        break;
      case 7:
        record.ports[kForward] = static_cast<std::uint16_t>(value);
        break;
      case 11:
        record.ports[kReverse] = static_cast<std::uint16_t>(value);
        break;
      case 10:
        record.ingress_interface = static_cast<std::uint32_t>(value);
        break;
      case 34:
        record.sampling_rate = static_cast<std::uint32_t>(value);
        break;
      case 58:
        record.vlan_id = static_cast<std::uint16_t>(value);
        break;
      case 60:
        said_version = value;
        break;
      case 136:
        record.end_reason = static_cast<weir::EndReason>(value);
        break;
      case 152:
        first_ms = value;
        break;
      case 153:
        last_ms = value;
        break;
      default:
        record.ether_type = static_cast<std::uint16_t>(value);
    }
  }
  if (record.ip_version == 0) record.ip_version = static_cast<std::uint8_t>(said_version);
  if (record.ether_type == 0 && record.ip_version == 4) record.ether_type = 0x0800;
  if (record.ether_type == 0 && record.ip_version == 6) record.ether_type = 0x86dd;
  // One time stands for the other; without any it is the message's.
  record.first_ns[kForward] = ns_of(first_ms != 0 ? first_ms : last_ms);
  record.last_ns[kForward] = ns_of(last_ms != 0 ? last_ms : first_ms);
  if (first_ms == 0 && last_ms == 0) record.first_ns[kForward] = record.last_ns[kForward] = kExportSeconds * kSecond_ns;
  return expected;
}

void check_flow(const Plan& plan, const Values& values, const weir::Decoded& out, std::size_t index) {
  Expected expected = expected_of(plan, values);
  FlowRecord& record = expected.record;
  const FlowRecord& got = *out.flows[index];
  const weir::FlowDetails& details = out.details[index];
  std::vector<std::pair<std::uint16_t, Octets>> kept;
  for (std::uint32_t i = 0; i < details.value_count; ++i) {
    const weir::DecodedValue& value = out.values[details.first_value + i];
    kept.emplace_back(value.element, Octets(value.octets.begin(), value.octets.end()));
  }
  if (record.protocol == 1 || record.protocol == 58) {
    // Ports of ICMP are a type and a code, or are kept; which, netflow9_decoder_test.cc knows.
    for (const Direction way : {kForward, kReverse}) record.ports[way] = got.ports[way];
    const auto is_port = [](const auto& one) { return one.first == 7 || one.first == 11; };
    std::erase_if(kept, is_port);
    std::erase_if(expected.kept, is_port);
  }
  std::sort(kept.begin(), kept.end());
  std::sort(expected.kept.begin(), expected.kept.end());
  demand(kept == expected.kept);
  demand(details.template_id == kTemplateId);
  demand(details.tcp_control_bits == expected.control_bits);
  demand(std::memcmp(&record, &got, sizeof record) == 0);
}

void check_options(const Plan& plan, const Values& values, const weir::Decoded& out, std::size_t index) {
  const weir::DecodedOptions& options = out.options[index];
  std::size_t at = options.first_value;
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    if (plan.fields[i].octets == 0) continue;
    demand(at < options.first_value + options.value_count);
    const weir::DecodedValue& value = out.values[at++];
    demand(value.element == plan.fields[i].element && value.enterprise == plan.fields[i].enterprise);
    demand(value.scope == (i < plan.scopes));
    demand(std::equal(value.octets.begin(), value.octets.end(), values[i].begin(), values[i].end()));
  }
  demand(at == options.first_value + options.value_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices({data, size});
  const std::uint8_t kind = choices.octet();
  Plan plan{(kind & 1) != 0, (kind & 2) != 0, (kind & 4) != 0, 0, {}, {}};
  if ((kind & 8) != 0 && !plan.options) encode_by_weir(choices, plan);
  if (plan.records.empty()) {
    choose_fields(choices, plan);
    for (unsigned count = 1 + choices.octet() % 3; count > 0; --count) {
      plan.records.push_back(choose_values(choices, plan));
    }
  }
  if (plan.options) plan.scopes = choices.octet() % (plan.fields.size() + 1);
  const std::size_t least = plan.least_octets();
  // RFC 3954 section 5.3: up to 4 octets; RFC 7011 section 3.3.1: shorter than any record.
  std::size_t padding = choices.octet() % 4;
  if (plan.ipfix && least != 0) padding = std::min(padding, least - 1);
  // The count of a header tells short records from padding, where all that it counts is known: no bad template, and
  // no data that waits for its template.
  const bool told = plan.ipfix || least >= 4;
  const bool after_a_bad_one = (kind & 16) != 0 && told;
  const bool data_first = (kind & 32) != 0 && least >= 4;

  weir::FlowDecoder decoder;
  weir::Decoded out;
  const Octets templates = template_set(plan, after_a_bad_one);
  const Octets records = data_set(plan, padding);
  const auto decode = [&](const Octets& message) {
    const weir::DecodeError error = decoder.decode("192.0.2.1:2055", message, out);
    demand(!weir::dump_message(message, [&](const weir::MessageHeader& header, std::uint16_t id) {
              return decoder.find_template("192.0.2.1:2055", header, id);
            }).empty());
    return error;
  };
  if (data_first) {
    const Octets message = message_of(plan, 0, plan.records.size(), {records});
    demand(decode(message) == weir::DecodeError::none);
    demand(out.flows.empty() && out.options.empty());
  }
  const std::uint32_t sequence = !data_first ? 0 : plan.ipfix ? static_cast<std::uint32_t>(plan.records.size()) : 1;
  std::vector<Octets> sets{templates};
  if (!data_first) sets.push_back(records);
  const Octets message = message_of(plan, sequence, 1 + (data_first ? 0 : plan.records.size()), sets);
  const weir::DecodeError error = decode(message);
  const bool refused = after_a_bad_one || least == 0;
  demand(error == (refused ? weir::DecodeError::zero_length_record : weir::DecodeError::none));
  if (least == 0) {
    demand(out.flows.empty() && out.options.empty());
    return 0;
  }
  demand(out.flows.size() == (plan.options ? 0 : plan.records.size()));
  demand(out.options.size() == (plan.options ? plan.records.size() : 0));
  for (std::size_t i = 0; i < plan.records.size(); ++i) {
    if (plan.options) {
      check_options(plan, plan.records[i], out, i);
    } else {
      check_flow(plan, plan.records[i], out, i);
    }
  }
  return 0;
}
