// The question of a DNS message (RFC 1035 section 4.1.2), from the octets that a worker copied to name, type and class.
//
// The name is written where its octets lie: each label stays at its place, and the length before it becomes a dot. So
// the work is bounded by the octets that are there, whatever they are. A question is the first thing after the header:
// nothing comes before it that a compression pointer (section 4.1.4) could point to, and none is followed.
#pragma once

#include "proto/record/section/dns.h"

namespace weir {

/// Decodes the question of a section as the worker made it. One that was decoded is left as it is.
void decode_dns_question(DnsSection& section);

}  // namespace weir
