// GroupBooks: the queue of a group of exporters and those of its members, and the one lock under which records go from
// the one to the others. So a snapshot of all of them is one instant, in which
//
//   given by the group = sum of what its members were given
//
// and nothing is in between. What the group shows as exported, queued and lost is what its members and itself have
// exported, queued and lost: the ledger's third equation holds for the group as for each member.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "control/export/export_queue.h"
#include "control/export/exporter_snapshot.h"

namespace weir {

class GroupBooks {
 public:
  /// All outlive it.
  GroupBooks(ExportQueue& own, std::vector<ExportQueue*> members) : own_(own), members_(std::move(members)) {}

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const std::string& name(std::size_t member) const { return members_[member]->name(); }
  [[nodiscard]] ExportQueue::Condition condition(std::size_t member) const { return members_[member]->condition(); }

  /// The member gets the batch, which is all the group's; false: it has no room.
  bool give(std::size_t member, const std::shared_ptr<const RecordBatch>& batch);
  /// The same where it has no room: the member loses it as queue_full.
  void refuse(std::size_t member, const RecordBatch& batch);
  /// What waits at the member is the group's again.
  std::vector<ExportQueue::Piece> take_back(std::size_t member);

  struct Snapshots {
    ExporterSnapshot group;
    std::vector<ExporterSnapshot> members;
  };
  [[nodiscard]] Snapshots snapshots() const;

 private:
  mutable std::mutex mutex_;
  ExportQueue& own_;
  const std::vector<ExportQueue*> members_;
};

}  // namespace weir
