#include "proto/decode/message_dump.h"

#include <algorithm>
#include <charconv>

#include "proto/base/netflow5.h"
#include "proto/base/time_text.h"
#include "proto/decode/netflow5_decoder.h"
#include "proto/decode/sflow_dump.h"
#include "proto/decode/sflow_message.h"
#include "proto/decode/value_text.h"
#include "proto/element/information_elements.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr RoutingSection kNoRouting{};

void append(std::string& out, std::uint64_t value) {
  char text[20];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_values(std::string& out, FlowVersion version, std::span<const DecodedValue> fields, DumpValues values,
                   const SubTemplateFinder& find = {}) {
  const char* separator = "";
  for (const DecodedValue& value : fields) {
    out += separator;
    separator = ", ";
    if (value.scope) out += "scope ";
    out += field_name(version, value);
    out += '=';
    append_dumped_value(out, version, value, values, find);
  }
  out += '\n';
}

void dump_templates(std::string& out, const MessageHeader& header, const FlowSet& set) {
  std::vector<TemplateRecord> records;
  const DecodeError error = parse_templates(header.version, set, records);
  for (const TemplateRecord& record : records) {
    out += record.options ? "    options template " : "    template ";
    append(out, record.id);
    if (record.fields.empty()) {
      out += " withdrawn\n";
      continue;
    }
    out += ", ";
    append(out, record.fields.size());
    out += record.fields.size() == 1 ? " field\n" : " fields\n";
    for (const FieldSpec& field : record.fields) {
      out += field.scope ? "      scope " : "      ";
      out += field_name(header.version, field.element, field.enterprise, field.scope);
      out += " (";
      if (field.enterprise != 0) {
        append(out, field.enterprise);
        out += '/';
      }
      append(out, field.element);
      if (const std::string_view old = netflow9_name(field.element);
          !old.empty() && header.version == FlowVersion::netflow9 && !field.scope) {
        out += ' ';
        out += old;
      }
      out += "), ";
      if (field.octets == kVariableLength) {
        out += "variable length\n";
      } else {
        append(out, field.octets);
        out += field.octets == 1 ? " octet\n" : " octets\n";
      }
    }
  }
  if (error != DecodeError::none) {
    out += "    error: ";
    out += error_text(error);
    out += '\n';
  }
}

void dump_data(std::string& out, const MessageHeader& header, const FlowSet& set, const TemplateFinder& find_template,
               DumpValues values) {
  const std::vector<FieldSpec>* const fields = find_template(header, set.id);
  if (fields == nullptr) {
    out += "    no template: ";
    append_octets_hex(out, set.body);
    out += '\n';
    return;
  }
  DataSet data;
  const TemplateRecord known{set.id, false, *fields};
  const DecodeError error = decode_data_set(known, header.version, set.body, data);
  const SubTemplateFinder find = [&](std::uint16_t id) { return find_template(header, id); };
  std::size_t begin = 0;
  for (const std::size_t end : data.record_ends) {
    out += "    ";
    append_values(out, header.version, std::span(data.values).subspan(begin, end - begin), values, find);
    begin = end;
  }
  if (error != DecodeError::none) {
    out += "    error: ";
    out += error_text(error);
    out += '\n';
  }
}

/// A field of a fixed format: its element, and where it is in a record.
struct FixedField {
  std::uint16_t element;
  std::uint8_t at;
  std::uint8_t octets;
};

/// Elements of IANA, offsets of Cisco's tables; what is not used has none.
constexpr FixedField kFixedFields[] = {{8, 0, 4},  {12, 4, 4},  {15, 8, 4},  {10, 12, 2}, {14, 14, 2}, {2, 16, 4},
                                       {1, 20, 4}, {22, 24, 4}, {21, 28, 4}, {7, 32, 2},  {11, 34, 2}};
constexpr FixedField kFields1[] = {{4, 38, 1}, {5, 39, 1}, {6, 40, 1}};
constexpr FixedField kFields5[] = {{6, 37, 1},  {4, 38, 1}, {5, 39, 1},  {16, 40, 2},
                                   {17, 42, 2}, {9, 44, 1}, {13, 45, 1}, {43, 48, 4}};

/// The octets of each field of each record of v1, v5 or v7, whose `count` records fill `records`.
void dump_fixed_raw(std::string& out, FlowVersion version, std::size_t count, Octets records) {
  const std::size_t record_octets = count == 0 ? 0 : records.size() / count;
  const bool one = version == FlowVersion::netflow1;
  for (std::size_t i = 0; i < count; ++i) {
    const Octets record = records.subspan(i * record_octets, record_octets);
    std::vector<DecodedValue> fields;
    const auto take = [&](std::span<const FixedField> known) {
      for (const FixedField& field : known) {
        if (field.at + field.octets > record.size()) continue;  // v5 has no router
        fields.push_back({field.element, false, 0, record.subspan(field.at, field.octets)});
      }
    };
    take(kFixedFields);
    take(one ? std::span<const FixedField>(kFields1) : kFields5);
    out += "    ";
    append_values(out, version, fields, DumpValues::raw);
  }
}

/// v1, v5 and v7 have no templates: the records as flows, with what has no place in a flow.
std::string dump_fixed(Octets datagram, DumpValues values) {
  Decoded decoded;
  const DecodeError error = decode_netflow5(datagram, decoded);
  std::string out;
  if (error != DecodeError::short_header) out = header_text(decoded.header) + '\n';
  const bool raw = values == DumpValues::raw;
  if (raw && error == DecodeError::none) {
    const bool one = decoded.header.version == FlowVersion::netflow1;
    dump_fixed_raw(out, decoded.header.version, decoded.flows.size(),
                   datagram.subspan(one ? kNetflow1HeaderOctets : sizeof(Netflow5Header)));
  }
  for (std::size_t i = 0; !raw && i < decoded.flows.size(); ++i) {
    const RecordView record = decoded.flows[i];
    const FlowRecord& flow = *record;
    const FlowDetails& details = decoded.details[i];
    const auto* const egress = record.find<EgressSection>();
    const auto value = [&](std::string_view name, std::uint64_t number) {
      out += ", ";
      out += name;
      out += '=';
      append(out, number);
    };
    out += "    sourceIPv4Address=";
    append_value_text(out, decoded.header.version, {8, false, 0, Octets(flow.source_address, 4)});
    out += ", destinationIPv4Address=";
    append_value_text(out, decoded.header.version, {12, false, 0, Octets(flow.destination_address, 4)});
    value("sourceTransportPort", flow.source_port());
    value("destinationTransportPort", flow.destination_port());
    value("protocolIdentifier", flow.protocol);
    value("packetDeltaCount", flow.packets[kForward]);
    value("octetDeltaCount", flow.octets[kForward]);
    out += ", start=" + iso_time(flow.first_ns[kForward], 3) + ", end=" + iso_time(flow.last_ns[kForward], 3);
    value("tcpControlBits", flow.tcp_flags[kForward]);
    value("ipClassOfService", flow.ip_tos[kForward]);
    value("ingressInterface", flow.ingress_interface);
    value("egressInterface", egress == nullptr ? 0 : egress->interface);
    if (flow.is_icmp()) value("icmpTypeCodeIPv4", flow.icmp(kForward));
    const auto* const routing = record.find<RoutingSection>();
    const RoutingSection& route = routing == nullptr ? kNoRouting : *routing;
    out += ", ipNextHopIPv4Address=";
    append_value_text(out, decoded.header.version, {15, false, 0, Octets(route.next_hop[kForward], 4)});
    value("bgpSourceAsNumber", route.source_as);
    value("bgpDestinationAsNumber", route.destination_as);
    value("sourceIPv4PrefixLength", route.source_net);
    value("destinationIPv4PrefixLength", route.destination_net);
    if (details.value_count != 0) out += ", ";
    append_values(out, decoded.header.version,
                  std::span(decoded.values).subspan(details.first_value, details.value_count), DumpValues::text);
  }
  if (error != DecodeError::none) {
    out += "  error: ";
    out += error_text(error);
    out += '\n';
  }
  return out;
}

}  // namespace

