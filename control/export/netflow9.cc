// netflow9://HOST:PORT, NetFlow v9 over UDP.
#include <memory>
#include <utility>

#include "control/export/datagram_exporter.h"
#include "control/export/exporter_kinds.h"
#include "control/export/template_options.h"
#include "proto/encode/netflow9_encoder.h"

namespace weir {
namespace {

OpenResult open(const Netflow9ExportOptions& options, const ExportContext& context, ExportQueue& books) {
  Netflow9Options encoder;
  options.put(encoder, Dialect::netflow9);
  encoder.source_id = options.source_id + context.source_offset;
  encoder.header_time = header_time(context.mode);
  encoder.start_ns = stream_start_ns(context);
  encoder.announced = true;
  return open_datagram_exporter<Netflow9Encoder>(encoder, options, options, context, books);
}

}  // namespace

constinit const ExporterKind netflow9_kind = exporter_kind<Netflow9ExportOptions, kTemplateDatagramOptions, open>({
    .scheme = "netflow9",
    .form = "netflow9://HOST:PORT",
    .help = "NetFlow v9 (RFC 3954) over UDP",
    .example = "netflow9://192.0.2.1:2055?rate=20000",
    .names_source = true,
});

}  // namespace weir
