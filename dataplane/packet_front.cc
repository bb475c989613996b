#include "dataplane/packet_front.h"

#include "dataplane/sightings.h"

namespace weir {

Arrival PacketFront::parse_other(const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet,
                                 PacketFacts* facts) {
  return settle(parser_.parse(view, packet, facts), view, effective_ns, packet, facts);
}

Arrival PacketFront::trace(const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet, PacketFacts& facts,
                           PacketTrace& trace) {
  return settle(parser_.walk(view, packet, &trace, &facts), view, effective_ns, packet, &facts);
}

/// What the parser said of a frame, and what there is to do about fragments.
Arrival PacketFront::settle(Reject reject, const PacketView& view, std::uint64_t effective_ns, ParsedPacket& packet,
                            const PacketFacts* facts) {
  settled_ = {reject, reject == Reject::none && (packet.facts & kLaterFragment) != 0, false};
  if (reject != Reject::none) {
    counters_.rejects[static_cast<std::size_t>(reject)].add(packet.frame_octets);
    not_offered(packet.frame_octets);
    return Arrival::rejected;
  }
  packet.effective_ns = effective_ns;
  packet.set_level(sampling_level_);
  if ((packet.facts & kLengthFromFrame) != 0) counters_.length_from_frame.add(packet.frame_octets);
  if ((packet.facts & kFirstFragment) != 0) tell_of_first(view, effective_ns);
  if ((packet.facts & kIcmpError) != 0) keep_icmp_error(packet);
  if (!settled_.later_fragment) return Arrival::packet;
  if (sighting_hash_) [[unlikely]] {
    packet.add_nothing();
    const FlowHeader header = FlowHeader::at(view, {parser_.flow_header_offset(), packet.ip_octets});
    packet.sighting = sighting_of(header, *sighting_hash_);
  }
  packet.filtered_by = judge(view, {parser_.flow_header_offset(), packet.ip_octets});
  if (mesh_ != nullptr) {
    const unsigned owner = owner_of(fragments_.hash_of(packet));
    if (owner != number_) {
      if (!mesh_->ring(number_, owner).push(packet, facts, HandoverMessage::kEveryMonitor)) return Arrival::lost;
      counters_.fragments_handed_over.add(packet.frame_octets);
      not_offered(packet.frame_octets);
      return Arrival::elsewhere;
    }
  }
  settled_.first_known = resolve(packet);
  return Arrival::packet;
}

bool PacketFront::take_marked(const PacketView& view) {
  if ((view.marks & kLengthFromHeader) != 0) counters_.length_from_header.add(view.frame_octets);
  if ((view.marks & kFrameFilteredOut) == 0) return true;
  counters_.received.add(view.frame_octets);
  counters_.frame_filtered_out.add(view.frame_octets);
  return false;
}

/// What the monitors' filters say of the packet whose IP header lies there, as bits.
std::uint8_t PacketFront::judge(const PacketView& view, const HeaderPlace& place) const {
  unsigned verdict = 0;
  for (unsigned monitor = 0; monitor < filter_count_; ++monitor) {
    if (filters_[monitor] == nullptr) continue;
    const FlowHeader header = FlowHeader::at(view, place);
    if ((filters_[monitor]->keeps({&header, 1}) & 1) == 0) verdict |= 1U << monitor;
  }
  return static_cast<std::uint8_t>(verdict);
}

void PacketFront::keep_icmp_error(ParsedPacket& packet) {
  if (icmp_error_count_ == kMostIcmpErrors) {  // nobody takes them: a trace
    packet.facts = static_cast<std::uint8_t>(packet.facts & ~kIcmpError);
    return;
  }
  IcmpError& error = icmp_errors_[icmp_error_count_] = parser_.icmp_error();
  error.quoted.effective_ns = packet.effective_ns;
  packet.icmp_error = static_cast<std::uint8_t>(icmp_error_count_++);
}

/// A frame that no monitor sees is taken out of what count_received() adds for the whole burst.
void PacketFront::not_offered(std::uint32_t frame_octets) {
  counters_.offered -= {1, frame_octets};
}

void PacketFront::look_for_first(const PacketView& view, std::uint64_t now_ns) {
  ParsedPacket packet;
  const Reject reject = parser_.parse(view, packet);
  if (reject == Reject::none && (packet.facts & kFirstFragment) != 0) tell_of_first(view, now_ns);
}

/// The parser has notes on first fragments: those of this worker's datagrams are kept, the others sent.
void PacketFront::tell_of_first(const PacketView& view, std::uint64_t now_ns) {
  const FragmentNotes& notes = parser_.notes();
  for (unsigned i = 0; i < notes.count; ++i) {
    FragmentNote note = notes.notes[i];
    note.filtered_by = judge(view, notes.places[i]);
    const unsigned owner = mesh_ == nullptr ? number_ : owner_of(fragments_.hash_of(note));
    if (owner == number_) {
      fragments_.learn(note, now_ns);
    } else {
      (void)mesh_->ring(number_, owner).push(note);
    }
  }
}

/// Gives a later fragment its ports. False: its first was not seen.
bool PacketFront::resolve(ParsedPacket& packet) {
  const bool known = fragments_.resolve(packet, packet.effective_ns);
  if (!known) counters_.fragments_without_first.add(packet.frame_octets);
  return known;
}

unsigned PacketFront::owner_of(std::uint64_t datagram_hash) const {
  return KeyHash::worker_of(datagram_hash, mesh_->workers());
}

}  // namespace weir
