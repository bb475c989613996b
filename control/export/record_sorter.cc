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

constexpr std::size_t kWordOctets = sizeof(std::uint64_t);
constexpr std::size_t kBaseWords = sizeof(FlowRecord) / kWordOctets;
constexpr std::size_t kLongestWords = kMostRecordLines * kRecordLineOctets / kWordOctets;
constexpr std::size_t kReadWords = std::size_t{256} * 1024 / kWordOctets;    // 256 KiB a run
constexpr std::size_t kWriteWords = std::size_t{1024} * 1024 / kWordOctets;  // 1 MiB a write
static_assert(kReadWords > kLongestWords);
/// An index is 32 bits of words: 32 GiB.
constexpr std::size_t kMostRunRecords = (std::size_t{1} << 32) / kBaseWords;

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

bool record_precedes(RecordView a, RecordView b) {
  if (a->start_ns() != b->start_ns()) return a->start_ns() < b->start_ns();
  if (const int order = std::memcmp(a->source_address, b->source_address, 16); order != 0) return order < 0;
  if (const int order = std::memcmp(a->destination_address, b->destination_address, 16); order != 0) return order < 0;
  if (a->source_port() != b->source_port()) return a->source_port() < b->source_port();
  if (a->destination_port() != b->destination_port()) return a->destination_port() < b->destination_port();
  if (a->protocol != b->protocol) return a->protocol < b->protocol;
  if (const int order = std::memcmp(a.octets(), b.octets(), sizeof(FlowRecord)); order != 0) return order < 0;
  // Records with equal bases have the same sections, so their lengths are equal.
  return std::memcmp(a.octets(), b.octets(), a.size()) < 0;
}

RecordSorter::RecordSorter(std::size_t run_records)
    : capacity_(std::max(std::clamp<std::size_t>(run_records, 1, kMostRunRecords) * kBaseWords, kLongestWords)),
      arena_(std::make_unique_for_overwrite<Word[]>(capacity_)) {}

RecordSorter::~RecordSorter() = default;

tl::expected<void, std::string> RecordSorter::add(RecordSpan records) {
  for (const RecordView record : records) {
    const std::size_t words = record.size() / kWordOctets;
    if (capacity_ - used_ < words) {
      if (auto spilled = spill(); !spilled) return spilled;
    }
    std::memcpy(arena_.get() + used_, record.octets(), record.size());
    used_ += words;
    ++count_;
  }
  return {};
}

void RecordSorter::sort_memory() {
  order_.resize(count_);
  std::size_t at = 0;
  for (Entry& entry : order_) {
    const RecordView record = record_at(arena_.get() + at);
    entry = {record->start_ns(), static_cast<std::uint32_t>(at)};
    at += record.size() / kWordOctets;
  }
  const auto before = [this](const Entry& a, const Entry& b) {
    if (a.start_ns != b.start_ns) return a.start_ns < b.start_ns;
    return record_precedes(record_at(arena_.get() + a.at), record_at(arena_.get() + b.at));
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
  runs_.push_back({file_octets_, used_ * kWordOctets, {}});
  std::vector<Word> block;
  block.reserve(std::min(kWriteWords, used_));
  for (const Entry& entry : order_) {
    const Word* const record = arena_.get() + entry.at;
    const std::size_t words = record_at(record).size() / kWordOctets;
    if (block.size() + words > kWriteWords) {
      if (auto written = write(block); !written) return written;
      block.clear();
    }
    block.insert(block.end(), record, record + words);
  }
  if (auto written = write(block); !written) return written;
  count_ = used_ = 0;
  return {};
}

/// Appends `block` to the temporary file.
tl::expected<void, std::string> RecordSorter::write(const std::vector<Word>& block) {
  const char* octets = reinterpret_cast<const char*>(block.data());
  for (std::size_t left = block.size() * kWordOctets; left != 0;) {
    const ssize_t written = pwrite(file_.get(), octets, left, static_cast<off_t>(file_octets_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::unexpected(fault(errno));
    octets += written;
    left -= static_cast<std::size_t>(written);
    file_octets_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

bool RecordSorter::has_whole_record(const Run& run) {
  const std::size_t words = run.end - run.at;
  return words >= kBaseWords && words >= record_at(run.buffer.data() + run.at).size() / kWordOctets;
}

/// Reads on after what is left in the buffer, which may be the first part of a record. There is at least one after it.
tl::expected<void, std::string> RecordSorter::refill(Run& run) {
  const std::size_t kept = run.end - run.at;
  std::copy(run.buffer.begin() + static_cast<std::ptrdiff_t>(run.at),
            run.buffer.begin() + static_cast<std::ptrdiff_t>(run.end), run.buffer.begin());
  const std::size_t more = std::min<std::uint64_t>(kReadWords - kept, run.file_left / kWordOctets);
  run.buffer.resize(kept + more);
  char* octets = reinterpret_cast<char*>(run.buffer.data() + kept);
  for (std::size_t left = more * kWordOctets; left != 0;) {
    const ssize_t got = pread(file_.get(), octets, left, static_cast<off_t>(run.file_at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return tl::unexpected(fault(got < 0 ? errno : EIO));
    octets += got;
    left -= static_cast<std::size_t>(got);
    run.file_at += static_cast<std::uint64_t>(got);
  }
  run.file_left -= more * kWordOctets;
  run.at = 0;
  run.end = kept + more;
  if (!has_whole_record(run)) return tl::unexpected(fault(EIO));
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

RecordView RecordSorter::head(std::size_t source) const {
  if (source == runs_.size()) return record_at(arena_.get() + order_[order_at_].at);
  return record_at(runs_[source].buffer.data() + runs_[source].at);
}

/// Moves a source past its head. false: it has no more.
tl::expected<bool, std::string> RecordSorter::step(std::size_t source) {
  if (source == runs_.size()) return ++order_at_ < count_;
  Run& run = runs_[source];
  run.at += head(source).size() / kWordOctets;
  if (has_whole_record(run)) return true;
  if (run.at == run.end && run.file_left == 0) return false;
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

tl::expected<std::size_t, std::string> RecordSorter::next(RecordBatch& out, std::size_t most) {
  std::size_t count = 0;
  while (count < most && !heap_.empty()) {
    out.append(head(heap_.front()));
    ++count;
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
