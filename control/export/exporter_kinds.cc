#include "control/export/exporter_kinds.h"

#include <array>

namespace weir {

std::span<const ExporterKind* const> exporter_kinds() {
  static constexpr auto kKinds = std::to_array<const ExporterKind*>({
#define WEIR_X(name) &name##_kind,
      WEIR_EXPORTER_KINDS(WEIR_X)
#undef WEIR_X
  });
  return kKinds;
}

}  // namespace weir
