// LiveQueries: the requests for live flows, and their replies: what is refused, and in which words.
//
// One question at a time; whoever calls sees to that.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/query/flow_list.h"
#include "control/query/flow_walk.h"
#include "dataplane/flow/as_lookup.h"
#include "proto/record/group_key.h"
#include "proto/record/record_batch.h"
#include "proto/schema/control.pb.h"

namespace weir {

/// A monitor whose flows may be asked for.
struct QueriedMonitor {
  std::string name;           ///< empty: the one that the options make
  std::uint32_t metrics = 0;  ///< those that are on: bits of Metrics
  std::vector<FlowPart> parts;
  AsEnds as_in_key{};  ///< whose AS numbers are in the key: live flows have these
};

class LiveQueries {
 public:
  /// Appends a copy of a record to the batch, with what is computed of it on the control side.
  using Append = std::function<void(RecordView record, RecordBatch& batch)>;

  LiveQueries(std::vector<QueriedMonitor> monitors, Append append)
      : monitors_(std::move(monitors)), append_(std::move(append)) {}

  /// Error: what is wrong with the request, in one line.
  tl::expected<v1::TopReply, std::string> top(const v1::TopRequest& request, const GivenUp& given_up);
  tl::expected<v1::FlowsReply, std::string> flows(const v1::FlowsRequest& request, const GivenUp& given_up);

 private:
  tl::expected<const QueriedMonitor*, std::string> find(const std::string& name) const;
  tl::expected<v1::FlowsReply, std::string> flow(const v1::FlowsRequest& request, const GivenUp& given_up);
  v1::LiveFlow live_flow_of(const FlowList::Flow& flow);

  std::vector<QueriedMonitor> monitors_;
  Append append_;
  RecordBatch batch_;  ///< kept for its memory
};

inline constexpr std::uint32_t kMostQueryRows = 1000;
inline constexpr std::uint64_t kMostQueryOffset = 100'000;

}  // namespace weir
