// MappedArray: a fixed array of plain values in memory mapped for it, on huge pages where the kernel has some.
//
// A random access that misses the TLB costs twice one that hits (1 GB footprint: 37 ns on 4 KiB pages, 19 ns on
// 2 MiB pages), so explicit huge pages are tried first and transparent ones asked for otherwise. Pages appear zeroed
// when first written: `weir read` touches what it uses, `weir run` calls touch() from the core that will use the
// array, so that no page fault meets a packet and the memory lies on that core's NUMA node. Core dumps leave it out: it
// holds gigabytes of other people's addresses, and of some flows their payload.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace weir {

enum class Pages : unsigned char {
  huge,   ///< explicit huge pages, else transparent ones: for what every packet reads
  small,  ///< 4 KiB pages that appear when first written: for what is mapped for all flows and used by few
};

/// Maps `octets` of zeroed memory; nullptr when the system has none.
void* map_memory(std::size_t octets, Pages pages = Pages::huge);
void unmap_memory(void* address, std::size_t octets);
/// Octets that map_memory() has taken from explicit huge pages, over all time.
std::uint64_t huge_octets_mapped();

/// What is said while memory is touched, by several threads and to several: gigabytes take seconds.
struct Touching {
  std::atomic<std::uint64_t> octets{0};  ///< touched so far
  std::atomic<bool> stop{false};         ///< what is not touched yet stays so
};
/// Writes to every page, so that it exists.
void touch_memory(void* address, std::size_t octets, Touching* touching = nullptr);

template <typename T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  MappedArray() = default;
  /// An array of `count` zeroed values; data() is nullptr if the memory could not be had.
  explicit MappedArray(std::size_t count, Pages pages = Pages::huge)
      : data_(static_cast<T*>(map_memory(count * sizeof(T), pages))), count_(data_ == nullptr ? 0 : count) {}
  MappedArray(MappedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  MappedArray& operator=(MappedArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;
  ~MappedArray() {
    if (data_ != nullptr) unmap_memory(data_, octets());
  }

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::size_t octets() const { return count_ * sizeof(T); }
  void touch(Touching* touching = nullptr) { touch_memory(data_, octets(), touching); }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace weir
