// The metric `quic`: what the headers of a flow's QUIC packets say, and the client's Initial packets, in which its
// ClientHello is.
//
// A flow is one of QUIC once a long header of a known version was seen in it, on whichever port; what is counted begins
// there. All packets of a datagram count, at most kMostPackets. A worker decrypts nothing: it copies the client's
// Initial packets, bounded, into lines of its pool until the server answers with a Handshake packet, which says that it
// has the whole ClientHello. The control side opens them. What is timed, and how, says quic_state.h.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "dataplane/metric/metric.h"
#include "dataplane/metric/quic_2017.h"
#include "dataplane/metric/quic_state.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/quic_header.h"

namespace weir {

struct Quic {
  static constexpr std::string_view kName = "quic";
  static constexpr std::string_view kMeaning =
      "QUIC: version, connection IDs, packets by type, spin-bit RTT, server name, ALPN, JA4 (personal data: names of "
      "servers)";
  static constexpr std::uint32_t kSections =
      kSectionBit<QuicSection> | kSectionBit<QuicHelloSection> | kSectionBit<Quic2017Section>;
  /// What else the ClientHello says is where the metric `tls` has it.
  static constexpr std::uint32_t kBorrowedSections = kSectionBit<TlsSection>;

  static constexpr MetricParameter kParameter{
      "2017[=PORT]|measurement-byte",
      1,
      65535,
      &MetricParameters::quic_options,
      {"2017", "measurement-byte"},
      "also the header of 2017, on any port or on PORT alone; the same, and the octet after each such header",
      &MetricParameters::quic_2017_port};

  static constexpr std::uint32_t kShortOctets = 1 + kQuicMostConnectionId;  ///< that are read of a short header
  static constexpr unsigned kMostPackets = 16;                              ///< of a datagram

  struct State {};
  using Slot = QuicSlot;

  /// Octets of packets in a line of the pool.
  struct PacketPart {
    std::uint8_t octets[60];
  };

