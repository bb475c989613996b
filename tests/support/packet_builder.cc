#include "tests/support/packet_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace weir::test {
namespace {

constexpr unsigned kIpv4Type = 0x0800, kIpv6Type = 0x86dd;
constexpr unsigned kExperimental = 253;         // RFC 3692 §2.1: for what has no protocol number here
constexpr unsigned kExperimentalType = 0x88b5;  // IEEE 802 local experimental EtherType 1

void put16(Bytes& bytes, std::size_t at, unsigned value) {
  bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

[[noreturn]] void misuse(const char* text) {
  throw std::logic_error(std::string("packet builder: ") + text);
}

// RFC 1071: the complement of the ones' complement sum of the 16-bit words.
unsigned internet_checksum(const Bytes& bytes, std::size_t begin, std::size_t octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = begin; i < begin + octets; i += 2) {
    sum += static_cast<unsigned>(bytes.at(i)) << 8 | bytes.at(i + 1);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

}  // namespace

std::string mac_text(const std::uint8_t (&mac)[6]) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text;
}

Bytes address_octets(std::string_view text) {
  const std::string name(text);
  Bytes octets(16);
  if (inet_pton(AF_INET6, name.c_str(), octets.data()) == 1) return octets;
  octets.resize(4);
  if (inet_pton(AF_INET, name.c_str(), octets.data()) == 1) return octets;
  misuse("no address");
}

PacketView view_of(const Bytes& bytes, std::uint64_t time_ns, std::uint32_t frame_octets, LinkType link_type) {
  const auto captured = static_cast<std::uint32_t>(bytes.size());
  return {.data = bytes.data(),
          .captured_octets = captured,
          .frame_octets = std::max(captured, frame_octets),
          .time_ns = time_ns,
          .ingress_interface = 0,
          .link_type = link_type,
          .marks = 0};
}

PacketBuilder& PacketBuilder::add(Kind kind, unsigned number, Bytes octets) {
  Layer layer{};
  layer.kind = kind;
  layer.number = number;
  layer.octets = std::move(octets);
  layers_.push_back(std::move(layer));
  return *this;
}

PacketBuilder::Layer& PacketBuilder::add_shim(unsigned ether_type, unsigned protocol, Bytes octets, Field field,
                                              std::size_t field_at) {
  add(Kind::shim, ether_type, std::move(octets));
  Layer& layer = layers_.back();
  layer.protocol = protocol;
  layer.field = field;
  layer.field_at = field_at;
  return layer;
}

PacketBuilder& PacketBuilder::llc_snap() {
  add_shim(0, kExperimental, {0xaa, 0xaa, 3, 0, 0, 0, 0, 0}, Field::ether_type, 6);
  return *this;
}

PacketBuilder& PacketBuilder::mpls(unsigned label, unsigned traffic_class) {
  // RFC 3032 §2.1: label, traffic class, bottom of stack, time to live.
  for (Layer& before : layers_) {
    if (&before == &layers_.back() && before.kind == Kind::shim && before.number == 0x8847) before.octets[2] &= 0xfe;
  }
  const unsigned entry = label << 12 | traffic_class << 9 | 0x100 | 64;
  Bytes octets(4);
  put16(octets, 0, entry >> 16);
  put16(octets, 2, entry & 0xffff);
  add_shim(0x8847, 137, std::move(octets), Field::none, 0);
  return *this;
}

PacketBuilder& PacketBuilder::pppoe(unsigned session) {
  Bytes octets = {0x11, 0, 0, 0, 0, 0};
  put16(octets, 2, session);
  add_shim(0x8864, kExperimental, std::move(octets), Field::length, 4).length_counts_from = 6;
  return *this;
}

PacketBuilder& PacketBuilder::ppp(bool framing) {
  Bytes octets = framing ? Bytes{0xff, 0x03, 0, 0} : Bytes{0, 0};
  add_shim(0x880b, kExperimental, octets, Field::ppp_protocol, octets.size() - 2);
  return *this;
}

PacketBuilder& PacketBuilder::sll(unsigned device) {
  Bytes octets(16);
  put16(octets, 2, device);
  add_shim(0, kExperimental, std::move(octets), Field::ether_type, 14);
  return *this;
}

PacketBuilder& PacketBuilder::sll2(unsigned device) {
  Bytes octets(20);
  put16(octets, 8, device);
  add_shim(0, kExperimental, std::move(octets), Field::ether_type, 0);
  return *this;
}

PacketBuilder& PacketBuilder::hdlc() {
  add_shim(0, kExperimental, {0x0f, 0, 0, 0}, Field::ether_type, 2);
  return *this;
}

PacketBuilder& PacketBuilder::bsd_null(unsigned family, bool little) {
  const auto low = static_cast<std::uint8_t>(family);
  return header(little ? Bytes{low, 0, 0, 0} : Bytes{0, 0, 0, low});
}

PacketBuilder& PacketBuilder::header(Bytes octets) {
  add_shim(kExperimentalType, kExperimental, std::move(octets), Field::none, 0);
  return *this;
}

PacketBuilder& PacketBuilder::gre(std::optional<std::uint32_t> key, bool sequence, bool checksum) {
  Bytes octets = {0, 0, 0, 0};
  if (checksum) {
    octets[0] |= 0x80;
    octets.insert(octets.end(), 4, 0);
  }
  if (key) {
    octets[0] |= 0x20;
    octets.resize(octets.size() + 4);
    put16(octets, octets.size() - 4, *key >> 16);
    put16(octets, octets.size() - 2, *key & 0xffff);
  }
  if (sequence) {
    octets[0] |= 0x10;
    octets.insert(octets.end(), 4, 0);
  }
  add_shim(kExperimentalType, 47, std::move(octets), Field::ether_type, 2);
  return *this;
}

PacketBuilder& PacketBuilder::erspan2(unsigned session) {
  Bytes octets = {0x10, 0, 0, 0, 0, 0, 0, 0};
  put16(octets, 2, session);
  add_shim(0x88be, kExperimental, std::move(octets), Field::none, 0);
  return *this;
}

PacketBuilder& PacketBuilder::erspan3(unsigned session, unsigned frame_type, bool subheader) {
  Bytes octets(subheader ? 20 : 12);
  octets[0] = 0x20;
  put16(octets, 2, session);
  put16(octets, 10, frame_type << 10 | (subheader ? 1u : 0u));
  add_shim(0x22eb, kExperimental, std::move(octets), Field::none, 0);
  return *this;
}

PacketBuilder& PacketBuilder::vxlan(unsigned vni) {
  Bytes octets = {8, 0, 0, 0, 0, 0, 0, 0};
  put16(octets, 4, vni >> 8);
  octets[6] = static_cast<std::uint8_t>(vni);
  return header(std::move(octets));
}

PacketBuilder& PacketBuilder::geneve(unsigned vni, std::size_t option_octets) {
  Bytes octets(8 + option_octets);
  octets[0] = static_cast<std::uint8_t>(option_octets / 4);
  put16(octets, 4, vni >> 8);
  octets[6] = static_cast<std::uint8_t>(vni);
  add_shim(kExperimentalType, kExperimental, std::move(octets), Field::ether_type, 2);
  return *this;
}

PacketBuilder& PacketBuilder::gtp_u(std::uint32_t teid, std::size_t extension_octets) {
  Bytes octets = {0x30, 255, 0, 0, 0, 0, 0, 0};
  put16(octets, 4, teid >> 16);
  put16(octets, 6, teid & 0xffff);
  if (extension_octets != 0) {
    octets[0] |= 4;
    octets.insert(octets.end(), {0, 0, 0, 0x85});  // sequence, N-PDU, next: PDU session container
    Bytes extension(extension_octets);
    extension[0] = static_cast<std::uint8_t>(extension_octets / 4);
    octets.insert(octets.end(), extension.begin(), extension.end());
  }
  add_shim(kExperimentalType, kExperimental, std::move(octets), Field::length, 2).length_counts_from = 8;
  return *this;
}

PacketBuilder& PacketBuilder::l2tp(unsigned tunnel, unsigned session, bool length, bool sequence, unsigned pad) {
  Bytes octets = {static_cast<std::uint8_t>((length ? 0x40u : 0u) | (sequence ? 0x08u : 0u) | (pad != 0 ? 0x02u : 0u)),
                  2};
  const auto append16 = [&octets](unsigned value) {
    octets.resize(octets.size() + 2);
    put16(octets, octets.size() - 2, value);
  };
  if (length) append16(0);
  append16(tunnel);
  append16(session);
  if (sequence) octets.insert(octets.end(), 4, 0);
  if (pad != 0) {
    append16(pad);
    octets.insert(octets.end(), pad, 0xee);
  }
  add_shim(kExperimentalType, kExperimental, std::move(octets), length ? Field::length : Field::none, 2);
  return *this;
}

unsigned PacketBuilder::ether_type_of(const Layer* layer) {
  if (layer == nullptr) return kExperimentalType;
  switch (layer->kind) {
    case Kind::ethernet:
      return 0x6558;  // inside something else
    case Kind::ipv4:
      return kIpv4Type;
    case Kind::ipv6:
      return kIpv6Type;
    case Kind::tag:
    case Kind::shim:
      return layer->number;
    default:
      return kExperimentalType;
  }
}

PacketBuilder& PacketBuilder::eth() {
  return add(Kind::ethernet, kExperimentalType, {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0, 0});
}

PacketBuilder& PacketBuilder::eth(std::uint8_t source, std::uint8_t destination) {
  eth();
  layers_.back().octets[5] = destination;
  layers_.back().octets[11] = source;
  return *this;
}

PacketBuilder& PacketBuilder::tag(unsigned tpid, unsigned id, unsigned priority) {
  Bytes octets(4);
  put16(octets, 0, priority << 13 | (id & 0xfff));
  return add(Kind::tag, tpid, std::move(octets));
}

PacketBuilder& PacketBuilder::vlan(unsigned id, unsigned priority) {
  return tag(0x8100, id, priority);
}

PacketBuilder& PacketBuilder::qinq(unsigned id, unsigned priority) {
  return tag(0x88a8, id, priority);
}

PacketBuilder& PacketBuilder::ether_type(unsigned type) {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (layer->kind == Kind::ethernet || layer->kind == Kind::tag) {
      layer->next = type;
      return *this;
    }
  }
  misuse("ether_type() without a link-layer header");
}

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
  Bytes octets = {0x40, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0};
  for (const std::string_view text : {source, destination}) {
    const Bytes address = address_octets(text);
    if (address.size() != 4) misuse("ipv4() wants IPv4 addresses");
    octets.insert(octets.end(), address.begin(), address.end());
  }
  return add(Kind::ipv4, 4, std::move(octets));
}

PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination) {
  Bytes octets = {0x60, 0, 0, 0, 0, 0, 0, 64};
  for (const std::string_view text : {source, destination}) {
    const Bytes address = address_octets(text);
    if (address.size() != 16) misuse("ipv6() wants IPv6 addresses");
    octets.insert(octets.end(), address.begin(), address.end());
  }
  return add(Kind::ipv6, 41, std::move(octets));
}

PacketBuilder& PacketBuilder::add_extension(unsigned number, std::size_t octets) {
  if (octets < 8 || octets % 8 != 0 || octets > 2048) misuse("an extension header has 8, 16, ... 2048 octets");
  Bytes header(octets);
  header[1] = static_cast<std::uint8_t>(octets / 8 - 1);
  return add(Kind::extension, number, std::move(header));
}

PacketBuilder& PacketBuilder::hop_by_hop(std::size_t octets) {
  add_extension(0, octets);
  // RFC 8200 §4.2: one PadN that fills the header; its data is at most 253 octets here by the size of the tests.
  layers_.back().octets[2] = 1;
  layers_.back().octets[3] = static_cast<std::uint8_t>(octets - 4);
  return *this;
}

PacketBuilder& PacketBuilder::routing(std::size_t octets) {
  add_extension(43, octets);
  layers_.back().octets[2] = 4;  // segment routing, RFC 8754; segments left 0
  return *this;
}

