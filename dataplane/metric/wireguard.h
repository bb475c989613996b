// The metric `wireguard`: WireGuard messages by type, and the indexes of a handshake (the protocol's paper, section
// 5.4; wireguard.com/protocol).
//
// Messages are recognised on any UDP port by what the protocol fixes: a type from 1 to 4, three zero octets after it,
// and a length of exactly 148, 92 or 64 octets, or of at least 32 (transport data). The last of these is too little to
// tell: data count on port 51820, or once the flow had a message of another type. Nothing in a message is decrypted,
// and nothing of it but the first 12 octets is read.
#pragma once

#include <algorithm>

#include "dataplane/metric/metric.h"
#include "proto/base/ip_numbers.h"

namespace weir {

struct Wireguard {
  static constexpr std::string_view kName = "wireguard";
  static constexpr std::string_view kMeaning = "WireGuard: messages by type, indexes of the handshake";
  static constexpr std::uint32_t kSections = kSectionBit<WireguardSection>;

  static constexpr std::uint16_t kPort = 51820;  // IANA has given it to nobody; all implementations have it as default
  static constexpr std::uint32_t kReadOctets = 12;

  enum Type : std::uint8_t { kInitiation = 1, kResponse = 2, kCookie = 3, kData = 4 };

  struct State {};
  struct Slot {
    std::uint32_t sender;
    std::uint32_t receiver;
    std::uint32_t counts[4];  ///< by type, from 1
    std::uint8_t known;       ///< bits of WireguardSection
    std::uint8_t handshake;   ///< 1: the flow had a message other than data, in whichever record
    std::uint8_t reserved[6];
  };

  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& /*parameters*/) {
    return packet.key.protocol == kProtocolUdp ? kReadOctets : 0;
  }
  static bool recognises(const ParsedPacket& /*packet*/, const PacketFacts& facts) {
    const PacketPayload& payload = facts.payload;
    if (payload.captured < kReadOctets) return false;
    const std::uint8_t* const at = payload.octets;
    if ((at[1] | at[2] | at[3]) != 0) return false;
    switch (at[0]) {
      case kInitiation:
        return payload.whole == 148;
      case kResponse:
        return payload.whole == 92;
      case kCookie:
        return payload.whole == 64;
      case kData:
        return payload.whole >= 32;
      default:
        return false;
    }
  }

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& /*state*/, Slot& slot, const MetricInput& input) {
    const std::uint8_t* const message = input.facts.payload.octets;
    const std::uint8_t type = message[0];
    if (type != kData) {
      slot.handshake = 1;
    } else if (slot.handshake == 0 && input.packet.key.port_low != kPort && input.packet.key.port_high != kPort) {
      return Verdict::goes_on;
    }
    std::uint32_t& count = slot.counts[type - 1];
    if (count != UINT32_MAX) ++count;
    if (type == kInitiation) {
      if ((slot.known & WireguardSection::kSender) == 0) {
        slot.known |= WireguardSection::kSender;
        slot.sender = index_at(message + 4);
      }
    } else if (type == kResponse && (slot.known & WireguardSection::kReceiver) == 0) {
      // Of several initiations it says which one it answers.
      slot.known |= WireguardSection::kSender | WireguardSection::kReceiver;
      slot.receiver = index_at(message + 4);
      slot.sender = index_at(message + 8);
    }
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    return (slot.counts[0] | slot.counts[1] | slot.counts[2] | slot.counts[3]) != 0 ? kSections : 0;
  }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<WireguardSection>();
    section.sender = slot.sender;
    section.receiver = slot.receiver;
    section.initiations = slot.counts[kInitiation - 1];
    section.responses = slot.counts[kResponse - 1];
    section.cookies = static_cast<std::uint16_t>(std::min(slot.counts[kCookie - 1], std::uint32_t{UINT16_MAX}));
    section.data = slot.counts[kData - 1];
    section.known = slot.known;
  }

  /// What the flow is does not change with a record.
  static void restart(State& /*state*/, Slot& slot) {
    const std::uint8_t handshake = slot.handshake;
    slot = {};
    slot.handshake = handshake;
  }

 private:
  static std::uint32_t index_at(const std::uint8_t* at) {
    return at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24;
  }
};

}  // namespace weir
