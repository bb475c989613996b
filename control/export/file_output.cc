#include "control/export/file_output.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "control/export/file_exporter.h"
#include "control/export/file_rotation.h"
#include "control/export/record_buffer.h"
#include "control/export/sorted_file_exporter.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

OptionResult refuse_standard_output(const FileOutput& file) {
  if (file.path == "-") return Error("standard output does not rotate; name a file");
  return {};
}

/// The first conversion of strftime() in `path`; empty: there is none.
std::string_view time_in(std::string_view path) {
  constexpr std::string_view kConversions = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ";
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 1 < path.size() && kConversions.find(path[at + 1]) != std::string_view::npos) return path.substr(at, 2);
  }
  return {};
}

}  // namespace

OptionResult FileOutput::check() const {
  const std::string_view time = time_in(path);
  if (!rotates() && !time.empty()) {
    return Error(
        fmt::format("'{}' in a file's name stands for the time only with rotate= or rotate_size=; add one of "
                    "them, or leave the '%' out",
                    time));
  }
  if (append && rotates()) {
    return Error("append=1: a rotating output overwrites no file that exists; leave append out, or rotate");
  }
  if (append && path == "-") return Error("append=1: standard output is never emptied; leave append out");
  return {};
}

OptionResult parse_target(FileOutput& file, std::string_view target, std::string_view form) {
  if (target.empty()) return Error(fmt::format("no file; expected {} ('-': standard output)", form));
  file.path = target;
  return {};
}

OptionResult set_rotate(FileOutput& file, std::string_view name, std::string_view value) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  auto set = set_option(file.rotate_ns, option_duration_ns(name, value, kSecond, 366 * 24 * 3600 * kSecond));
  return set ? refuse_standard_output(file) : set;
}

OptionResult set_rotate_size(FileOutput& file, std::string_view name, std::string_view value) {
  constexpr std::uint64_t kLeast = 1 << 16;
  auto set = set_option(file.rotate_octets, option_octets(name, value, kLeast));
  return set ? refuse_standard_output(file) : set;
}

OptionResult set_compression(FileOutput& file, std::string_view name, std::string_view value) {
  return set_option(file.compression, option_choice(name, value, kCompressionNames));
}

OpenResult open_file_exporter(const FileOutput& file, std::unique_ptr<RecordEncoding> encoding, FileOrder order,
                              const ExportContext& context, ExportQueue& books) {
  const MakeBuffer make_buffer = [&](std::size_t most_octets) {
    return std::make_unique<RecordBuffer>(std::move(encoding), most_octets);
  };
  return open_file_exporter(file, make_buffer, order, context, books);
}

OpenResult open_file_exporter(const FileOutput& file, const MakeBuffer& make_buffer, FileOrder order,
                              const ExportContext& context, ExportQueue& books) {
  FileOptions options;
  options.compression = file.compression;
  options.retries = waits_for_files(context.mode);
  options.append = file.append;
  if (file.rotates()) {
    // The size is looked at between two writes: a file exceeds it by one write, an eighth of it at most.
    constexpr std::uint64_t kNeedsNoCare = std::uint64_t{1} << 24;
    const std::size_t most_octets =
        file.rotate_octets < kNeedsNoCare ? static_cast<std::size_t>(file.rotate_octets / 8) : 0;
    FileRotation rotation(file.path, file.rotate_ns, file.rotate_octets);
    auto sink = rotation.open(exporter_clock_ns());
    if (!sink) return Error(sink.error());
    const std::string name = rotation.part();
    return std::make_unique<FileExporter>(std::move(*sink), name, make_buffer(most_octets), options, books,
                                          std::move(rotation));
  }
  auto sink = FileSink::open(file.path);
  if (!sink) return Error(sink.error());
  if (order == FileOrder::by_start && sorts_by_start(context.mode)) {
    return std::make_unique<SortedFileExporter>(std::move(*sink), file.path, make_buffer(0), options, books);
  }
  return std::make_unique<FileExporter>(std::move(*sink), file.path, make_buffer(0), options, books);
}

}  // namespace weir
