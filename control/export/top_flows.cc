#include "control/export/top_flows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "proto/base/address_text.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/number_text.h"
#include "proto/base/time_text.h"

namespace weir {
namespace {

enum Column : std::uint8_t {
  kMonitor,
  kStart,
  kProto,
  kSource,
  kDestination,
  kPackets,
  kBytes,
  kRevPackets,
  kRevBytes
};
constexpr std::array<const char*, 9> kNames = {"monitor", "start", "proto",       "source",   "destination",
                                               "packets", "bytes", "rev_packets", "rev_bytes"};
constexpr std::size_t kBetween = 2;

struct Layout {
  std::vector<Column> columns;
  bool stacked;  ///< the destination stands below the source
};

/// From the widest to the narrowest.
std::vector<Layout> layouts(bool with_monitor) {
  std::vector<Layout> all;
  for (const bool stacked : {false, true}) {
    std::vector<Column> columns{kStart, kProto, kSource, kDestination, kPackets, kBytes, kRevPackets, kRevBytes};
    if (stacked) std::erase(columns, kDestination);
    all.push_back({columns, stacked});
    columns.erase(columns.begin());
    all.push_back({columns, stacked});
    std::erase_if(columns, [](Column one) { return one == kPackets || one == kRevPackets; });
    all.push_back({columns, stacked});
  }
  if (!with_monitor) return all;
  for (Layout& layout : all) layout.columns.insert(layout.columns.begin(), kMonitor);
  return all;
}

std::string endpoint_text(const FlowRecord& record, Direction side) {
  char text[kAddressTextMaxOctets];
  const std::uint8_t* const at = side == kForward ? record.source_address : record.destination_address;
  std::string address(text, write_address_text(text, at, record.ip_version));
  if (!has_ports(record.protocol)) return address;
  return record.ip_version == 4 ? fmt::format("{}:{}", address, record.port(side))
                                : fmt::format("[{}]:{}", address, record.port(side));
}

using Row = std::array<std::string, kNames.size()>;

Row row_of(const FlowRecord& record, std::string_view monitor) {
  return {std::string(monitor),
          time_text(record.start_ns()),
          protocol_text(record.protocol),
          endpoint_text(record, kForward),
          endpoint_text(record, kReverse),
          grouped(record.packets[kForward]),
          grouped(record.octets[kForward]),
          grouped(record.packets[kReverse]),
          grouped(record.octets[kReverse])};
}

/// Of each column, its name included.
std::array<std::size_t, kNames.size()> widths_of(std::span<const Row> rows, bool stacked) {
  std::array<std::size_t, kNames.size()> widths{};
  for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::string_view(kNames[i]).size();
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  if (stacked) widths[kSource] = std::max(widths[kSource], widths[kDestination]);
  return widths;
}

class Writer {
 public:
  Writer(const Layout& layout, std::span<const Row> rows) : layout_(layout), widths_(widths_of(rows, layout.stacked)) {}

  [[nodiscard]] std::size_t width() const {
    std::size_t width = 0;
    for (const Column column : layout_.columns) width += widths_[column] + kBetween;
    return width - kBetween;
  }
  [[nodiscard]] std::size_t lines_of_row() const { return layout_.stacked ? 2 : 1; }
  void write(std::string& out, const Row& row) const {
    std::string line;
    std::size_t below = 0;  ///< where the source stands
    for (const Column column : layout_.columns) {
      if (column == kSource) below = line.size();
      const std::size_t blanks = widths_[column] - row[column].size();
      if (column >= kPackets) line.append(blanks, ' ');
      line += row[column];
      line.append((column >= kPackets ? 0 : blanks) + kBetween, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + '\n';
    if (layout_.stacked) out += std::string(below, ' ') + row[kDestination] + '\n';
  }

 private:
  const Layout& layout_;
  std::array<std::size_t, kNames.size()> widths_;
};

}  // namespace

TopFlows::TopFlows(std::size_t columns, std::size_t lines, MonitorNames monitors)
    : columns_(columns), lines_(std::max<std::size_t>(lines, 3)), monitors_(std::move(monitors)) {}

bool TopFlows::larger(const Kept& a, const Kept& b) {
  const auto order = [](const Kept& one) {
    return std::tuple(~one.record.total_octets(), one.record.start_ns(), one.number);
  };
  return order(a) < order(b);
}

void TopFlows::add(const FlowRecord& record) {
  const Kept one{record, all_.records};
  all_.add(record);
  if (kept_.size() == lines_) {
    if (!larger(one, kept_.front())) return;
    std::pop_heap(kept_.begin(), kept_.end(), larger);
    kept_.pop_back();
  }
  kept_.push_back(one);
  std::push_heap(kept_.begin(), kept_.end(), larger);
}

std::string TopFlows::text() const {
  if (kept_.empty()) return {};
  std::vector<Kept> flows = kept_;
  std::sort(flows.begin(), flows.end(), larger);
  std::vector<Row> rows;
  rows.reserve(flows.size());
  for (const Kept& one : flows) rows.push_back(row_of(one.record, monitors_.of(one.record)));
  const bool with_monitor =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return !row[kMonitor].empty(); });
  const std::vector<Layout> all = layouts(with_monitor);
  const auto found = std::find_if(all.begin(), all.end() - 1,
                                  [&](const Layout& layout) { return Writer(layout, rows).width() <= columns_; });
  const Writer writer(*found, rows);

  // Beside the heading and, where not all have room, the line of sums.
  const std::size_t each = writer.lines_of_row();
  std::size_t shown = lines_ / each - 1;
  if (all_.records > shown) shown = (lines_ - 1) / each - 1;
  shown = std::clamp<std::size_t>(shown, 1, rows.size());
  std::string text;
  Row names;
  std::copy(kNames.begin(), kNames.end(), names.begin());
  writer.write(text, names);
  RecordTotals others = all_;
  for (std::size_t i = 0; i < shown; ++i) {
    writer.write(text, rows[i]);
    RecordTotals one;
    one.add(flows[i].record);
    others = others - one;
  }
  if (others.records != 0) {
    text +=
        fmt::format("and {} other flow{}, {} packets, {} bytes; a pipe shows all of them\n", grouped(others.records),
                    others.records == 1 ? "" : "s", grouped(others.packets), grouped(others.octets));
  }
  return text;
}

}  // namespace weir