PacketBuilder& PacketBuilder::destination_options(std::size_t octets) {
  add_extension(60, octets);
  layers_.back().octets[2] = 1;
  layers_.back().octets[3] = static_cast<std::uint8_t>(octets - 4);
  return *this;
}

PacketBuilder& PacketBuilder::ah(std::size_t octets) {
  if (octets < 12 || octets % 4 != 0 || octets > 1028) misuse("an authentication header has 12, 16, ... 1028 octets");
  Bytes header(octets);
  header[1] = static_cast<std::uint8_t>(octets / 4 - 2);
  return add(Kind::extension, 51, std::move(header));
}

PacketBuilder& PacketBuilder::fragment(unsigned offset_octets, bool more, unsigned id) {
  if (offset_octets % 8 != 0) misuse("a fragment offset is a multiple of 8");
  Layer& ip = last_ip();
  if (ip.kind == Kind::ipv4) {
    put16(ip.octets, 4, id);
    put16(ip.octets, 6, (more ? 0x2000u : 0u) | offset_octets / 8);
    return *this;
  }
  Bytes header(8);
  put16(header, 2, offset_octets | (more ? 1u : 0u));
  put16(header, 4, id >> 16);
  put16(header, 6, id);
  return add(Kind::extension, 44, std::move(header));
}

