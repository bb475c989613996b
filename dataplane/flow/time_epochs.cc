#include "dataplane/flow/time_epochs.h"

#include <algorithm>

namespace weir {

/// A packet that does not simply move time on.
TimeEpochs::Step TimeEpochs::step_aside(std::uint64_t time_ns, unsigned interface) {
  if (time_ns == 0) return {effective_ns_, effective_ns_};
  if (interface >= clocks_.size()) clocks_.resize(interface + 1);
  Clock& clock = clocks_[interface];
  const std::uint64_t moved_ns = time_ns + clock.offset_ns;
  const std::uint64_t behind_ns = moved_ns < effective_ns_ ? effective_ns_ - moved_ns : 0;
  const std::uint64_t own_ns = clock.seen && time_ns < clock.newest_ns ? clock.newest_ns - time_ns : 0;
  const bool other_file = packets_ == first_of_capture_;
  if (behind_ns > max_reordering_ns_ && (own_ns > max_reordering_ns_ || other_file)) {
    if (packets_ < next_epoch_ && !other_file) return {effective_ns_, moved_ns, Event::ignored, behind_ns};
    begin_epoch(time_ns);
    clock = {.newest_ns = time_ns, .offset_ns = 0, .seen = true};
    return {effective_ns_, time_ns, Event::epoch, behind_ns};
  }
  clock.newest_ns = clock.seen ? std::max(clock.newest_ns, time_ns) : time_ns;
  clock.seen = true;
  if (behind_ns > max_reordering_ns_) {
    clock.offset_ns += behind_ns;
    return {effective_ns_, effective_ns_, Event::offset, behind_ns};
  }
  effective_ns_ = std::max(effective_ns_, moved_ns);
  return {effective_ns_, moved_ns};
}

void TimeEpochs::begin_epoch(std::uint64_t time_ns) {
  before_ns_ += effective_ns_ - time_ns;
  effective_ns_ = time_ns;
  next_epoch_ = packets_ + kLeastPackets;
  std::fill(clocks_.begin(), clocks_.end(), Clock{});
}

}  // namespace weir
