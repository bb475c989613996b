#include "control/query/live_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "control/query/top_groups.h"
#include "dataplane/metric/metrics.h"
#include "proto/base/similar.h"
#include "proto/base/split.h"
#include "proto/record/field_text.h"
#include "proto/record/flow_name.h"
#include "proto/record/flow_protobuf.h"

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kRows = 20;
constexpr std::uint32_t kPatienceMs = 5000;
constexpr std::uint32_t kMostPatienceMs = 60'000;
constexpr std::string_view kFiveTuple = "src_addr,src_port,dst_addr,dst_port,proto";
/// What the record writer makes by itself.
constexpr std::uint32_t kPlainSections = kSectionBit<TunnelSection> | kSectionBit<LabelSection> |
                                         kSectionBit<EspSection> | kSectionBit<EgressSection> |
                                         kSectionBit<PsampleSection>;
/// Flows of one name that are shown.
constexpr std::size_t kMostOfName = 16;

template <typename Sort>
struct SortName {
  std::string_view name;
  Sort sort;
};
constexpr auto kTopSorts = std::to_array<SortName<TopSort>>(
    {{"bytes", TopSort::bytes}, {"packets", TopSort::packets}, {"rate", TopSort::rate}, {"flows", TopSort::flows}});
constexpr auto kFlowSorts = std::to_array<SortName<FlowSort>>({{"bytes", FlowSort::bytes},
                                                               {"packets", FlowSort::packets},
                                                               {"rate", FlowSort::rate},
                                                               {"age", FlowSort::age},
                                                               {"idle", FlowSort::idle}});

template <typename Sort>
tl::expected<Sort, std::string> parse_sort(const std::string& word, std::span<const SortName<Sort>> sorts) {
  if (word.empty()) return sorts.front().sort;
  std::vector<std::string_view> names;
  for (const SortName<Sort>& one : sorts) {
    if (one.name == word) return one.sort;
    names.push_back(one.name);
  }
  return tl::unexpected(
      fmt::format("--sort '{}': expected {}{}", word, fmt::join(names, ", "), did_you_mean(word, names)));
}

tl::expected<std::uint32_t, std::string> rows_of(std::uint32_t limit) {
  if (limit > kMostQueryRows) return tl::unexpected(fmt::format("-n {}: expected 1 to {}", limit, kMostQueryRows));
  return limit == 0 ? kRows : limit;
}

tl::expected<RecordFilter, std::string> filter_of(const std::string& expression) {
  auto filter = RecordFilter::make(expression);
  if (!filter) return tl::unexpected("--filter " + filter.error());
  return filter;
}

/// The metric that makes the section; nullptr: none does.
const MetricInfo* metric_of(Section section) {
  const auto found = std::find_if(Metrics::kInfos.begin(), Metrics::kInfos.end(), [&](const MetricInfo& info) {
    return ((info.sections | info.borrowed) & section_bit(section)) != 0;
  });
  return found == Metrics::kInfos.end() ? nullptr : &*found;
}

/// Sections that a monitor's live flows may have.
std::uint32_t sections_of(const QueriedMonitor& monitor) {
  std::uint32_t sections = kPlainSections;
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if ((monitor.metrics >> i & 1) != 0) sections |= Metrics::kInfos[i].sections | Metrics::kInfos[i].borrowed;
  }
  return sections;
}

/// Sections in one of which the field may be: a name may stand in several rows.
std::uint32_t sections_of_field(const GroupField& field, bool& of_base) {
  std::uint32_t sections = 0;
  const std::string name = field.name();
  for (const Column& column : kJsonColumns) {
    if (column_name(column).view() != name) continue;
    const Section section = kFieldRows[column.row].section;
    of_base = of_base || section == Section::base;
    sections |= section_bit(section);
  }
  return sections;
}

bool is_in_key(const GroupField& field, const AsEnds& ends) {
  const std::string name = field.name();
  return (ends.source && name == "src_as") || (ends.destination && name == "dst_as");
}

