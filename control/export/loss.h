// Where a record can be lost at an exporter: one list that makes the enum, the names and the documentation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/base/reasons.h"

namespace weir {

// clang-format off
#define WEIR_EXPORT_LOSSES(X)                                                                                \
  X(queue_full,          "the exporter's queue was full: the collector or the disk is too slow")             \
  X(unreachable,         "the collector's host answered with ICMP port unreachable: nothing listens there")  \
  X(send_failed,         "the operating system refused to send or write")                                    \
  X(not_connected,       "there was no connection to the collector")                                         \
  X(connection_lost,     "sent, not acknowledged when the connection broke, and no new one came to send again")  \
  X(ipv6_not_in_format,  "NetFlow v5 and v7 have no IPv6")                                                   \
  X(rate_not_in_format,  "NetFlow v5 has 14 bits for the sampling rate, v7 none")                            \
  X(count_not_in_format, "more octets in one flow than a datagram of NetFlow v5 or v7 can express (128 GB)") \
  X(refused,             "the Kafka broker refused the message, or did not accept it in time")               \
  X(shutdown,            "not sent, or not acknowledged, before the deadline of an orderly shutdown")
// clang-format on

enum class ExportLoss : std::uint8_t { WEIR_EXPORT_LOSSES(WEIR_REASON_ENUMERATOR) };

inline constexpr auto kExportLossTexts = std::to_array<ReasonText>({WEIR_EXPORT_LOSSES(WEIR_REASON_TEXT)});

inline constexpr std::size_t kExportLossCount = kExportLossTexts.size();

}  // namespace weir
