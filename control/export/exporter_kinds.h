// The one list of the kinds of exporters. A kind is a line here and a file that defines NAME_kind (exporter_kind.h).
//
// Help shows them in this order.
#pragma once

#include <span>

#include "control/export/exporter_kind.h"

namespace weir {

// clang-format off
#define WEIR_EXPORTER_KINDS(X) \
  X(netflow9)                  \
  X(ipfix)                     \
  X(ipfix_tcp)                 \
  X(ipfix_tls)                 \
  X(netflow5)                  \
  X(netflow7)                  \
  X(protobuf_tcp)              \
  X(protobuf_tls)              \
  X(protobuf_unix)             \
  X(kafka)                     \
  X(kafka_tls)                 \
  X(ipfix_file)                \
  X(protobuf)                  \
  X(json)                      \
  X(table)                     \
  X(top)                       \
  X(failover)                  \
  X(balance)
// clang-format on

#define WEIR_X(name) extern const ExporterKind name##_kind;
WEIR_EXPORTER_KINDS(WEIR_X)
#undef WEIR_X

std::span<const ExporterKind* const> exporter_kinds();

}  // namespace weir
