// The eight flags of TCP (RFC 9293 section 3.1): the octet before the window.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpUrg = 0x20;
inline constexpr std::uint8_t kTcpEce = 0x40;
inline constexpr std::uint8_t kTcpCwr = 0x80;

/// A letter for each flag that is set, the highest bit first: SYN and ACK are "AS", all are "CEUAPRSF", none is "-".
std::string tcp_flags_text(std::uint8_t flags);

}  // namespace weir
