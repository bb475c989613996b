// What metrics leave out where a worker's pool (line_pool.h) is empty: one list that makes the enum, the names and the
// documentation. No packet is lost by it: packets, bytes and all other facts of the flow are counted as ever.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/base/reasons.h"

namespace weir {

// clang-format off
#define WEIR_MISSING_FACTS(X)                                                                                                 \
  X(packets_cut,         "packets: the list of a record's first packets ends early, or there is none")                        \
  X(dns_question_cut,    "dns: what follows the header of a record's first query found no room: its name or type is missing") \
  X(tls_hello_cut,       "tls: a ClientHello or ServerHello found no room: what it offers or chooses is missing, or a part")  \
  X(tls_certificate_cut, "tls: the server's certificate found no room, or only its beginning did")                            \
  X(tls_segment_cut,     "tls: a segment that came before its turn found no room: the handshake ends there")                  \
  X(http_header_cut,     "http: a line of a record's first request or response found no room: it and later ones are missing") \
  X(quic_initial_cut,    "quic: an Initial packet of a record's client found no room: its server name may be missing")
// clang-format on

enum class MissingFact : std::uint8_t { WEIR_MISSING_FACTS(WEIR_REASON_ENUMERATOR) };

inline constexpr auto kMissingFactTexts = std::to_array<ReasonText>({WEIR_MISSING_FACTS(WEIR_REASON_TEXT)});

inline constexpr std::size_t kMissingFactCount = kMissingFactTexts.size();

}  // namespace weir
