// protobuf:FILE, length-delimited weir.v1.FlowRecord messages.
#include <array>

#include "control/export/exporter_kinds.h"
#include "control/export/protobuf_options.h"

namespace weir {
namespace {

constexpr auto kOptions = std::to_array<OptionRow<ProtobufFile>>({
    kMessageUniflowOption<ProtobufFile>,
    kAppendOption<ProtobufFile>,
    kRotateOption<ProtobufFile>,
    kRotateSizeOption<ProtobufFile>,
    kCompressionOption<ProtobufFile>,
});

OpenResult open(const ProtobufFile& file, const ExportContext& context, ExportQueue& books) {
  return open_file_exporter(file, protobuf_encoding(file.uniflow, context), FileOrder::as_they_come, context, books);
}

}  // namespace

constinit const ExporterKind protobuf_kind = exporter_kind<ProtobufFile, kOptions, open>({
    .scheme = "protobuf",
    .form = "protobuf:FILE",
    .help = "Length-delimited weir.v1.FlowRecord messages",
    .example = "protobuf:/var/flows/%Y%m%d-%H%M.pb?rotate=5m&compression=zstd",
});

}  // namespace weir