  /// Four lines for every flow, since few are handshakes of QUIC; small tables as many as all of them may want.
  static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters& /*parameters*/) {
    constexpr std::uint64_t kSmallTable = 4096;
    return std::max(4 * flows, std::min(flows, kSmallTable) * kPoolLines);
  }
  static constexpr std::size_t kPoolLines =
      (QuicHelloSection::kMostOctets + sizeof(PacketPart) - 1) / sizeof(PacketPart);

  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& /*parameters*/) {
    return packet.key.protocol == kProtocolUdp ? PacketPayload::kMost : 0;
  }
  /// By the packet alone: a receiver does not know which flows are QUIC's.
  static std::uint32_t recognised_octets(const ParsedPacket& packet, const PacketFacts& facts,
                                         const MetricParameters& parameters) {
    const PacketPayload& payload = facts.payload;
    if (payload.captured == 0) return 0;
    if (Quic2017::is_on(parameters) && Quic2017::recognises(packet, payload, parameters)) [[unlikely]]
      return Quic2017::kOctets;
    const std::uint8_t first = payload.octets[0];
    if ((first & 0x80) == 0) return payload.whole >= kQuicLeastShort ? kShortOctets : 0;
    return read_quic_packet({payload.octets, payload.captured}, payload.whole) ? PacketPayload::kMost : 0;
  }

  static bool applies(std::uint8_t protocol) { return protocol == kProtocolUdp; }

  static Verdict update(State& /*state*/, Slot& slot, const MetricInput& input) {
    const PacketPayload& payload = input.facts.payload;
    const bool is_short = (payload.octets[0] & 0x80) == 0;
    if (is_short && slot.state.form == QuicForm::today) [[likely]] {
      read_short(slot, input, {payload.octets, payload.captured});
    } else if (!is_short || Quic2017::is_on(input.parameters)) {
      read(slot, input);
    }
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    if (slot.any_packet() == 0) return 0;
    std::uint32_t bits = kSectionBit<QuicSection>;
    if (slot.state.form == QuicForm::of_2017 || (slot.truncated | slot.unknown_types) != 0) {
      bits |= kSectionBit<Quic2017Section>;
    }
    if (slot.packet_octets != 0) bits |= kBorrowedSections;
    if (slot.packet_octets != 0 || slot.offered_versions != 0) bits |= kSectionBit<QuicHelloSection>;
    return bits;
  }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<QuicSection>();
    section.version = slot.version;
    section.zero_rtt = slot.zero_rtt;
    section.retry = slot.retry;
    section.version_negotiation = slot.version_negotiation;
    if (slot.has_handshake && !slot.reported_handshake) {
      section.handshake_ns = slot.handshake_ns;
      section.known = QuicSection::kHandshake;
    }
    for (const Direction direction : {kForward, kReverse}) {
      const unsigned side = output.side(direction);
      const QuicEndState& end = slot.ends[side];
      section.initial[direction] = end.initial;
      section.handshake[direction] = end.handshake;
      section.short_header[direction] = slot.state.short_headers[side];
      section.id_changes[direction] = end.id_changes;
      section.source_id_octets[direction] = end.source_id_octets;
      section.destination_id_octets[direction] = end.destination_id_octets;
      section.spin_samples[direction] = end.spin_samples;
      section.spin_min_ns[direction] = end.spin_min_ns;
      if (end.spin_samples != 0) section.spin_mean_ns[direction] = end.spin_sum_ns / end.spin_samples;
      section.spin_half_min_ns[direction] = end.half_min_ns;
    }
    if ((output.record.sections & kSectionBit<QuicHelloSection>) != 0) finish_hello(slot, output);
    if ((output.record.sections & kSectionBit<Quic2017Section>) != 0) Quic2017::finish(slot, output);
  }

  static void release(State& /*state*/, Slot& slot, LinePool& pool) {
    pool.give(slot.first_line);
    slot.first_line = slot.last_line = LinePool::kNone;
    slot.packet_octets = 0;
    slot.packets = 0;
  }

  /// The connection goes on: its version and IDs, the handshake, packet numbers and spin bits stay known.
  static void restart(State& /*state*/, Slot& slot) {
    slot.state.short_headers[0] = slot.state.short_headers[1] = 0;
    for (QuicEndState& end : slot.ends) {
      end.spin_min_ns = end.spin_sum_ns = end.half_min_ns = 0;
      end.spin_samples = end.initial = end.handshake = end.id_changes = 0;
    }
    slot.zero_rtt = slot.retry = slot.version_negotiation = slot.truncated = slot.unknown_types = 0;
    slot.offered_versions = 0;
    slot.offered_cut = false;
    slot.reported_handshake = slot.has_handshake;
  }

 private:
  using Octets = std::span<const std::uint8_t>;

  [[gnu::noinline]] static void read(Slot& slot, const MetricInput& input) {
    if (Quic2017::applies(slot.state, input)) return Quic2017::read(slot, input);
    const PacketPayload& payload = input.facts.payload;
    Octets there(payload.octets, payload.captured);
    Octets destination;  // of the packet before
    std::uint32_t whole = payload.whole;
    for (unsigned packets = 0; packets < kMostPackets; ++packets) {
      const std::optional<QuicPacket> packet = read_quic_packet(there, whole);
      if (!packet) return;
      if (packet->type == QuicPacketType::short_header) {
        if (packets != 0 && goes_on(*packet, there, destination)) read_short(slot, input, there);
        return;
      }
      read_long(slot, input, *packet, there);
      if (packet->octets >= there.size()) return;
      there = there.subspan(packet->octets);
      whole -= packet->octets;
      destination = packet->destination;
    }
  }

  /// Whether it is a packet with a short header that comes last in a datagram: of the same connection ID as those
  /// before (RFC 9000 section 12.2), and not what some clients fill datagrams with.
  static bool goes_on(const QuicPacket& packet, Octets there, Octets destination) {
    if (destination.empty()) return packet.fixed_bit;
    return there.size() > destination.size() && std::equal(destination.begin(), destination.end(), there.begin() + 1);
  }

  static void read_long(Slot& slot, const MetricInput& input, const QuicPacket& packet, Octets there) {
    QuicEndState& end = slot.ends[input.side];
    const std::uint64_t now_ns = input.packet.time_ns;
    slot.state.form = QuicForm::today;
    if (packet.type != QuicPacketType::version_negotiation &&
        (!is_reserved_quic_version(packet.version) || slot.version == 0)) {
      slot.version = packet.version;
    }
    switch (packet.type) {
      case QuicPacketType::version_negotiation:
        ++slot.version_negotiation;
        slot.keep_versions(packet.versions, (packet.octets - (packet.versions.data() - there.data())) / 4);
        slot.has_start = false;  // the client begins anew
        return;
      case QuicPacketType::retry:
        ++slot.retry;
        slot.has_start = false;
        return;
      case QuicPacketType::zero_rtt:
        ++slot.zero_rtt;
        break;
      case QuicPacketType::initial:
        ++end.initial;
        if (slot.client_1 == 0) slot.client_1 = static_cast<std::uint8_t>(input.side + 1);
        if (slot.client_1 != input.side + 1) break;
        if (slot.ends[input.side ^ 1U].sent_handshake) break;
        if (!slot.has_start) {
          slot.start_ns = now_ns;
          slot.has_start = true;
        }
        keep_packet(slot, packet, there, input.pool);
        break;
      default:
        slot.see_handshake(input.side, now_ns);
        break;
    }
    if (!end.has_ids) {
      end.has_ids = true;
      end.source_id_octets = static_cast<std::uint8_t>(packet.source.size());
      end.destination_id_octets = static_cast<std::uint8_t>(packet.destination.size());
    }
    slot.state.id_octets_1[input.side ^ 1U] = static_cast<std::uint8_t>(packet.source.size() + 1);
  }

  /// A whole Initial packet, after its length.
  static void keep_packet(Slot& slot, const QuicPacket& packet, Octets there, LinePool& pool) {
    constexpr std::uint32_t kPrefix = 2;
    if (packet.octets > there.size() || slot.packets == QuicHelloSection::kMostPackets ||
        slot.packet_octets + kPrefix + packet.octets > QuicHelloSection::kMostOctets) {
      return;
    }
    const std::uint16_t before = slot.packet_octets;
    const std::uint32_t last_line = slot.last_line;
    std::uint8_t length[kPrefix];
    store_be(length, static_cast<std::uint16_t>(packet.octets));
    if (append(slot, length, pool) && append(slot, there.first(packet.octets), pool)) {
      ++slot.packets;
      return;
    }
    // It does not fit: what there is of it goes back.
    slot.packet_octets = before;
    slot.last_line = last_line;
    std::uint32_t& next = last_line == LinePool::kNone ? slot.first_line : pool.next(last_line);
    pool.give(next);
    next = LinePool::kNone;
  }
  /// False: the pool is empty.
  static bool append(Slot& slot, Octets octets, LinePool& pool) {
    while (!octets.empty()) {
      const std::size_t used = slot.packet_octets % sizeof(PacketPart);
      if (used == 0) {
        const std::uint32_t line = pool.take(MissingFact::quic_initial_cut);
        if (line == LinePool::kNone) return false;
        (slot.first_line == LinePool::kNone ? slot.first_line : pool.next(slot.last_line)) = line;
        slot.last_line = line;
      }
      const std::size_t count = std::min(octets.size(), sizeof(PacketPart) - used);
      std::memcpy(pool.at<PacketPart>(slot.last_line).octets + used, octets.data(), count);
      slot.packet_octets = static_cast<std::uint16_t>(slot.packet_octets + count);
      octets = octets.subspan(count);
    }
    return true;
  }

  static void read_short(Slot& slot, const MetricInput& input, Octets there) {
    QuicState& state = slot.state;
    const unsigned side = input.side;
    ++state.short_headers[side];
    const std::size_t id_octets_1 = state.id_octets_1[side];
    if (id_octets_1 > 1 && there.size() >= id_octets_1) {
      const std::uint32_t tag = tag_of(there.subspan(1, id_octets_1 - 1));
      if (tag != state.id_tags[side]) [[unlikely]] {
        if (state.id_tags[side] != 0) ++slot.ends[side].id_changes;
        state.id_tags[side] = tag;
      }
    }
    const std::uint8_t spin = there[0] >> 5 & 1;
    if (state.spin_known[side] == 0) [[unlikely]] {
      state.spin_known[side] = 1;
      state.spin[side] = spin;
    } else if (spin != state.spin[side]) [[unlikely]] {
      if (slot.see_edge(side, input.packet.time_ns)) state.spin[side] = spin;
    }
  }
  /// Of a connection ID, never 0. Two of them have the same one by chance once in 2^31.
  static std::uint32_t tag_of(Octets id) {
    std::uint64_t tag = id.size();
    for (; id.size() >= 4; id = id.subspan(4)) {
      tag = (tag ^ load_be<std::uint32_t>(id.data())) * 0x9e37'79b9'7f4a'7c15;
    }
    for (const std::uint8_t octet : id) tag = (tag ^ octet) * 0x9e37'79b9'7f4a'7c15;
    return static_cast<std::uint32_t>(tag >> 32) | 1;
  }

  static void finish_hello(const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<QuicHelloSection>();
    section.packet_octets = slot.packet_octets;
    section.offered_versions = slot.offered_versions;
    section.offered_cut = slot.offered_cut ? 1 : 0;
    std::memcpy(section.offered, slot.offered, sizeof slot.offered);
    std::uint32_t line = slot.first_line;
    for (std::uint32_t at = 0; at < slot.packet_octets; at += sizeof(PacketPart)) {
      std::memcpy(section.octets + at, output.pool.at<PacketPart>(line).octets,
                  std::min<std::size_t>(sizeof(PacketPart), slot.packet_octets - at));
      line = output.pool.next(line);
    }
  }
};

}  // namespace weir
