// GroupExporter: failover: and balance:, an exporter that gives its records to others, its members.
//
// failover: all records go to the first member that works. balance: each flow goes to one of those that work
// (flow_choice.h). The members do the sending, each with its own queue and thread; the group's thread only shares out.
// The kinds and the form of their URIs are in group_kinds.cc.
//
// A member works as long as its state is "up", and unless records have waited at it for kPatience without any being
// taken or leaving. So it is for the member's kind to say what works means: a TCP or unix connection stands; a UDP
// collector's host does not answer by ICMP; a file can be written. What does not work gets nothing, and what waits at
// it goes to another member at once. What it had already encoded stays with it: it is sent when it works again, or is
// lost by name, and its books say so.
//
// A member that works again is used only after it has worked for kSteady without a break, so that one that comes and
// goes does not take the records with it each time. Where no other one works it is used at once.
//
// While no member works, records wait in the group's queue, and are lost there as queue_full. Where a working member's
// queue is full, the group waits for it (failover), or the member loses what is its (balance), since otherwise one slow
// member would hold the others up. A capture that is read, and a shutdown, wait in both cases.
//
// Everything is decided by the time that is passed in. The group looks at its members whenever records come, and every
// kLookEvery.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "control/export/export_mode.h"
#include "control/export/exporter.h"
#include "control/export/flow_choice.h"
#include "control/export/group_books.h"

namespace weir {

enum class GroupRule : std::uint8_t { failover, balance };

class GroupExporter final : public Exporter {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{100};
  static constexpr std::chrono::milliseconds kRetryEvery{10};
  static constexpr std::chrono::seconds kSteady{2};
  static constexpr std::chrono::seconds kPatience{10};

  /// `own`: the group's queue, which `books` has, too.
  GroupExporter(GroupRule rule, const FlowChoice::Key& key, ExportMode mode, std::shared_ptr<GroupBooks> books,
                ExportQueue& own);

  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override { return retry_at_; }
  [[nodiscard]] ExportTime due() const override { return look_at_; }
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;
  [[nodiscard]] ExportLoss leftover() const override {
    return any_usable_ ? ExportLoss::shutdown : ExportLoss::not_connected;
  }

 private:
  struct Member {
    bool works = false;
    bool seen = false;     ///< it was looked at
    bool stalled = false;  ///< for kPatience nothing moved
    std::uint64_t progress = 0;
    ExportTime moved{};  ///< when `progress` changed, or nothing waited
    ExportTime works_since{};
  };

  void look(ExportTime now);
  void look_at(std::size_t index, ExportTime now, bool& all_failed);
  void choose_usable(ExportTime now);
  /// What is held goes first; false: it is not all out.
  bool give_held(ExportTime now);
  /// Gives the records to members; what one has no room for is held.
  void share_out(RecordSpan records, ExportTime now);
  [[nodiscard]] std::size_t member_for(const FlowRecord& record) const;
  void retry(ExportTime now) { retry_at_ = now + kRetryEvery; }

  const GroupRule rule_;
  const FlowChoice choice_;
  const ExportMode mode_;
  const std::shared_ptr<GroupBooks> books_;
  ExportQueue& own_;
  std::vector<Member> members_;
  std::vector<bool> usable_;
  std::size_t first_usable_ = 0;
  bool any_usable_ = false;
  std::deque<ExportQueue::Piece> held_;  ///< queued, and no longer or not yet a member's
  ExportTime look_at_ = ExportTime::min();
  ExportTime retry_at_ = ExportTime::min();
};

}  // namespace weir
