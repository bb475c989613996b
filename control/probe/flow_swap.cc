#include "control/probe/flow_swap.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "control/probe/cores.h"

namespace weir {
namespace {

using Step = FlowReplacement::Step;

/// Calls `is_so` until it is, at most for `limit`.
template <typename IsSo>
bool wait_until(std::chrono::nanoseconds limit, IsSo&& is_so) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

}  // namespace

std::unique_ptr<FlowSwap> FlowSwap::make(const std::vector<Worker*>& workers, const std::vector<Next>& next) {
  std::unique_ptr<FlowSwap> swap(new FlowSwap());
  for (unsigned number = 0; number < workers.size(); ++number) {
    for (const auto& [monitor, settings] : next) {
      Place& place = swap->places_.emplace_back(Place{number, monitor, &workers[number]->replacement(monitor), {}});
      place.parts = workers[number]->make_parts(monitor, settings);
      const FlowShard& shard = place.parts.flows->shard;
      if (!shard.ok()) return nullptr;
      Table& table = swap->tables_[monitor];
      table.capacity = shard.capacity();
      table.metrics = shard.metrics();
      table.pool_lines += shard.pool().capacity();
    }
  }
  return swap;
}

std::size_t FlowSwap::octets() const {
  std::size_t octets = 0;
  for (const Place& place : places_) octets += place.parts.flows->shard.octets();
  return octets;
}

void FlowSwap::touch(const std::vector<unsigned>& cpus) {
  // In a thread of its own, since where its memory comes from is a thread's affair.
  std::thread([&] {
    for (const Place& place : places_) {
      prefer_memory_of(cpus[place.worker]);
      place.parts.flows->shard.touch();
    }
  }).join();
}

bool FlowSwap::all_done(Step step) const {
  return std::all_of(places_.begin(), places_.end(), [&](const Place& place) { return place.replacement->done(step); });
}

void FlowSwap::ask_all(Step step) {
  for (const Place& place : places_) place.replacement->ask(step);
}

bool FlowSwap::accept(std::chrono::nanoseconds limit) {
  for (Place& place : places_) place.replacement->begin(std::move(place.parts));
  state_ = State::accepting;
  if (wait_until(limit, [this] { return all_done(Step::accept); })) return true;
  undo();
  return false;
}

void FlowSwap::undo() {
  for (Place& place : places_) {
    if (!place.replacement->withdraw()) continue;
    (void)place.replacement->take_back();
    place.over = true;
  }
  state_ = State::undoing;
}

void FlowSwap::use() {
  ask_all(Step::use);
  state_ = State::using_next;
}

bool FlowSwap::go_on() {
  if (state_ == State::using_next && all_done(Step::use)) {
    ask_all(Step::end);
    state_ = State::ending;
  }
  const Step last = state_ == State::undoing ? Step::forget : Step::end;
  bool over = state_ == State::undoing || state_ == State::ending;
  for (Place& place : places_) {
    if (place.over) continue;
    if (place.replacement->done(last)) {
      (void)place.replacement->take_back();
      place.over = true;
      continue;
    }
    if (state_ == State::undoing && place.replacement->done(Step::accept)) place.replacement->ask(Step::forget);
    over = false;
  }
  return over;
}

bool FlowSwap::go_on_for(std::chrono::nanoseconds limit) {
  return wait_until(limit, [this] { return go_on(); });
}

}  // namespace weir