/// The fields of `by`. `metrics`: whether one of them is made by a metric.
tl::expected<std::vector<GroupField>, std::string> parse_by(const std::string& by, const QueriedMonitor& monitor,
                                                            bool& metrics) {
  std::vector<GroupField> fields;
  for (const std::string_view word : split(by.empty() ? kFiveTuple : std::string_view(by), ',')) {
    auto field = parse_group_field(word, group_field_names());
    if (!field) return tl::unexpected("--by: " + field.error());
    bool of_base = false;
    const std::uint32_t sections = sections_of_field(*field, of_base);
    if (!of_base && !is_in_key(*field, monitor.as_in_key) && (sections & sections_of(monitor)) == 0) {
      const MetricInfo* const metric = metric_of(kFieldRows[field->column.row].section);
      if (metric != nullptr) {
        return tl::unexpected(fmt::format("--by: {} is measured by the metric {}, which is off: weir run --metrics {}",
                                          field->name(), metric->name, metric->name));
      }
      return tl::unexpected(
          fmt::format("--by: live flows of this monitor have no {}: it is added to their records", field->name()));
    }
    metrics = metrics || (!of_base && (sections & ~kPlainSections & sections_of(monitor)) != 0);
    const bool twice = std::any_of(fields.begin(), fields.end(),
                                   [&](const GroupField& other) { return other.name() == field->name(); });
    if (twice) return tl::unexpected(fmt::format("--by: '{}' is there twice", word));
    fields.push_back(*field);
  }
  return fields;
}

/// When a walk begins, and until when it may last.
class Watch {
 public:
  explicit Watch(std::uint32_t patience_ms)
      : deadline_(begin_ +
                  std::chrono::milliseconds(std::min(patience_ms == 0 ? kPatienceMs : patience_ms, kMostPatienceMs))) {}
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }
  void tell(v1::FlowScope& scope, const QueriedMonitor& monitor, const WalkEnd& end, std::uint64_t matched) const {
    scope.set_monitor(monitor.name);
    scope.set_flows(end.flows);
    scope.set_matched(matched);
    scope.set_took_ms(std::chrono::duration<double, std::milli>(Clock::now() - begin_).count());
    for (const unsigned worker : end.missing) scope.add_missing_workers(worker);
  }

 private:
  Clock::time_point begin_ = Clock::now();
  Clock::time_point deadline_;
};

void put_sums(v1::TopGroup& group, const TopGroups::Sums& sums) {
  group.set_flows(sums.flows);
  group.set_packets(sums.packets);
  group.set_bytes(sums.octets);
  group.set_bits_per_second(sums.bits_per_second);
}

}  // namespace

tl::expected<const QueriedMonitor*, std::string> LiveQueries::find(const std::string& name) const {
  if (name.empty()) return &monitors_.front();
  std::vector<std::string_view> names;
  for (const QueriedMonitor& monitor : monitors_) {
    if (monitor.name == name) return &monitor;
    if (!monitor.name.empty()) names.push_back(monitor.name);
  }
  if (names.empty()) return tl::unexpected(fmt::format("--monitor {}: the configuration names no monitor", name));
  return tl::unexpected(fmt::format("--monitor '{}': there is none of this name; there are {}{}", name,
                                    fmt::join(names, ", "), did_you_mean(name, names)));
}

tl::expected<v1::TopReply, std::string> LiveQueries::top(const v1::TopRequest& request, const GivenUp& given_up) {
  const auto monitor = find(request.monitor());
  if (!monitor) return tl::unexpected(monitor.error());
  bool metrics = false;
  auto fields = parse_by(request.by(), **monitor, metrics);
  if (!fields) return tl::unexpected(fields.error());
  const auto sort = parse_sort<TopSort>(request.sort(), kTopSorts);
  if (!sort) return tl::unexpected(sort.error());
  const auto rows = rows_of(request.limit());
  if (!rows) return tl::unexpected(rows.error());
  auto filter = filter_of(request.filter());
  if (!filter) return tl::unexpected(filter.error());

  const Watch watch(request.patience_ms());
  TopGroups groups(std::move(*fields), std::move(*filter));
  const auto visit = [&](unsigned /*worker*/, const FlowPage& page) {
    for (std::uint32_t i = 0; i < page.size(); ++i) {
      if (!metrics) {
        groups.add(page.record(i), page.now_ns());
        continue;
      }
      batch_.clear();
      append_(page.record(i), batch_);
      groups.add(batch_[0], page.now_ns());
    }
  };
  const WalkEnd end = walk_flows((*monitor)->parts, {metrics, watch.deadline()}, visit, given_up);
  v1::TopReply reply;
  for (const GroupField& field : groups.fields()) reply.add_fields(field.text());
  for (TopGroups::Row& row : groups.top(*rows, *sort)) {
    v1::TopGroup& group = *reply.add_groups();
    for (std::string& value : row.values) group.add_values(std::move(value));
    put_sums(group, row.sums);
  }
  reply.set_all_groups(groups.size());
  put_sums(*reply.mutable_all(), groups.all());
  if (groups.remainder().flows != 0) put_sums(*reply.mutable_ungrouped(), groups.remainder());
  watch.tell(*reply.mutable_scope(), **monitor, end, groups.matched());
  return reply;
}

