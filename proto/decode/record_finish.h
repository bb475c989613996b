// What the fields of a record say together: times, the choice between headers and families, ICMP, and which sections a
// record has. Each step works on the ScratchRecord that the fields were stored in.
#pragma once

#include <cstdint>

#include "proto/decode/flow_message.h"
#include "proto/decode/scratch_record.h"

namespace weir {

/// Times of which the record says something else, and those of the reverse direction; where it says no instant at all,
/// that of its message. `stream_init_ms`: when the exporter booted, by its options; 0: unknown.
void finish_times(ScratchRecord& scratch, const MessageHeader& header, std::uint64_t stream_init_ms);

/// The family that is the record's, of a template with the addresses of both: what element 60 says, else the EtherType,
/// else the one whose addresses are not zero (IPv6 if neither are). Returns the IP version whose addresses are left
/// over and not zero; 0: nothing is.
std::uint8_t choose_family(ScratchRecord& scratch);

/// A template names two headers: the inner one is the flow, the outer one its tunnel. Where there is no inner one the
/// outer one is the flow. True: the record has an outer header beside its flow's.
bool settle_headers(ScratchRecord& scratch);

/// A record of ICMP has type and code where others have ports. Returns which ports (bits: 1 source, 2 destination) are
/// something else, for which the record has no room.
unsigned settle_icmp(ScratchRecord& scratch);

/// What stands in the reverse direction of a record without packets there means nothing.
void clear_reverse(FlowRecord& base);

/// Closes up those of the template's sections that say something behind the base, which becomes a whole record.
void gather_sections(ScratchRecord& scratch, std::uint32_t sections);

}  // namespace weir
