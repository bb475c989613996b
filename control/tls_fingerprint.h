// JA3 and JA4 of a ClientHello: short texts that clients of the same make have in common.
//
// JA3 (github.com/salesforce/ja3) is the MD5 of version, suites, extensions, groups and point formats in their order.
// JA4 (github.com/FoxIO-LLC/ja4) begins with what people can read, and has hashes of the sorted suites and extensions,
// so that a client that shuffles them keeps its text. Neither has the values of RFC 8701.
#pragma once

#include <string>

#include "control/tls_hello.h"

namespace weir {

/// 32 hexadecimal digits; empty: there is no MD5 here, as with OpenSSL's FIPS provider alone.
[[nodiscard]] std::string ja3(const TlsHello& hello);
/// The text that JA3 hashes.
[[nodiscard]] std::string ja3_text(const TlsHello& hello);

/// 36 characters. `transport`: 't' TCP, 'q' QUIC.
[[nodiscard]] std::string ja4(const TlsHello& hello, char transport);

}  // namespace weir
