// HeaderTime: which clock the time in a message's header follows.
//
// A collector reads that time as "when the exporter sent this". Live, it is the wall clock. When records come from a
// capture, the wall clock may be years after the records, so the header follows them instead.
#pragma once

#include <cstdint>

namespace weir {

enum class HeaderTime : std::uint8_t {
  now,      ///< the exporter's clock; NetFlow: never before the end of a record in the message
  records,  ///< the end of the latest record in the message. It may go back: captures do
};

}  // namespace weir