v1::LiveFlow LiveQueries::live_flow_of(const FlowList::Flow& flow) {
  v1::LiveFlow live;
  batch_.clear();
  append_(flow.record, batch_);
  const RecordView record = batch_[0];
  live.set_name(flow_name(*record));
  std::array<std::uint8_t, kFlowProtobufMaxOctets> message;
  const std::uint8_t* const end = write_flow_protobuf(message.data(), record);
  const DelimitedMessage one = next_delimited({message.data(), end});
  live.mutable_record()->ParseFromArray(one.message.data(), static_cast<int>(one.message.size()));
  live.set_age_ns(flow.age_ns);
  live.set_idle_ns(flow.idle_ns);
  live.set_bits_per_second(flow.bits_per_second);
  live.set_worker(flow.worker);
  return live;
}

tl::expected<v1::FlowsReply, std::string> LiveQueries::flows(const v1::FlowsRequest& request, const GivenUp& given_up) {
  if (!request.flow().empty()) return flow(request, given_up);
  const auto monitor = find(request.monitor());
  if (!monitor) return tl::unexpected(monitor.error());
  const auto sort = parse_sort<FlowSort>(request.sort(), kFlowSorts);
  if (!sort) return tl::unexpected(sort.error());
  const auto rows = rows_of(request.limit());
  if (!rows) return tl::unexpected(rows.error());
  if (request.offset() > kMostQueryOffset) {
    return tl::unexpected(
        fmt::format("--offset {}: expected 0 to {}; a filter leads further", request.offset(), kMostQueryOffset));
  }
  auto filter = filter_of(request.filter());
  if (!filter) return tl::unexpected(filter.error());

  const Watch watch(request.patience_ms());
  FlowList list(request.offset(), *rows, *sort, std::move(*filter));
  const auto visit = [&](unsigned worker, const FlowPage& page) {
    for (std::uint32_t i = 0; i < page.size(); ++i) list.add(page.record(i), page.entry(i), worker, page.now_ns());
  };
  const WalkEnd end = walk_flows((*monitor)->parts, {false, watch.deadline()}, visit, given_up);
  v1::FlowsReply reply;
  for (const FlowList::Flow& flow : list.page()) *reply.add_flows() = live_flow_of(flow);
  watch.tell(*reply.mutable_scope(), **monitor, end, list.matched());
  return reply;
}

/// The flows of one name. They are found among copies without metrics, which are cheap, and then copied alone.
tl::expected<v1::FlowsReply, std::string> LiveQueries::flow(const v1::FlowsRequest& request, const GivenUp& given_up) {
  const auto monitor = find(request.monitor());
  if (!monitor) return tl::unexpected(monitor.error());
  const auto name = parse_flow_name(request.flow());
  if (!name) return tl::unexpected(name.error());

  const Watch watch(request.patience_ms());
  std::vector<FlowList::Flow> found;
  const auto visit = [&](unsigned worker, const FlowPage& page) {
    for (std::uint32_t i = 0; i < page.size() && found.size() < kMostOfName; ++i) {
      if (!name->is_of(*page.record(i))) continue;
      found.push_back(live_flow(page.record(i), page.entry(i), worker, page.now_ns()));
    }
  };
  WalkEnd end = walk_flows((*monitor)->parts, {false, watch.deadline()}, visit, given_up);
  for (FlowList::Flow& flow : found) {
    const auto copy = [&](unsigned /*worker*/, const FlowPage& page) {
      // The entry may have another flow by now: then what was seen before is all there is.
      if (page.size() == 0 || !name->is_of(*page.record(0))) return;
      flow = live_flow(page.record(0), page.entry(0), flow.worker, page.now_ns());
    };
    const FlowPart part = (*monitor)->parts[flow.worker];
    const WalkEnd again = walk_flows({&part, 1}, {true, watch.deadline(), flow.entry, flow.entry + 1}, copy, given_up);
    if (!again.missing.empty() && std::find(end.missing.begin(), end.missing.end(), flow.worker) == end.missing.end()) {
      end.missing.push_back(flow.worker);
    }
  }
  v1::FlowsReply reply;
  for (const FlowList::Flow& flow : found) *reply.add_flows() = live_flow_of(flow);
  watch.tell(*reply.mutable_scope(), **monitor, end, found.size());
  return reply;
}

}  // namespace weir
