// HugePageVector: a std::vector whose memory, once it is large, lies on huge pages if the machine has any to give.
//
// A map of a million prefixes is read all over, and each read of an ordinary page that was not read of late costs a
// walk through the page tables besides: on huge pages a look-up takes about half of the time.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

namespace weir {

template <typename T>
struct HugePageAllocator {
  // NOLINTNEXTLINE(readability-identifier-naming): the standard library's name
  using value_type = T;

  HugePageAllocator() = default;
  template <typename Other>
  // NOLINTNEXTLINE(google-explicit-constructor): as allocators convert
  HugePageAllocator(const HugePageAllocator<Other>& /*other*/) {}

  T* allocate(std::size_t count) {
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    if (count > SIZE_MAX / 2 / sizeof(T)) throw std::bad_alloc();
    const std::size_t octets = count * sizeof(T);
    const bool huge = octets >= kHugePage;
    const std::size_t alignment = huge ? kHugePage : std::max(alignof(T), alignof(std::max_align_t));
    const std::size_t whole = (octets + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, whole);
    if (memory == nullptr) throw std::bad_alloc();
    if (huge) ::madvise(memory, whole, MADV_HUGEPAGE);  // where there are none it stays on ordinary ones
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t /*count*/) { std::free(memory); }

  friend bool operator==(const HugePageAllocator& /*a*/, const HugePageAllocator& /*b*/) { return true; }
};

template <typename T>
using HugePageVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace weir
