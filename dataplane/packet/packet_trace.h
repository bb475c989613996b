// PacketTrace: what the parser saw of a frame, layer by layer, for a person to read (`weir read --explain`).
//
// The walk writes one only if it is given one. The packet path never gives it one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/packet/reject.h"

namespace weir {

struct TracedLayer {
  std::string name;
  std::size_t offset;  ///< from the frame's first octet
  std::size_t octets;  ///< of the header
  std::string detail;  ///< what of it matters for the flow; may be empty
};

struct PacketTrace {
  std::vector<TracedLayer> layers;
  /// Why the walk ended where it did. After an IP header that counts this is no reject: it says why nothing further in
  /// counts. Reject::none: it ended at a header that carries no tunnel.
  Reject stopped = Reject::none;
  unsigned steps = 0;  ///< that the frame took of LayerWalk::kMaxSteps
  std::string note;    ///< what else there is to know: a depth that was reached, a fragment, a quoted packet
};

}  // namespace weir