std::string dump_octets(Octets datagram) {
  constexpr std::size_t kOnALine = 16;
  std::string out;
  const auto append_hex = [&](std::size_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 0xf];
  };
  for (std::size_t at = 0; at < datagram.size(); at += kOnALine) {
    append_hex(at, 6);
    for (const std::uint8_t octet : datagram.subspan(at, std::min(kOnALine, datagram.size() - at))) {
      out += ' ';
      append_hex(octet, 2);
    }
    out += '\n';
  }
  return out;
}

std::string dump_message(Octets datagram, const TemplateFinder& find_template, DumpValues values) {
  if (is_sflow(datagram)) return dump_sflow(datagram, values);
  if (is_fixed_netflow(datagram)) return dump_fixed(datagram, values);
  FlowMessage message;
  const DecodeError error = parse_message(datagram, message);
  std::string out;
  if (error != DecodeError::short_header && error != DecodeError::wrong_version) {
    out = header_text(message.header) + '\n';
  }
  for (const FlowSet& set : message.flow_sets) {
    const SetKind kind = set_kind(message.header.version, set.id);
    out += kind == SetKind::data        ? "  data set "
           : kind == SetKind::templates ? "  template set "
           : kind == SetKind::reserved  ? "  reserved set "
                                        : "  options template set ";
    append(out, set.id);
    out += ", ";
    append(out, set.body.size() + 4);
    out += " octets\n";
    if (kind == SetKind::data) dump_data(out, message.header, set, find_template, values);
    if (kind == SetKind::templates || kind == SetKind::options_templates) dump_templates(out, message.header, set);
  }
  if (error != DecodeError::none) {
    out += "  error: ";
    out += error_text(error);
    out += '\n';
  }
  return out;
}

}  // namespace weir
