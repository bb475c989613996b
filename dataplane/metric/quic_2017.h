// The metric `quic`, where a user asks for the header that QUIC had in 2017 (--metrics quic:2017): which packets have
// it, and what they tell.
//
// Short headers of then look like today's. So they are read in flows that had a long header of 2017, or on the port
// that the user names; the other flows have today's header.
#pragma once

#include <algorithm>
#include <span>

#include "dataplane/metric/quic_state.h"
#include "proto/base/quic2017_header.h"

namespace weir {

struct Quic2017 {
  // Bits of MetricParameters::quic_options, in the order of the words of Quic::kParameter.
  static constexpr std::uint16_t kHeader = 1;
  static constexpr std::uint16_t kMeasurementByte = 2;

  static constexpr std::uint32_t kOctets = 64;  ///< of a packet: its header, and some versions

  static bool is_on(const MetricParameters& parameters) { return parameters.quic_options != 0; }

  /// Whether a packet may have this header, by the packet alone.
  static bool recognises(const ParsedPacket& packet, const PacketPayload& payload, const MetricParameters& parameters) {
    return is_certain(packet, payload, parameters) ||
           (parameters.quic_2017_port == 0 && is_quic2017_short(payload.octets[0]));
  }
  /// Whether it has, whatever its flow was before.
  static bool is_certain(const ParsedPacket& packet, const PacketPayload& payload, const MetricParameters& parameters) {
    const std::uint16_t port = parameters.quic_2017_port;
    if (port != 0) return packet.key.port_low == port || packet.key.port_high == port;
    return is_quic2017_long(payload.octets[0]) && payload.captured >= kQuic2017LongHeader &&
           is_quic2017_version(load_be<std::uint32_t>(payload.octets + kQuic2017LongHeader - 4));
  }
  /// The same, where it was.
  static bool applies(const QuicState& state, const MetricInput& input) {
    const PacketPayload& payload = input.facts.payload;
    return is_on(input.parameters) && (is_certain(input.packet, payload, input.parameters) ||
                                       (state.form == QuicForm::of_2017 && (payload.octets[0] & 0xc0) != 0xc0));
  }

  static void read(QuicSlot& slot, const MetricInput& input) {
    const std::span<const std::uint8_t> there(input.facts.payload.octets, input.facts.payload.captured);
    QuicEndState& end = slot.ends[input.side];
    const auto packet = read_quic2017_packet(there);
    if (!packet) {
      ++(packet.error() == Quic2017Error::truncated ? slot.truncated : slot.unknown_types);
      return;
    }
    slot.state.form = QuicForm::of_2017;
    if (!slot.has_start) {
      slot.start_ns = input.packet.time_ns;
      slot.has_start = true;
    }
    if (packet->is_long()) slot.version = packet->version;
    if (packet->has_connection_id) end.destination_id_octets = kQuic2017ConnectionId;
    count(slot, input, *packet);
    // These two repeat the number of the packet that they answer.
    if (packet->type != Quic2017Type::version_negotiation && packet->type != Quic2017Type::stateless_retry) {
      const std::uint64_t number =
          end.has_number ? full_packet_number(end.packet_number, packet->number, packet->number_bits) : packet->number;
      end.packet_number = std::max(end.packet_number, number);
      end.has_number = true;
    }
    if (!packet->is_long()) end.key_phase_1 = static_cast<std::uint8_t>(packet->key_phase + 1);
    if ((input.parameters.quic_options & kMeasurementByte) != 0 && packet->payload_at < there.size()) {
      end.measurement_byte = there[packet->payload_at];
    }
  }

  static void finish(const QuicSlot& slot, const MetricOutput& output) {
    auto& section = output.section<Quic2017Section>();
    section.truncated = slot.truncated;
    section.unknown_types = slot.unknown_types;
    for (const Direction direction : {kForward, kReverse}) {
      const QuicEndState& end = slot.ends[output.side(direction)];
      section.packet_number[direction] = end.packet_number;
      section.key_phase[direction] =
          end.key_phase_1 == 0 ? Quic2017Section::kNoKeyPhase : static_cast<std::uint8_t>(end.key_phase_1 - 1);
      section.measurement_byte[direction] = end.measurement_byte;
    }
  }

 private:
  static void count(QuicSlot& slot, const MetricInput& input, const Quic2017Packet& packet) {
    const auto side_1 = static_cast<std::uint8_t>(input.side + 1);
    switch (packet.type) {
      case Quic2017Type::version_negotiation:
        ++slot.version_negotiation;
        return slot.keep_versions(packet.versions, (input.facts.payload.whole - kQuic2017LongHeader) / 4);
      case Quic2017Type::client_initial:
        ++slot.ends[input.side].initial;
        slot.client_1 = side_1;
        return;
      case Quic2017Type::stateless_retry:
        ++slot.retry;
        return;
      case Quic2017Type::client_cleartext:
        if (!slot.ends[input.side ^ 1U].sent_handshake) {  // answers nothing that was seen
          ++slot.ends[input.side].handshake;
          return;
        }
        slot.client_1 = side_1;
        return slot.see_handshake(input.side, input.packet.time_ns);
      case Quic2017Type::server_cleartext:
        ++slot.ends[input.side].handshake;
        slot.ends[input.side].sent_handshake = true;
        return;
      case Quic2017Type::zero_rtt:
        ++slot.zero_rtt;
        return;
      case Quic2017Type::short_header:
        ++slot.state.short_headers[input.side];
        return;
    }
  }
};

}  // namespace weir
