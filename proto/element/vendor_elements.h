// Look-up in the lists of vendors' elements (vendor_table.h, cert_table.h).
#pragma once

#include <cstdint>

#include "proto/element/element.h"

namespace weir {

/// A vendor's element under its private enterprise number; nullptr: no list has it.
const InformationElement* find_vendor_element(std::uint16_t id, std::uint32_t enterprise);

/// A vendor's element of NetFlow v9, which has no enterprise numbers, above IANA's numbers: ntop's; nullptr: none.
const InformationElement* find_ntop_netflow9_element(std::uint16_t id);

}  // namespace weir
