#include "control/explain.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

std::string address_text(const void* address, unsigned ip_version) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
  return text;
}

/// "10.0.0.1:80", "[2001:db8::1]:80".
std::string end_text(const FlowKey& key, Side side) {
  const std::size_t octets = key.version() == 4 ? 4 : 16;
  const auto* addresses = reinterpret_cast<const std::uint8_t*>(key.address);
  const std::string address = address_text(addresses + (side == Side::high ? octets : 0), key.version());
  const unsigned port = is_icmp(key.protocol) ? 0 : side == Side::high ? key.port_high : key.port_low;
  return key.version() == 4 ? fmt::format("{}:{}", address, port) : fmt::format("[{}]:{}", address, port);
}

/// "in_if 3, src_mac 02:00:00:00:00:01": what an extended key holds of the packet besides.
std::string addition_text(const KeyFields& fields, const ParsedPacket& packet) {
  const KeyAddition& addition = packet.addition;
  const unsigned from = packet.from == Side::high ? 1 : 0;
  std::string text;
  const auto add = [&](bool in_key, std::string_view name, const std::string& value) {
    if (in_key) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  };
  const auto mac = [](const std::uint8_t(&octets)[6]) {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", octets[0], octets[1], octets[2], octets[3],
                       octets[4], octets[5]);
  };
  add(fields.in_if, "in_if", fmt::to_string(addition.interface[from]));
  add(fields.source_as, "src_as", fmt::to_string(addition.as_number[from]));
  add(fields.destination_as, "dst_as", fmt::to_string(addition.as_number[1 - from]));
  add(fields.ip_tos, "ip_tos", fmt::to_string(addition.ip_tos));
  add(fields.source_mac, "src_mac", mac(addition.mac[from]));
  add(fields.destination_mac, "dst_mac", mac(addition.mac[1 - from]));
  add(fields.inner_vlan_id, "inner_vlan_id", fmt::to_string(addition.inner_vlan_id));
  return text;
}

Side other(Side side) {
  return side == Side::low ? Side::high : Side::low;
}

std::string ordinal(std::uint64_t number) {
  const std::uint64_t tens = number % 100;
  const char* ending = number % 10 == 1 && tens != 11   ? "st"
                       : number % 10 == 2 && tens != 12 ? "nd"
                       : number % 10 == 3 && tens != 13 ? "rd"
                                                        : "th";
  return fmt::format("{}{}", number, ending);
}

}  // namespace

Explainer::Explainer(const ParserOptions& options, const KeyFields& key, const FlowFilter* filter,
                     const std::string& frame_filter, const AsLookup& as_lookup)
    : Explainer(options, key, filter, frame_filter, as_lookup, KeyHash(KeyHash::random_seed())) {}

Explainer::Explainer(const ParserOptions& options, const KeyFields& key, const FlowFilter* filter,
                     const std::string& frame_filter, const AsLookup& as_lookup, const KeyHash& hash)
    : filter_(filter),
      frame_filter_text_(frame_filter),
      frame_filter_(frame_filter),
      front_(for_key(options, key), hash, nullptr, 0, filter),
      mask_(key),
      as_lookup_(as_lookup),
      rules_(for_key(FlowTimeouts{}, key)),
      conversations_(0, KeyHasher{hash}) {}

std::uint64_t Explainer::effective_ns(std::uint64_t time_ns) {
  now_ns_ = std::max(now_ns_, time_ns);
  return now_ns_;
}

void Explainer::set_key(ParsedPacket& packet, const PacketFacts& facts) const {
  AsPair as_pair;
  const AsEnds ends = mask_.fields().as_ends();
  if (ends.any() && as_lookup_.find != nullptr) find_as_pairs(as_lookup_, ends, {&packet, 1}, {&as_pair, 1});
  if (mask_.changes()) mask_.apply(packet, &facts, as_pair);
}

bool Explainer::keeps_out(const PacketView& view, const ParsedPacket& packet) const {
  if (filter_ == nullptr) return false;
  const FlowHeader header = front_.flow_header(view, packet);
  return header.data == nullptr ? packet.filtered_by != 0 : (filter_->keeps({&header, 1}) & 1) == 0;
}

Explainer::Conversation& Explainer::count(ParsedPacket& packet, std::uint64_t number) {
  WholeKey key{packet.key};
  if (packet.key.extended()) key.addition = packet.addition;
  Conversation& conversation = conversations_[key];
  if (conversation.first_packet == 0)
    conversation = {.first_packet = number, .packets = {}, .initiator = rules_.initiator(packet)};
  ++conversation.packets[static_cast<unsigned>(packet.from)];
  return conversation;
}

std::string Explainer::frame_filtered(const PacketView& view) {
  if (frame_filter_text_.empty()) return {};
  const auto match = frame_filter_.matches(view);
  if (!match) return fmt::format("  {}\n", match.error());
  return *match ? ""
                : fmt::format("  filtered out: --frame-filter '{}' does not match the frame\n", frame_filter_text_);
}

