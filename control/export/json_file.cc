// json:FILE, an object per record and line.
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "control/export/exporter_kinds.h"
#include "control/export/json_options.h"

namespace weir {
namespace {

constexpr auto kFormats = std::to_array<std::string_view>({"weir", "netobserv"});

constexpr auto kOptions = std::to_array<OptionRow<JsonFile>>({
    kAppendOption<JsonFile>,
    kRotateOption<JsonFile>,
    kRotateSizeOption<JsonFile>,
    kCompressionOption<JsonFile>,
    {{"format", "weir|netobserv",
      "Names of the fields: weir's own, or those of NetObserv's eBPF agent, with a line per direction [weir]",
      "netobserv"},
     [](JsonFile& options, std::string_view name, std::string_view value) {
       return set_option(options.netobserv, option_choice(name, value, kFormats));
     }},
});

OpenResult open(const JsonFile& options, const ExportContext& context, ExportQueue& books) {
  std::unique_ptr<RecordEncoding> encoding;
  if (options.netobserv) {
    encoding = std::make_unique<NetobservEncoding>(context.facts);
  } else {
    encoding = std::make_unique<JsonEncoding>(context.sampler_address, context.monitor_names());
  }
  return open_file_exporter(options, std::move(encoding), FileOrder::by_start, context, books);
}

}  // namespace

constinit const ExporterKind json_kind = exporter_kind<JsonFile, kOptions, open>({
    .scheme = "json",
    .form = "json:FILE",
    .help = "One JSON object per record and line; `weir read` sorts them by start time",
    .example = "json:flows.json",
});

}  // namespace weir
