// JsonFile: what URIs of JSON files may say.
#pragma once

#include "control/export/file_output.h"

namespace weir {

struct JsonFile : FileOutput {
  bool netobserv = false;  ///< the names of NetObserv's agent, and not weir's own
};

}  // namespace weir
