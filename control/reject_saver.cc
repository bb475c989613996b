#include "control/reject_saver.h"

#include <chrono>
#include <cstddef>
#include <utility>

namespace weir {

RejectSaver::RejectSaver(std::vector<RejectRing*> rings, RejectFile& file) : rings_(std::move(rings)), file_(file) {
  thread_ = std::thread([this] { run(); });
}

RejectSaver::~RejectSaver() {
  finish();
}

void RejectSaver::finish() {
  stopping_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
}

void RejectSaver::run() {
  constexpr std::chrono::milliseconds kPause{10};
  constexpr std::size_t kMost = 256;  // of one ring before the next has its turn
  for (;;) {
    // Read before the rings are: what was pushed before is then seen.
    const bool last = stopping_.load(std::memory_order_acquire);
    std::size_t found = 0;
    for (RejectRing* ring : rings_) {
      found += ring->consume(kMost, [this](const PacketView& view, Reject reject) { file_.save(view, reject); });
    }
    if (found != 0) continue;
    file_.flush();
    if (last) return;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace weir
