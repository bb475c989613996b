// FragmentNote: what a first fragment tells about the later fragments of its datagram.
//
// Only the first fragment holds the transport header (RFC 791 §3.2, RFC 8200 §4.5). The parser, which remembers
// nothing, leaves a note on every first fragment that it passes on its way inwards, and a FragmentCache keeps them.
//
// A later fragment is filtered as its first: a filter that asks for ports cannot judge it by its own octets.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/packet/flow_key.h"

namespace weir {

struct FragmentNote {
  FlowKey key;                     ///< of the fragmented packet: its addresses, its ports, its final protocol
  Side from = Side::low;           ///< which side of the key sent it
  std::uint8_t fragment_protocol;  ///< IPv4 protocol, or next header of the IPv6 fragment header
  std::uint8_t filtered_by = 0;    ///< bit n: the filter of monitor n says no; set by the packet front
  std::uint32_t fragment_id;
};

/// Where in a frame an IP header lies.
struct HeaderPlace {
  std::uint32_t offset = 0;  ///< from the frame's first octet
  std::uint32_t octets = 0;  ///< of its packet, captured or not
};

/// The notes on one frame. A frame has more than one where fragments lie inside fragments; what is nested deeper than
/// this counts with ports 0 in its later fragments. Nobody fragments four times.
struct FragmentNotes {
  static constexpr unsigned kMost = 4;

  std::array<FragmentNote, kMost> notes;
  std::array<HeaderPlace, kMost> places;  ///< of the headers that the notes are on
  unsigned count = 0;
};

}  // namespace weir
