// PacketSection: records that hold the first octets of a packet in place of the fields of a flow (PSAMP, RFC 5476).
//
// Inline monitoring and packet samplers send ipHeaderPacketSection (313), dataLinkFrameSection (315) or
// mplsPayloadPacketSection (317); NetFlow-lite sends element 104. weir's own parser reads the packet: the record
// becomes its flow, the innermost one, with its tunnel, label and SPI. It has one packet, and the octets of the record
// (1), of the frame as the exporter says it (312), or of the IP header, in this order.
//
// An sFlow sample holds the first octets of a packet, too, under the same elements. Its octets are those of the IP
// header, since the frame's have the FCS in them, and the packet's MAC addresses and the like come with it.
//
// A record with addresses of its own stays what it says: where the packet has the same ones, it adds what is missing.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/packet/parser.h"
#include "proto/decode/flow_message.h"
#include "proto/record/sections.h"

namespace weir {

class PacketSection {
 public:
  /// `values`: what the record has beside its fields. True: they hold a packet, and `out` is the record with what the
  /// packet says. `sflow_protocol`: what sFlow says that the octets begin with; 0: they did not come by sFlow.
  bool fill(RecordView record, std::span<const DecodedValue> values, OwnedRecord& out, std::uint8_t sflow_protocol = 0);

 private:
  struct Found;
  [[nodiscard]] bool parse(const Found& found, ParsedPacket& packet, PacketFacts* facts);

  Parser parser_;
};

}  // namespace weir
