#include "control/export/group_exporter.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weir {
namespace {

std::vector<std::string> names_of(const GroupBooks& books) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < books.size(); ++i) names.push_back(books.name(i));
  return names;
}

}  // namespace

GroupExporter::GroupExporter(GroupRule rule, const FlowChoice::Key& key, ExportMode mode,
                             std::shared_ptr<GroupBooks> books, ExportQueue& own)
    : rule_(rule),
      choice_(key, names_of(*books)),
      mode_(mode),
      books_(std::move(books)),
      own_(own),
      members_(books_->size()),
      usable_(books_->size()) {}

void GroupExporter::look_at(std::size_t index, ExportTime now, bool& all_failed) {
  Member& member = members_[index];
  const ExportQueue::Condition condition = books_->condition(index);
  const bool moved = condition.progress != member.progress;
  if (moved) member.stalled = false;
  if (moved || condition.waiting == 0 || !member.seen) {
    member.progress = condition.progress;
    member.moved = now;
  } else if (now - member.moved >= kPatience) {
    member.stalled = true;
  }
  const bool works = condition.works && !member.stalled;
  // Whoever is there at the start was always there.
  if (!member.seen) member.works_since = works ? ExportTime::min() : now;
  if (member.seen && works && !member.works) member.works_since = now;
  member.seen = true;
  member.works = works;
  all_failed = all_failed && condition.failed;
  if (works || condition.waiting == 0) return;
  for (ExportQueue::Piece& piece : books_->take_back(index)) held_.push_back(std::move(piece));
}

void GroupExporter::choose_usable(ExportTime now) {
  const auto choose = [&](auto condition) {
    any_usable_ = false;
    for (std::size_t i = members_.size(); i-- != 0;) {
      usable_[i] = members_[i].works && condition(members_[i]);
      if (!usable_[i]) continue;
      any_usable_ = true;
      first_usable_ = i;
    }
    return any_usable_;
  };
  if (choose([&](const Member& one) { return one.works_since <= now - kSteady; })) return;
  choose([](const Member&) { return true; });
}

void GroupExporter::look(ExportTime now) {
  look_at_ = now + kLookEvery;
  bool all_failed = true;
  for (std::size_t i = 0; i < members_.size(); ++i) look_at(i, now, all_failed);
  choose_usable(now);
  own_.set_connected(any_usable_, any_usable_ ? "" : "no member works");
  if (all_failed) fail("every member failed", ExportLoss::not_connected);
}

std::size_t GroupExporter::member_for(const FlowRecord& record) const {
  return rule_ == GroupRule::failover ? first_usable_ : choice_.choose(record, usable_);
}

void GroupExporter::share_out(RecordSpan records, ExportTime now) {
  std::vector<std::shared_ptr<RecordBatch>> parts(members_.size());
  for (const RecordView record : records) {
    std::shared_ptr<RecordBatch>& part = parts[member_for(*record)];
    if (part == nullptr) part = std::make_shared<RecordBatch>();
    part->append(record);
  }
  const bool loses = rule_ == GroupRule::balance && mode_ == ExportMode::live && !own_.closed();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == nullptr) continue;
    parts[i]->trim();
    const std::size_t count = parts[i]->size();
    if (books_->give(i, parts[i])) continue;
    if (loses && !books_->condition(i).failed) {
      books_->refuse(i, *parts[i]);
    } else {
      held_.push_back({std::move(parts[i]), 0, count});
      retry(now);
    }
  }
}

bool GroupExporter::give_held(ExportTime now) {
  for (std::size_t left = held_.size(); left != 0 && any_usable_; --left) {
    const ExportQueue::Piece piece = std::move(held_.front());
    held_.pop_front();
    share_out(piece.records(), now);
  }
  if (held_.empty()) return true;
  retry(now);
  return false;
}

std::size_t GroupExporter::take(RecordSpan records, ExportTime now) {
  look(now);  // a run costs a lock for each member, and nothing goes to one that has just stopped working
  if (failure()) return 0;
  if (!give_held(now)) return 0;
  if (!any_usable_) {
    retry(now);
    return 0;
  }
  share_out(records, now);
  return records.size();
}

void GroupExporter::tick(ExportTime now) {
  look(now);
  if (!failure()) give_held(now);
}

bool GroupExporter::drain(ExportTime now) {
  if (look_at_ <= now) look(now);
  if (failure()) return false;
  // Until nothing waits at any member, since it may still stop working.
  bool out = give_held(now);
  for (std::size_t i = 0; out && i < members_.size(); ++i) out = books_->condition(i).waiting == 0;
  if (!out) retry(now);
  return out;
}

void GroupExporter::abandon(ExportLoss loss) {
  RecordTotals totals;
  for (const ExportQueue::Piece& piece : held_) totals += totals_of(piece.records());
  held_.clear();
  own_.lost(totals, loss);
}

}  // namespace weir
