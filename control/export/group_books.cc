#include "control/export/group_books.h"

#include <utility>

namespace weir {

bool GroupBooks::give(std::size_t member, const std::shared_ptr<const RecordBatch>& batch) {
  const RecordTotals totals = totals_of(batch->span());
  const std::lock_guard lock(mutex_);
  if (!members_[member]->push(batch)) return false;
  own_.exported(totals, 0, 0);
  return true;
}

void GroupBooks::refuse(std::size_t member, const RecordBatch& batch) {
  const RecordTotals totals = totals_of(batch.span());
  const std::lock_guard lock(mutex_);
  members_[member]->refuse(batch);
  own_.exported(totals, 0, 0);
}

std::vector<ExportQueue::Piece> GroupBooks::take_back(std::size_t member) {
  const std::lock_guard lock(mutex_);
  std::vector<ExportQueue::Piece> pieces = members_[member]->withdraw();
  RecordTotals totals;
  for (const ExportQueue::Piece& piece : pieces) totals += totals_of(piece.records());
  own_.exported_came_back(totals);
  return pieces;
}

GroupBooks::Snapshots GroupBooks::snapshots() const {
  Snapshots all;
  const std::lock_guard lock(mutex_);
  all.group = own_.snapshot();
  all.group.exported = {};
  for (const ExportQueue* const member : members_) {
    ExporterSnapshot& one = all.members.emplace_back(member->snapshot());
    one.group = all.group.name;
    all.group.members.push_back(one.name);
    all.group.exported += one.exported;
    all.group.queued += one.queued;
    for (std::size_t i = 0; i < one.lost.size(); ++i) all.group.lost[i].second += one.lost[i].second;
    all.group.datagrams += one.datagrams;
    all.group.wire_octets += one.wire_octets;
    all.group.lateness += one.lateness;
  }
  return all;
}

}  // namespace weir
