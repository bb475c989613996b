// table:FILE, records as aligned columns for people.
//
// A column is as wide as its name and as the widest value that it has had. The first records that are there set the
// widths before the heading is written: all of a short capture is aligned, in a long one a column may grow on the way.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"
#include "proto/record/field_text.h"
#include "proto/record/monitor_names.h"

namespace weir {
namespace {

/// What a reader looks for first; it fits 132 columns while addresses are IPv4.
constexpr std::string_view kUsualFields =
    "time_flow_start_ns,src_addr,src_port,dst_addr,dst_port,proto,packets,bytes,rev_packets,rev_bytes";

/// Values are cut after so many octets; the longest of today is a stack of ten labels.
constexpr std::size_t kLongestValue = 128;
constexpr std::string_view kBetween = "  ";

class TableEncoding final : public RecordEncoding {
 public:
  /// `monitors`: with a column before the others for the monitor that made the record; none: without. `if_named`: only
  /// where one of the first records names its monitor.
  TableEncoding(const std::vector<Column>& columns, std::optional<MonitorNames> monitors, bool if_named)
      : monitors_(std::move(monitors)), if_named_(if_named) {
    for (const Column& column : columns) {
      const std::string name(column_name(column).view());
      columns_.push_back({column, name, name.size()});
    }
  }

  [[nodiscard]] std::size_t longest_octets() const override {
    return kMostMonitorNameOctets + kBetween.size() + columns_.size() * (kLongestValue + kBetween.size()) + 1;
  }

  std::string head(RecordSpan records) override {
    if (if_named_ && std::all_of(records.begin(), records.end(),
                                 [this](RecordView record) { return monitors_->of(*record).empty(); })) {
      monitors_.reset();
    }
    if_named_ = false;
    for (const RecordView record : records) {
      if (monitors_) monitor_width_ = std::max(monitor_width_, monitors_->of(*record).size());
      for (Shown& one : columns_) read_value(one, record);
    }
    line_.clear();
    append_monitor(kMonitorName);
    for (const Shown& one : columns_) append_cell(one, one.name);
    end_line();
    return line_;
  }

  std::uint8_t* write(std::uint8_t* out, RecordView record) override {
    line_.clear();
    if (monitors_) append_monitor(shown(monitors_->of(*record)));
    for (Shown& one : columns_) {
      read_value(one, record);
      append_cell(one, value_);
    }
    end_line();
    std::memcpy(out, line_.data(), line_.size());
    return out + line_.size();
  }

 private:
  struct Shown {
    Column column;
    std::string name;
    std::size_t width;
  };

  void read_value(Shown& one, RecordView record) {
    value_.clear();
    append_field_text(value_, one.column, record, TextForm::people);
    if (value_.empty()) value_ = "-";  // the record does not have it
    value_.resize(std::min(value_.size(), kLongestValue));
    one.width = std::max(one.width, value_.size());
  }
  static std::string_view shown(std::string_view monitor) { return monitor.empty() ? "-" : monitor; }
  void append_monitor(std::string_view name) {
    if (!monitors_) return;
    monitor_width_ = std::max(monitor_width_, name.size());
    line_ += name;
    line_.append(monitor_width_ - name.size(), ' ');
  }
  /// Numbers to the right, all else to the left.
  void append_cell(const Shown& one, const std::string& text) {
    if (!line_.empty()) line_ += kBetween;
    const std::size_t blanks = one.width - text.size();
    if (column_is_number(one.column)) line_.append(blanks, ' ');
    line_ += text;
    if (!column_is_number(one.column)) line_.append(blanks, ' ');
  }
  void end_line() {
    line_.resize(line_.find_last_not_of(' ') + 1);
    line_ += '\n';
  }

  static constexpr std::string_view kMonitorName = "monitor";

  std::optional<MonitorNames> monitors_;
  bool if_named_;
  std::size_t monitor_width_ = kMonitorName.size();
  std::vector<Shown> columns_;
  std::string value_;
  std::string line_;
};

struct Options : FileOutput {
  std::vector<Column> fields;  ///< empty: kUsualFields
};

constexpr auto kOptions = std::to_array<OptionRow<Options>>({
    {{"fields", "LIST", "Show these fields (names of JSON, comma-separated) [ten usual ones]",
      "src_addr,dst_addr,tcp_mss"},
     [](Options& options, std::string_view name, std::string_view value) -> OptionResult {
       auto columns = parse_columns(value);
       if (!columns) return tl::unexpected(std::string(name) + ": " + columns.error());
       options.fields = std::move(*columns);
       return {};
     }},
    kAppendOption<Options>,
    kRotateOption<Options>,
    kRotateSizeOption<Options>,
    kCompressionOption<Options>,
});

OpenResult open(const Options& options, const ExportContext& context, ExportQueue& books) {
  const std::vector<Column> columns = options.fields.empty() ? *parse_columns(kUsualFields) : options.fields;
  std::optional<MonitorNames> monitors;
  const bool learnt = context.learnt_monitors != nullptr;
  if (context.monitors.size() > 1 || learnt) monitors = context.monitor_names();
  return open_file_exporter(options, std::make_unique<TableEncoding>(columns, std::move(monitors), learnt),
                            FileOrder::by_start, context, books);
}

}  // namespace

constinit const ExporterKind table_kind = exporter_kind<Options, kOptions, open>({
    .scheme = "table",
    .form = "table:FILE",
    .help = "Aligned columns for people; what `weir read` prints into a pipe or file if no --export is given",
    .example = "table:flows.txt?fields=src_addr,dst_addr,dst_port,bytes",
});

}  // namespace weir
