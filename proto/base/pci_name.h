// PCI names as Linux and DPDK write them: DDDD:BB:DD.F, domain, bus, device and function in hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace weir {

/// "3b:00.0" or "0000:3B:00.0" as "0000:3b:00.0": in full and in lower case. Empty: it is no PCI name.
std::string pci_name(std::string_view text);

}  // namespace weir
