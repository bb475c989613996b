// protobuf:FILE, length-delimited weir.v1.FlowRecord messages.
#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"

namespace weir {
constinit const ExporterKind protobuf_kind =
    exporter_kind<FileOutput, kFileOptions, open_plain_file<ProtobufEncoding, FileOrder::as_they_come>>({
        .scheme = "protobuf",
        .form = "protobuf:FILE",
        .help = "Length-delimited weir.v1.FlowRecord messages",
        .example = "protobuf:/var/flows/%Y%m%d-%H%M.pb?rotate=5m&compression=zstd",
    });

}  // namespace weir
