// LiveSource: a PacketSource that can be waited for.
#pragma once

#include "dataplane/input/packet_source.h"

namespace weir {

class LiveSource : public PacketSource {
 public:
  /// Gives the CPU away until packets may be there, never longer than the receive rings last (dataplane/idle.h) unless
  /// the device wakes it. False: it cannot wait, go on polling. To be called by the worker's thread, between a
  /// release() and a receive().
  virtual bool wait() = 0;
};

}  // namespace weir
