#include "control/export/record_sorter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <tbb/parallel_sort.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "control/export/endpoint.h"

namespace weir {
namespace {

constexpr std::size_t kReadRecords = 2048;   // 256 KiB a run
constexpr std::size_t kWriteRecords = 8192;  // 1 MiB a write

std::string spill_folder() {
  const char* const folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

std::string fault(int error) {
  return fmt::format("temporary file in {}: {}", spill_folder(), error_text(error));
}

tl::expected<UniqueFd, std::string> make_unnamed_file() {
  const std::string folder = spill_folder();
  UniqueFd fd(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid()) {  // a file system without O_TMPFILE
    std::string name = folder + "/weir-sort-XXXXXX";
    fd = UniqueFd(mkostemp(name.data(), O_CLOEXEC));
    if (!fd.valid()) return tl::unexpected(fault(errno));
    unlink(name.c_str());
  }
  return fd;
}

}  // namespace

bool record_precedes(const FlowRecord& a, const FlowRecord& b) {
  if (a.start_ns() != b.start_ns()) return a.start_ns() < b.start_ns();
  if (const int order = std::memcmp(a.source_address, b.source_address, 16); order != 0) return order < 0;
  if (const int order = std::memcmp(a.destination_address, b.destination_address, 16); order != 0) return order < 0;
  if (a.source_port != b.source_port) return a.source_port < b.source_port;
  if (a.destination_port != b.destination_port) return a.destination_port < b.destination_port;
  if (a.protocol != b.protocol) return a.protocol < b.protocol;
  return std::memcmp(&a, &b, sizeof a) < 0;
}

RecordSorter::RecordSorter(std::size_t run_records)
    : run_records_(std::clamp<std::size_t>(run_records, 1, std::size_t{1} << 31)),
      records_(std::make_unique_for_overwrite<FlowRecord[]>(run_records_)) {}

RecordSorter::~RecordSorter() = default;

tl::expected<void, std::string> RecordSorter::add(std::span<const FlowRecord> records) {
  while (!records.empty()) {
    if (count_ == run_records_) {
      if (auto spilled = spill(); !spilled) return spilled;
    }
    const std::size_t part = std::min(records.size(), run_records_ - count_);
    std::copy_n(records.data(), part, records_.get() + count_);
    count_ += part;
    records = records.subspan(part);
  }
  return {};
}

void RecordSorter::sort_memory() {
  order_.resize(count_);
  for (std::size_t i = 0; i < count_; ++i) order_[i] = {records_[i].start_ns(), static_cast<std::uint32_t>(i)};
  const auto before = [this](const Entry& a, const Entry& b) {
    if (a.start_ns != b.start_ns) return a.start_ns < b.start_ns;
    return record_precedes(records_[a.index], records_[b.index]);
  };
#if defined(__SANITIZE_THREAD__)
  // The system's libtbb is not built with the sanitizer, which therefore takes each task handed from one of its threads
  // to another for a race. The order is total: both sorts give the same.
  std::sort(order_.begin(), order_.end(), before);
#else
  tbb::parallel_sort(order_.begin(), order_.end(), before);
#endif
}

tl::expected<void, std::string> RecordSorter::spill() {
  if (!file_.valid()) {
    auto file = make_unnamed_file();
    if (!file) return tl::unexpected(file.error());
    file_ = std::move(*file);
  }
  sort_memory();
  runs_.push_back({file_octets_, count_, {}, 0});
  std::vector<FlowRecord> block;
  block.reserve(std::min(kWriteRecords, count_));
  for (std::size_t at = 0; at < count_;) {
    block.clear();
    for (; at < count_ && block.size() < kWriteRecords; ++at) block.push_back(records_[order_[at].index]);
    const char* octets = reinterpret_cast<const char*>(block.data());
    for (std::size_t left = block.size() * sizeof(FlowRecord); left != 0;) {
      const ssize_t written = pwrite(file_.get(), octets, left, static_cast<off_t>(file_octets_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return tl::unexpected(fault(errno));
      octets += written;
      left -= static_cast<std::size_t>(written);
      file_octets_ += static_cast<std::uint64_t>(written);
    }
  }
  count_ = 0;
  return {};
}

tl::expected<void, std::string> RecordSorter::refill(Run& run) {
  run.buffer.resize(std::min<std::uint64_t>(kReadRecords, run.file_left));
  run.buffer_at = 0;
  char* octets = reinterpret_cast<char*>(run.buffer.data());
  for (std::size_t left = run.buffer.size() * sizeof(FlowRecord); left != 0;) {
    const ssize_t got = pread(file_.get(), octets, left, static_cast<off_t>(run.file_at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return tl::unexpected(fault(got < 0 ? errno : EIO));
    octets += got;
    left -= static_cast<std::size_t>(got);
    run.file_at += static_cast<std::uint64_t>(got);
  }
  run.file_left -= run.buffer.size();
  return {};
}

tl::expected<void, std::string> RecordSorter::finish() {
  sort_memory();
  order_at_ = 0;
  heap_.clear();
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (auto read = refill(runs_[i]); !read) return read;
    heap_.push_back(i);
  }
  if (count_ != 0) heap_.push_back(runs_.size());
  for (std::size_t at = heap_.size() / 2; at-- > 0;) sift_down(at);
  return {};
}

const FlowRecord& RecordSorter::head(std::size_t source) const {
  if (source == runs_.size()) return records_[order_[order_at_].index];
  return runs_[source].buffer[runs_[source].buffer_at];
}

/// Moves a source behind its head. false: it has no more.
tl::expected<bool, std::string> RecordSorter::step(std::size_t source) {
  if (source == runs_.size()) return ++order_at_ < count_;
  Run& run = runs_[source];
  if (++run.buffer_at < run.buffer.size()) return true;
  if (run.file_left == 0) return false;
  if (auto read = refill(run); !read) return tl::unexpected(read.error());
  return true;
}

void RecordSorter::sift_down(std::size_t at) {
  while (true) {
    std::size_t least = at;
    for (const std::size_t child : {2 * at + 1, 2 * at + 2}) {
      if (child < heap_.size() && record_precedes(head(heap_[child]), head(heap_[least]))) least = child;
    }
    if (least == at) return;
    std::swap(heap_[at], heap_[least]);
    at = least;
  }
}

tl::expected<std::size_t, std::string> RecordSorter::next(std::span<FlowRecord> out) {
  std::size_t count = 0;
  while (count < out.size() && !heap_.empty()) {
    out[count++] = head(heap_.front());
    const auto more = step(heap_.front());
    if (!more) return tl::unexpected(more.error());
    if (!*more) {
      heap_.front() = heap_.back();
      heap_.pop_back();
      if (heap_.empty()) break;
    }
    sift_down(0);
  }
  return count;
}

}  // namespace weir
