// FileOutput: what URIs of exporters to files may say, and how such an exporter is opened.
//
// A kind of file adds its scheme and how a record is written (RecordEncoding); names, rotation, compression and
// standard output are the same for all.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/export/compressor.h"
#include "control/export/exporter_kind.h"
#include "control/export/record_encoding.h"
#include "control/export/stream_buffer.h"

namespace weir {

struct FileOutput {
  std::string path;                 ///< "-": standard output. With rotation: an strftime() pattern
  std::uint64_t rotate_ns = 0;      ///< a new file after so long; 0: never
  std::uint64_t rotate_octets = 0;  ///< or when it has so many octets; 0: any number
  Compression compression = Compression::none;
  bool append = false;  ///< what the file holds stays

  [[nodiscard]] const std::string& path_of_file() const { return path; }
  [[nodiscard]] bool rotates() const { return rotate_ns != 0 || rotate_octets != 0; }
  /// What only several options show to be wrong.
  [[nodiscard]] OptionResult check() const;
};

OptionResult parse_target(FileOutput& file, std::string_view target, std::string_view form);

OptionResult set_rotate(FileOutput& file, std::string_view name, std::string_view value);
OptionResult set_rotate_size(FileOutput& file, std::string_view name, std::string_view value);
OptionResult set_compression(FileOutput& file, std::string_view name, std::string_view value);

template <std::derived_from<FileOutput> Options>
inline constexpr OptionRow<Options> kRotateOption{
    {"rotate", "T", "Begin a new file after this time: 1s to 8784h. FILE is an strftime() pattern, in UTC", "5m"},
    [](Options& options, std::string_view name, std::string_view value) { return set_rotate(options, name, value); }};

template <std::derived_from<FileOutput> Options>
inline constexpr OptionRow<Options> kRotateSizeOption{
    {"rotate_size", "SIZE", "Begin a new file at this size: 64k or more (units k, M, G). FILE as with rotate", "100M"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_rotate_size(options, name, value);
    }};

template <std::derived_from<FileOutput> Options>
inline constexpr OptionRow<Options> kCompressionOption{
    {"compression", "none|lz4|zstd", "Compress the file [none]", "zstd"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_compression(options, name, value);
    }};

template <std::derived_from<FileOutput> Options>
inline constexpr OptionRow<Options> kAppendOption{
    {"append", "0|1", "Keep what an existing file holds and write after it (1), or empty the file at the start (0) [0]",
     "1"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.append, option_number(name, value, 0, 1));
    }};

/// All options of a kind that adds none.
inline constexpr auto kFileOptions =
    std::to_array<OptionRow<FileOutput>>({kAppendOption<FileOutput>, kRotateOption<FileOutput>,
                                          kRotateSizeOption<FileOutput>, kCompressionOption<FileOutput>});

enum class FileOrder : std::uint8_t {
  as_they_come,
  by_start,  ///< where the mode sorts, and the file does not rotate
};

OpenResult open_file_exporter(const FileOutput& file, std::unique_ptr<RecordEncoding> encoding, FileOrder order,
                              const ExportContext& context, ExportQueue& books);

/// Makes what the file's octets come from; `most_octets`: of a write; 0: what is usual.
using MakeBuffer = std::function<std::unique_ptr<StreamBuffer>(std::size_t most_octets)>;
OpenResult open_file_exporter(const FileOutput& file, const MakeBuffer& make_buffer, FileOrder order,
                              const ExportContext& context, ExportQueue& books);

}  // namespace weir
