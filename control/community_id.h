// Community ID version 1 (github.com/corelight/community-id-spec): a SHA-1 of seed, addresses, protocol and ports,
// equal for both directions of a flow, by which tools that watched the same traffic find each other's records.
//
// It is made of what the record says of its flow: with --key the addresses and ports that the key has. The drain makes
// it (record_drain.h) where the metric `ids` is on.
#pragma once

#include <cstdint>

#include "proto/record/flow_record.h"
#include "proto/record/section/ids.h"

namespace weir {

/// Fills in the flow's ID. `seed`: tools agree only with the same one; 0 is usual.
void make_community_id(IdsSection& ids, const FlowRecord& record, std::uint16_t seed);

}  // namespace weir
