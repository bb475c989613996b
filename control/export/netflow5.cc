// netflow5://HOST:PORT and netflow7://HOST:PORT, the formats without templates, over UDP.
#include <array>
#include <memory>
#include <type_traits>
#include <utility>

#include "control/export/datagram_exporter.h"
#include "control/export/datagram_options.h"
#include "control/export/exporter_kinds.h"
#include "control/export/peer.h"
#include "proto/encode/netflow5_encoder.h"

namespace weir {
namespace {

struct Version5 : HostPort, DatagramOptions {
  std::uint32_t source_id = 1;
};
struct Version7 : HostPort, DatagramOptions {};

constexpr auto kVersion5Options = std::to_array<OptionRow<Version5>>({
    kMtuOption<Version5>,
    // The header has an octet for it, the engine id; that of version 7 has none.
    {{"source_id", "N", "Engine id of the header: 0 to 255 [1]", "7"},
     [](Version5& options, std::string_view name, std::string_view value) {
       return set_option(options.source_id, option_number(name, value, 0, 255));
     }},
    kRateOption<Version5>,
    kGsoOption<Version5>,
    kSourceOption<Version5>,
    kInterfaceOption<Version5>,
    kDscpOption<Version5>,
});

constexpr auto kVersion7Options = std::to_array<OptionRow<Version7>>({
    kMtuOption<Version7>,
    kRateOption<Version7>,
    kGsoOption<Version7>,
    kSourceOption<Version7>,
    kInterfaceOption<Version7>,
    kDscpOption<Version7>,
});

template <typename Options>
OpenResult open(const Options& options, const ExportContext& context, ExportQueue& books) {
  Netflow5Options encoder;
  if constexpr (std::is_same_v<Options, Version7>) {
    encoder.version7 = true;
  } else {
    encoder.source_id = options.source_id + context.source_offset;
  }
  encoder.header_time = header_time(context.mode);
  encoder.start_ns = stream_start_ns(context);
  return open_datagram_exporter<Netflow5Encoder>(encoder, options, options, context, books);
}

}  // namespace

constinit const ExporterKind netflow5_kind = exporter_kind<Version5, kVersion5Options, open<Version5>>({
    .scheme = "netflow5",
    .form = "netflow5://HOST:PORT",
    .help = "NetFlow v5 over UDP; what does not fit into it, such as IPv6, is lost by name",
    .example = "netflow5://192.0.2.1:2055?source_id=7",
    .names_source = true,
});

constinit const ExporterKind netflow7_kind = exporter_kind<Version7, kVersion7Options, open<Version7>>({
    .scheme = "netflow7",
    .form = "netflow7://HOST:PORT",
    .help = "NetFlow v7 over UDP; what does not fit into it, such as IPv6, is lost by name",
    .example = "netflow7://192.0.2.1:2055",
    .names_source = true,
});

}  // namespace weir
