// protobuf:FILE, length-delimited weir.v1.FlowRecord messages.
#include <memory>

#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"

namespace weir {
namespace {

OpenResult open(const FileOutput& file, const ExportContext& context, ExportQueue& books) {
  return open_file_exporter(file, std::make_unique<ProtobufEncoding>(), FileOrder::as_they_come, context, books);
}

}  // namespace

constinit const ExporterKind protobuf_kind = exporter_kind<FileOutput, kFileOptions, open>({
    .scheme = "protobuf",
    .form = "protobuf:FILE",
    .help = "Length-delimited weir.v1.FlowRecord messages",
    .example = "protobuf:/var/flows/%Y%m%d-%H%M.pb?rotate=5m&compression=zstd",
});

}  // namespace weir