Reject Explainer::skip(const PacketView& view, std::uint64_t number) {
  if (!frame_filtered(view).empty()) return Reject::none;
  ParsedPacket packet;
  PacketFacts facts;
  front_.expect_header();
  const Arrival arrival = front_.parse_at<true>(view, effective_ns(view.time_ns), packet, &facts);
  if (arrival == Arrival::rejected) return front_.settled().reject;
  if (arrival != Arrival::packet || keeps_out(view, packet)) return Reject::none;
  set_key(packet, facts);
  count(packet, number);
  return Reject::none;
}

std::string Explainer::explain(const PacketView& view, std::uint64_t number) {
  PacketTrace trace;
  ParsedPacket packet{};
  PacketFacts facts;
  front_.expect_header();
  const Arrival arrival = front_.trace(view, effective_ns(view.time_ns), packet, facts, trace);
  const PacketFront::Settled& settled = front_.settled();
  const bool filtered_out = arrival == Arrival::packet && keeps_out(view, packet);
  const std::string frame_filtered = this->frame_filtered(view);
  if (arrival == Arrival::packet) set_key(packet, facts);
  const bool counts = arrival == Arrival::packet && !filtered_out && frame_filtered.empty();

  std::string out =
      fmt::format("packet {}, {} octets on the wire, {} captured, {}.{:09} s\n", number, view.frame_octets,
                  view.captured_octets, view.time_ns / 1'000'000'000, view.time_ns % 1'000'000'000);
  out += "  offset  octets  layer\n";
  for (const TracedLayer& layer : trace.layers) {
    out += fmt::format("  {:>6}  {:>6}  {}{}{}\n", layer.offset, layer.octets, layer.name,
                       layer.detail.empty() ? "" : ": ", layer.detail);
  }
  const auto& stopped = reason_text(kRejectTexts, trace.stopped);
  if (!trace.note.empty()) out += fmt::format("  note: {}\n", trace.note);
  if (arrival == Arrival::packet && trace.stopped != Reject::none) {
    out += fmt::format("  nothing further in counts: {} ({})\n", stopped.name, stopped.description);
  }

  if (!frame_filtered.empty()) return out + frame_filtered;
  if (arrival != Arrival::packet) {
    const auto& text = reason_text(kRejectTexts, settled.reject);
    return out + fmt::format("  rejected: {} ({})\n", text.name, text.description);
  }

  if (filtered_out) out += "  filtered out: --filter does not match the IP header that makes the flow\n";
  out += fmt::format("  key: {} > {}, protocol {}, {} IP octets\n", end_text(packet.key, packet.from),
                     end_text(packet.key, other(packet.from)), unsigned{packet.key.protocol}, packet.ip_octets);
  if (is_icmp(packet.key.protocol) && packet.key.port_low != 0) {
    out += fmt::format("  in the key: ICMP type {}, code {}; a reply has the type of its request\n",
                       packet.key.port_low >> 8, packet.key.port_low & 0xff);
  }
  if (packet.key.extended()) out += "  in the key: " + addition_text(mask_.fields(), packet) + "\n";
  if ((packet.facts & kLengthFromFrame) != 0) {
    out += "  the IP header's length is 0 (segmentation offload): the frame's length counts (length_from_frame)\n";
  }
  if (settled.later_fragment) {
    out += settled.first_known ? "  a later fragment: ports and protocol are those of its first\n"
                               : "  a later fragment whose first was not seen before it: ports 0\n";
  }
  if ((packet.facts & kHasTunnel) != 0) {
    out += fmt::format("  tunnel: {}, id {}", tunnel_name(packet.tunnel.type), packet.tunnel.id);
    if (packet.tunnel.ip_version != 0) {
      out += fmt::format(", {} > {}", address_text(packet.tunnel.source, packet.tunnel.ip_version),
                         address_text(packet.tunnel.destination, packet.tunnel.ip_version));
    }
    out += fmt::format(", depth {}\n", unsigned{packet.tunnel.depth});
  }
  if (packet.vlan_id != 0) out += fmt::format("  VLAN: {}\n", packet.vlan_id);
  if ((packet.facts & kHasLabel) != 0) out += fmt::format("  top MPLS label: {}\n", packet.mpls_label);
  if (!counts) return out;
  const Conversation& conversation = this->count(packet, number);
  const Side from = conversation.initiator;
  const std::uint64_t count = conversation.packets[static_cast<unsigned>(packet.from)];
  out += fmt::format("  flow: {} > {}, opened by packet {}; this is the {} packet {}\n", end_text(packet.key, from),
                     end_text(packet.key, other(from)), conversation.first_packet, ordinal(count),
                     packet.from == from ? "of its initiator" : "back to its initiator");
  return out;
}

}  // namespace weir
