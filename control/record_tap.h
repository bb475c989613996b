// RecordTap: records as they leave for the exporters, for whoever wants to look on (weirctl tail).
//
// The drain offers each batch here as it offers it to the exporters: shared, not copied. The last kKept records stay;
// a reader that comes finds them, and then gets what is offered from that instant on. A reader has a queue of its own,
// of kMostQueued records: a batch that finds no room there is skipped for this reader and counted. So neither the drain
// nor an exporter waits for a reader, and a reader holds only so much memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "proto/record/record_batch.h"

namespace weir {

class RecordTap {
 public:
  static constexpr std::size_t kKept = 1000;
  /// Two of the drain's largest batches.
  static constexpr std::size_t kMostQueued = 16'384;

  using Batch = std::shared_ptr<const RecordBatch>;

  struct Counts {
    std::uint64_t ended = 0;    ///< records offered since the reader came
    std::uint64_t skipped = 0;  ///< of these, that found no room in its queue
  };

  /// Used by one thread at a time. The tap outlives it.
  class Reader {
   public:
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader();

    /// What had been offered before the reader came: kKept records or some more, the oldest first.
    [[nodiscard]] const std::vector<Batch>& before() const { return before_; }
    /// The next batch; nullptr: there is none now.
    Batch take();
    [[nodiscard]] Counts counts() const;
    /// No more will come, and all was taken.
    [[nodiscard]] bool over() const;

   private:
    friend class RecordTap;
    explicit Reader(RecordTap& tap) : tap_(tap) {}

    RecordTap& tap_;
    std::vector<Batch> before_;
    // Guarded by the tap's mutex.
    std::optional<unsigned> monitor_;
    std::function<void()> wake_;
    std::deque<Batch> queue_;
    std::size_t queued_ = 0;  ///< records in it
    Counts counts_;
  };

  RecordTap() = default;
  RecordTap(const RecordTap&) = delete;
  RecordTap& operator=(const RecordTap&) = delete;

  /// Records of `monitor`, or of all. `wake` is called whenever there is something new; it must be short, and must not
  /// call the tap.
  std::unique_ptr<Reader> open(std::optional<unsigned> monitor, std::function<void()> wake);

  /// Of a monitor, by one thread.
  void offer(const Batch& batch, unsigned monitor);
  /// Nothing will be offered any more.
  void close();

 private:
  struct Kept {
    Batch batch;
    unsigned monitor;
  };

  std::mutex mutex_;  ///< guards what follows
  std::deque<Kept> kept_;
  std::size_t kept_records_ = 0;
  std::vector<Reader*> readers_;
  bool closed_ = false;
};

}  // namespace weir
