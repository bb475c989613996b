// Link types of capture files: LINKTYPE_ numbers of tcpdump.org to weir's LinkType.
//
// libpcap hands out DLT_ numbers for classic files, pcapng interfaces hold LINKTYPE_ ones. On Linux they differ for
// what weir reads only in raw IP (12 and 101), so one table serves both.
#pragma once

#include <optional>
#include <string>

#include "dataplane/packet/packet_view.h"

namespace weir {

[[nodiscard]] std::optional<LinkType> link_type_of(int number);
/// The number that libpcap's filter compiler knows the link type by.
[[nodiscard]] int number_of(LinkType type);
/// "link type USB_LINUX (189) is not supported; weir reads ..."
[[nodiscard]] std::string unsupported_link_type(int number);

}  // namespace weir