PacketBuilder::Layer& PacketBuilder::last_ip() {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (layer->kind == Kind::ipv4 || layer->kind == Kind::ipv6) return *layer;
  }
  misuse("an IP header's adjective without an IP header");
}

PacketBuilder::Layer& PacketBuilder::last_ip(Kind kind) {
  Layer& ip = last_ip();
  if (ip.kind != kind) misuse("an adjective of the other IP version");
  return ip;
}

PacketBuilder::Layer& PacketBuilder::last_network() {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (layer->kind == Kind::ipv4 || layer->kind == Kind::ipv6 || layer->kind == Kind::extension) return *layer;
  }
  misuse("protocol() without an IP header");
}

PacketBuilder::Layer& PacketBuilder::last_tcp() {
  if (layers_.empty() || layers_.back().kind != Kind::transport || layers_.back().number != 6) {
    misuse("a TCP header's adjective without a TCP header before it");
  }
  return layers_.back();
}

PacketBuilder& PacketBuilder::ttl(unsigned value) {
  Layer& ip = last_ip();
  ip.octets[ip.kind == Kind::ipv4 ? 8 : 7] = static_cast<std::uint8_t>(value);
  return *this;
}

PacketBuilder& PacketBuilder::tos(unsigned value) {
  Layer& ip = last_ip();
  if (ip.kind == Kind::ipv4) {
    ip.octets[1] = static_cast<std::uint8_t>(value);
  } else {
    put16(ip.octets, 0, (ip.octets[0] & 0xf0u) << 8 | (value & 0xff) << 4 | (ip.octets[1] & 0x0fu));
  }
  return *this;
}

PacketBuilder& PacketBuilder::flow_label(unsigned value) {
  Layer& ip = last_ip(Kind::ipv6);
  ip.octets[1] = static_cast<std::uint8_t>((ip.octets[1] & 0xf0u) | (value >> 16 & 0x0fu));
  put16(ip.octets, 2, value & 0xffff);
  return *this;
}

PacketBuilder& PacketBuilder::options(std::size_t octets) {
  if (octets % 4 != 0 || octets > 40) misuse("IPv4 options have 4, 8, ... 40 octets");
  last_ip(Kind::ipv4).octets.resize(20 + octets, 1);  // RFC 791 §3.1: option 1 is no operation
  return *this;
}

