// ipfix:FILE, IPFIX messages in a file (RFC 5655).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string_view>

#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"
#include "control/export/ipfix_file_buffer.h"
#include "control/export/template_options.h"

namespace weir {
namespace {

struct IpfixFile : FileOutput, TemplateOptions {
  [[nodiscard]] OptionResult check() const {
    if (auto good = FileOutput::check(); !good) return good;
    return TemplateOptions::check();
  }
};

/// A collector's address whose slashes were forgotten is no name that anybody means.
OptionResult parse_target(IpfixFile& file, std::string_view target, std::string_view form) {
  const std::size_t colon = target.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? std::string_view() : target.substr(colon + 1);
  const bool number =
      !port.empty() && std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (number && target.find('/') == std::string_view::npos) {
    return tl::unexpected(
        fmt::format("'{0}' looks like a collector's address; expected ipfix://{0}, or for a file of "
                    "this name ipfix:./{0}",
                    target));
  }
  return parse_target(static_cast<FileOutput&>(file), target, form);
}

// Another session cannot go on in a file, so there is no append=.
constexpr auto kOptions = std::to_array<OptionRow<IpfixFile>>({
    kOptionsDataRefreshOption<IpfixFile>,
    kUniflowOption<IpfixFile>,
    kSourceIdOption<IpfixFile>,
    kProfileOption<IpfixFile>,
    kFieldsOption<IpfixFile>,
    kOwnElementsOption<IpfixFile>,
    kRotateOption<IpfixFile>,
    kRotateSizeOption<IpfixFile>,
    kCompressionOption<IpfixFile>,
});

OpenResult open(const IpfixFile& file, const ExportContext& context, ExportQueue& books) {
  return open_file_exporter(
      file,
      [&](std::size_t most_octets) { return std::make_unique<IpfixFileBuffer>(file, context, books, most_octets); },
      FileOrder::as_they_come, context, books);
}

}  // namespace

constinit const ExporterKind ipfix_file_kind = exporter_kind<IpfixFile, kOptions, open>({
    .scheme = "ipfix",
    .form = "ipfix:FILE",
    .help = "IPFIX messages in a file (RFC 5655)",
    .example = "ipfix:/var/flows/%Y%m%d-%H%M.ipfix?rotate=5m",
    .names_source = true,
});

}  // namespace weir
