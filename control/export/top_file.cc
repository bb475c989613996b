// top:FILE, the flows with the most bytes, the largest first, as wide and as long as a screen.
//
// Nothing is written before the last record is here: in `weir run` that is the end.
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "control/export/endpoint.h"
#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"
#include "control/export/file_sink.h"
#include "control/export/top_flows.h"

namespace weir {
namespace {

struct Options : FileOutput {
  std::size_t columns = 0;  ///< 0: the terminal's
  std::size_t lines = 0;    ///< likewise
};

constexpr auto kOptions = std::to_array<OptionRow<Options>>({
    {{"columns", "N", "Width of the table: 40 to 1000 [the terminal's, else 80]", "132"},
     [](Options& options, std::string_view name, std::string_view value) {
       return set_option(options.columns, option_number(name, value, 40, 1000));
     }},
    {{"lines", "N", "Lines of the table: 3 to 100000 [the terminal's less 4, else 20]", "50"},
     [](Options& options, std::string_view name, std::string_view value) {
       return set_option(options.lines, option_number(name, value, 3, 100'000));
     }},
});

class TopFile final : public Exporter {
 public:
  TopFile(FileSink sink, std::string path, const TopFlows& flows, ExportQueue& books)
      : sink_(std::move(sink)), path_(std::move(path)), flows_(flows), books_(books) {}

  [[nodiscard]] std::optional<FileSink::Identity> file() const override {
    return sink_.regular() ? std::optional(sink_.identity()) : std::nullopt;
  }
  tl::expected<void, std::string> claim() override { return sink_.lock(); }
  tl::expected<void, std::string> begin() override { return sink_.begin(false); }
  std::size_t take(RecordSpan records, ExportTime /*now*/) override {
    for (const RecordView record : records) {
      flows_.add(*record);
      held_.add(*record);
    }
    return records.size();
  }
  [[nodiscard]] ExportTime due() const override { return ExportTime::max(); }
  void tick(ExportTime /*now*/) override {}
  bool drain(ExportTime /*now*/) override {
    if (text_.empty()) text_ = flows_.text();
    const FileSink::Written written =
        sink_.write({reinterpret_cast<const std::uint8_t*>(text_.data()) + written_, text_.size() - written_});
    written_ += written.octets;
    writes_ += written.writes;
    int error = written.error;
    if (error == 0) {
      if (written_ < text_.size()) return false;
      error = sink_.close();
    }
    if (error != 0) {
      const bool standard_output = path_ == "-";
      fail((standard_output ? "standard output" : path_) + ": " + error_text(error), ExportLoss::send_failed,
           standard_output && error == EPIPE);
      return true;
    }
    books_.exported(std::exchange(held_, {}), writes_, written_);
    return true;
  }
  void abandon(ExportLoss loss) override {
    books_.lost(std::exchange(held_, {}), loss);
    static_cast<void>(sink_.close());
  }

 private:
  FileSink sink_;
  const std::string path_;
  TopFlows flows_;
  ExportQueue& books_;
  RecordTotals held_;
  std::string text_;
  std::size_t written_ = 0;  ///< octets of it
  std::size_t writes_ = 0;
};

OpenResult open(const Options& options, const ExportContext& context, ExportQueue& books) {
  constexpr std::size_t kColumns = 80;
  constexpr std::size_t kLines = 24;
  constexpr std::size_t kOfOthers = 4;  // the command, the line of the ledger, and the next prompt
  auto sink = FileSink::open(options.path);
  if (!sink) return tl::unexpected(sink.error());
  winsize screen{};
  const bool known = options.path == "-" && ioctl(STDOUT_FILENO, TIOCGWINSZ, &screen) == 0;
  const std::size_t columns = known && screen.ws_col != 0 ? screen.ws_col : kColumns;
  const std::size_t lines = (known && screen.ws_row > kOfOthers ? screen.ws_row : kLines) - kOfOthers;
  const TopFlows flows(options.columns != 0 ? options.columns : columns, options.lines != 0 ? options.lines : lines,
                       context.monitors.size() > 1 ? context.monitor_names() : MonitorNames());
  return std::make_unique<TopFile>(std::move(*sink), options.path, flows, books);
}

}  // namespace

constinit const ExporterKind top_kind = exporter_kind<Options, kOptions, open>({
    .scheme = "top",
    .form = "top:FILE",
    .help = "The flows with the most bytes, the largest first, and the sum of all others; what `weir read` prints on a "
            "terminal if no --export is given",
    .example = "top:-?lines=50",
});

}  // namespace weir