PacketBuilder& PacketBuilder::protocol(unsigned number) {
  last_network().next = number;
  return *this;
}

PacketBuilder& PacketBuilder::ip_version(unsigned version) {
  Layer& ip = last_ip();
  ip.octets[0] = static_cast<std::uint8_t>((ip.octets[0] & 0x0fu) | version << 4);
  return *this;
}

PacketBuilder& PacketBuilder::ip_header_words(unsigned words) {
  last_ip(Kind::ipv4).ip_words = words;
  return *this;
}

PacketBuilder& PacketBuilder::ip_total_length(unsigned octets) {
  last_ip(Kind::ipv4).length = octets;
  return *this;
}

PacketBuilder& PacketBuilder::ip_payload_length(unsigned octets) {
  last_ip(Kind::ipv6).length = octets;
  return *this;
}

PacketBuilder& PacketBuilder::extension_length(unsigned value) {
  Layer& header = last_network();
  if (header.kind != Kind::extension) misuse("extension_length() without an extension header");
  header.octets[1] = static_cast<std::uint8_t>(value);
  return *this;
}

PacketBuilder& PacketBuilder::add_ports(unsigned number, std::size_t octets, unsigned source_port,
                                        unsigned destination_port) {
  Bytes header(octets);
  put16(header, 0, source_port);
  put16(header, 2, destination_port);
  return add(Kind::transport, number, std::move(header));
}

PacketBuilder& PacketBuilder::tcp(unsigned source_port, unsigned destination_port) {
  add_ports(6, 20, source_port, destination_port);
  layers_.back().octets[12] = 0x50;  // five words, RFC 9293 §3.1
  layers_.back().octets[13] = kAck;
  put16(layers_.back().octets, 14, 65535);
  return *this;
}

PacketBuilder& PacketBuilder::flags(unsigned value) {
  last_tcp().octets[13] = static_cast<std::uint8_t>(value);
  return *this;
}

PacketBuilder& PacketBuilder::sequence(std::uint32_t value) {
  Layer& tcp = last_tcp();
  put16(tcp.octets, 4, value >> 16);
  put16(tcp.octets, 6, value & 0xffff);
  return *this;
}

PacketBuilder& PacketBuilder::window(unsigned value) {
  put16(last_tcp().octets, 14, value);
  return *this;
}

PacketBuilder& PacketBuilder::acknowledgment(std::uint32_t value) {
  Layer& tcp = last_tcp();
  put16(tcp.octets, 8, value >> 16);
  put16(tcp.octets, 10, value & 0xffff);
  return *this;
}

PacketBuilder& PacketBuilder::timestamps(std::uint32_t value, std::uint32_t echo) {
  Bytes octets = {1, 1, 8, 10};
  for (const std::uint32_t number : {value, echo}) {
    for (unsigned i = 0; i < 4; ++i) octets.push_back(static_cast<std::uint8_t>(number >> (24 - 8 * i)));
  }
  return tcp_options(octets);
}

PacketBuilder& PacketBuilder::tcp_options(Bytes octets) {
  if (octets.size() > 40) misuse("TCP options have at most 40 octets");
  octets.resize((octets.size() + 3) / 4 * 4);
  Layer& tcp = last_tcp();
  tcp.octets.resize(20);
  tcp.octets.insert(tcp.octets.end(), octets.begin(), octets.end());
  return tcp_header_words(static_cast<unsigned>(tcp.octets.size() / 4));
}

PacketBuilder& PacketBuilder::tcp_header_words(unsigned words) {
  last_tcp().octets[12] = static_cast<std::uint8_t>(words << 4);
  return *this;
}

PacketBuilder& PacketBuilder::udp(unsigned source_port, unsigned destination_port) {
  return add_ports(17, 8, source_port, destination_port);
}

PacketBuilder& PacketBuilder::udp_lite(unsigned source_port, unsigned destination_port) {
  return add_ports(136, 8, source_port, destination_port);
}

PacketBuilder& PacketBuilder::sctp(unsigned source_port, unsigned destination_port) {
  return add_ports(132, 12, source_port, destination_port);
}

