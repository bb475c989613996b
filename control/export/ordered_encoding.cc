#include "control/export/ordered_encoding.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <vector>

namespace weir {
namespace {

unsigned cores_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::clamp<unsigned>(static_cast<unsigned>(CPU_COUNT(&set)), 1, OrderedEncoding::kMostCores);
}

}  // namespace

struct OrderedEncoding::Pipeline {
  struct Slice {
    RecordSpan records;
    std::vector<std::uint8_t> octets;
    std::array<std::size_t, kSliceRecords> ends;
  };

  Pipeline(Encode encode_record, std::size_t longest_octets)
      : encode(std::move(encode_record)),
        cores(cores_allowed()),
        allowed(tbb::global_control::max_allowed_parallelism,
                std::max<std::size_t>(cores,
                                      tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism))),
        arena(static_cast<int>(cores)) {
    for (Slice& slice : slices) slice.octets.resize(kSliceRecords * longest_octets);
  }

  void fill(Slice& slice) const {
    std::uint8_t* end = slice.octets.data();
    for (std::size_t i = 0; i < slice.records.size(); ++i) {
      end = encode(end, slice.records[i]);
      slice.ends[i] = static_cast<std::size_t>(end - slice.octets.data());
    }
  }
  static bool hand_out(const Slice& slice, const Take& take) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < slice.records.size(); ++i) {
      if (!take(slice.records[i], std::span(slice.octets).subspan(begin, slice.ends[i] - begin))) return false;
      begin = slice.ends[i];
    }
    return true;
  }

  Encode encode;
  unsigned cores;
  tbb::global_control allowed;
  tbb::task_arena arena;
  std::array<Slice, kSlices> slices;
};

OrderedEncoding::OrderedEncoding(Encode encode, std::size_t longest_octets)
    : pipeline_(std::make_unique<Pipeline>(std::move(encode), longest_octets)) {}
OrderedEncoding::~OrderedEncoding() = default;

bool OrderedEncoding::worthwhile() {
#if defined(__SANITIZE_THREAD__)
  // The system's libtbb is not built with the sanitizer, which takes each task that it hands over for a race.
  return false;
#else
  return cores_allowed() > 1;
#endif
}

void OrderedEncoding::run(RecordSpan records, const Take& take) {
  std::size_t next = 0;
  std::size_t turn = 0;
  bool wanted = true;  // the last stage's only
  const auto slice_up = [&](tbb::flow_control& control) -> Pipeline::Slice* {
    if (next == records.size()) {
      control.stop();
      return nullptr;
    }
    // At most kSlices are on their way, and they are consecutive: the one that had this memory before has arrived.
    Pipeline::Slice& slice = pipeline_->slices[turn++ % kSlices];
    slice.records = records.subspan(next, std::min(kSliceRecords, records.size() - next));
    next += slice.records.size();
    return &slice;
  };
  const auto encode = [&](Pipeline::Slice* slice) {
    pipeline_->fill(*slice);
    return slice;
  };
  const auto hand_out = [&](Pipeline::Slice* slice) { wanted = wanted && Pipeline::hand_out(*slice, take); };
  pipeline_->arena.execute([&] {
    tbb::parallel_pipeline(
        kSlices, tbb::make_filter<void, Pipeline::Slice*>(tbb::filter_mode::serial_in_order, slice_up) &
                     tbb::make_filter<Pipeline::Slice*, Pipeline::Slice*>(tbb::filter_mode::parallel, encode) &
                     tbb::make_filter<Pipeline::Slice*, void>(tbb::filter_mode::serial_in_order, hand_out));
  });
}

}  // namespace weir
