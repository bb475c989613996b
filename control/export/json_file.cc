// json:FILE, an object per record and line.
#include <memory>

#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"

namespace weir {
namespace {

OpenResult open(const FileOutput& file, const ExportContext& context, ExportQueue& books) {
  return open_file_exporter(file, std::make_unique<JsonEncoding>(context.sampler_address, context.monitor_names()),
                            FileOrder::by_start, context, books);
}

}  // namespace

constinit const ExporterKind json_kind = exporter_kind<FileOutput, kFileOptions, open>({
    .scheme = "json",
    .form = "json:FILE",
    .help = "One JSON object per record and line; `weir read` sorts them by start time",
    .example = "json:flows.json",
});

}  // namespace weir