PacketBuilder& PacketBuilder::dccp(unsigned source_port, unsigned destination_port) {
  return add_ports(33, 16, source_port, destination_port);
}

PacketBuilder& PacketBuilder::icmp(unsigned type, unsigned code) {
  return add(Kind::transport, 1, {static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0, 0, 0, 0, 0});
}

PacketBuilder& PacketBuilder::icmpv6(unsigned type, unsigned code) {
  return add(Kind::transport, 58, {static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0, 0, 0, 0, 0});
}

PacketBuilder& PacketBuilder::payload(std::size_t octets) {
  return payload(Bytes(octets, 0xa5));
}

PacketBuilder& PacketBuilder::payload(Bytes octets) {
  return add(Kind::payload, kExperimental, std::move(octets));
}

PacketBuilder& PacketBuilder::pad_to(std::size_t octets, std::uint8_t fill) {
  pad_to_ = octets;
  pad_fill_ = fill;
  return *this;
}

PacketBuilder& PacketBuilder::cut(std::size_t octets) {
  cut_ = octets;
  return *this;
}

Bytes PacketBuilder::bytes() const {
  Bytes out;
  std::vector<std::size_t> begin;
  for (const Layer& layer : layers_) {
    begin.push_back(out.size());
    out.insert(out.end(), layer.octets.begin(), layer.octets.end());
  }
  const std::size_t end = out.size();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const Layer* next = i + 1 < layers_.size() ? &layers_[i + 1] : nullptr;
    const std::size_t at = begin[i];
    const unsigned length = layer.length.value_or(static_cast<unsigned>(end - at));
    unsigned following = kExperimental;
    if (next != nullptr) following = next->kind == Kind::shim ? next->protocol : next->number;
    const unsigned next_protocol = layer.next.value_or(following);
    switch (layer.kind) {
      case Kind::ethernet:
      case Kind::tag: {
        // llc_snap() has no EtherType: the field is a length then.
        unsigned type = ether_type_of(next);
        if (type == 0) type = static_cast<unsigned>(end - begin[i + 1]);
        put16(out, at + layer.octets.size() - 2, layer.next.value_or(type));
        break;
      }
      case Kind::ipv4: {
        const auto words = layer.ip_words.value_or(static_cast<unsigned>(layer.octets.size() / 4));
        out[at] = static_cast<std::uint8_t>((out[at] & 0xf0u) | (words & 0x0fu));
        put16(out, at + 2, length);
        out[at + 9] = static_cast<std::uint8_t>(next_protocol);
        put16(out, at + 10, internet_checksum(out, at, layer.octets.size()));
        break;
      }
      case Kind::ipv6:
        put16(out, at + 4, layer.length.value_or(static_cast<unsigned>(end - at - 40)));
        out[at + 6] = static_cast<std::uint8_t>(next_protocol);
        break;
      case Kind::extension:
        out[at] = static_cast<std::uint8_t>(next_protocol);
        break;
      case Kind::transport:
        if (layer.number == 17 || layer.number == 136) put16(out, at + 4, length);
        break;
      case Kind::shim:
        if (layer.field == Field::ether_type) {
          put16(out, at + layer.field_at, ether_type_of(next));
        } else if (layer.field == Field::ppp_protocol) {
          const unsigned type = ether_type_of(next);  // RFC 1332, RFC 5072, RFC 3032 §4.3
          put16(out, at + layer.field_at, type == kIpv4Type ? 0x0021 : type == kIpv6Type ? 0x0057 : 0x0281);
        } else if (layer.field == Field::length) {
          put16(out, at + layer.field_at, static_cast<unsigned>(end - at - layer.length_counts_from));
        }
        break;
      case Kind::payload:
        break;
    }
  }
  if (out.size() < pad_to_) out.resize(pad_to_, pad_fill_);
  if (cut_ && *cut_ < out.size()) out.resize(*cut_);
  return out;
}

}  // namespace weir::test
