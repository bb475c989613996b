// FileOutput: what URIs of exporters to files may say, and how such an exporter is opened.
//
// A kind of file adds its scheme and how a record is written; names, rotation, compression and standard output are the
// same for all.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/export/compressor.h"
#include "control/export/exporter_kind.h"
#include "control/export/record_buffer.h"

namespace weir {

struct FileOutput {
  std::string path;                 ///< "-": standard output. With rotation: an strftime() pattern
  std::uint64_t rotate_ns = 0;      ///< a new file after so long; 0: never
  std::uint64_t rotate_octets = 0;  ///< or when it has so many octets; 0: any number
  Compression compression = Compression::none;

  [[nodiscard]] const std::string& path_of_file() const { return path; }
  [[nodiscard]] bool rotates() const { return rotate_ns != 0 || rotate_octets != 0; }
};

OptionResult parse_target(FileOutput& file, std::string_view target, std::string_view form);

OptionResult set_rotate(FileOutput& file, std::string_view name, std::string_view value);
OptionResult set_rotate_size(FileOutput& file, std::string_view name, std::string_view value);
OptionResult set_compression(FileOutput& file, std::string_view name, std::string_view value);

/// What all kinds of files have.
inline constexpr auto kFileOptions = std::to_array<OptionRow<FileOutput>>({
    {{"rotate", "T", "Begin a new file after this time: 1s to 8784h. FILE is an strftime() pattern, in UTC", "5m"},
     &set_rotate},
    {{"rotate_size", "SIZE", "Begin a new file at this size: 64k or more (units k, M, G). FILE as with rotate", "100M"},
     &set_rotate_size},
    {{"compression", "none|lz4|zstd", "Compress the file [none]", "zstd"}, &set_compression},
});

/// `sorted`: in order of start time, where the mode sorts.
OpenResult open_file_exporter(const FileOutput& file, RecordFormat format, bool sorted, const ExportContext& context,
                              ExportQueue& books);

}  // namespace weir
