// json:FILE, an object per record and line.
#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"

namespace weir {
constinit const ExporterKind json_kind =
    exporter_kind<FileOutput, kFileOptions, open_plain_file<JsonEncoding, FileOrder::by_start>>({
        .scheme = "json",
        .form = "json:FILE",
        .help = "One JSON object per record and line; `weir read` sorts them by start time",
        .example = "json:flows.json",
    });

}  // namespace weir
