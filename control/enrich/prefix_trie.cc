#include "control/enrich/prefix_trie.h"

#include <algorithm>
#include <cassert>

namespace weir {

PrefixTrie::PrefixTrie(std::span<const Entry> entries, std::uint8_t ip_version)
    : root_bits_(ip_version == 4 ? kIpv4RootBits : kIpv6RootBits) {
  if (entries.empty()) return;
  root_.resize(std::size_t{1} << root_bits_);
  fill_root(entries);
  nodes_.shrink_to_fit();
  leaves_.shrink_to_fit();
}

void PrefixTrie::fill_root(std::span<const Entry> entries) {
  for (std::size_t i = 0; i < entries.size();) {
    const Entry& entry = entries[i];
    const std::size_t slot = entry.address.high >> (64 - root_bits_);
    if (entry.length <= root_bits_) {  // those inside it come later, and take their places
      assert((entry.value & kIsNode) == 0);
      std::fill_n(root_.begin() + static_cast<std::ptrdiff_t>(slot), std::size_t{1} << (root_bits_ - entry.length),
                  entry.value);
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < entries.size() && entries[end].address.high >> (64 - root_bits_) == slot) ++end;
    const auto at = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    fill_node(at, entries.subspan(i, end - i), root_bits_, root_[slot]);
    root_[slot] = kIsNode | at;
    i = end;
  }
}

void PrefixTrie::fill_node(std::uint32_t at, std::span<const Entry> entries, unsigned depth, Value inherited) {
  constexpr unsigned kSlots = 1U << kStride;
  struct Child {
    unsigned slot;
    std::size_t first;
    std::size_t end;
  };
  std::array<Value, kSlots> values;
  values.fill(inherited);
  std::array<Child, kSlots> children;
  unsigned count = 0;
  for (std::size_t i = 0; i < entries.size();) {
    const unsigned slot = slot_of(entries[i].address, depth);
    if (entries[i].length <= depth + kStride) {
      std::fill_n(values.begin() + slot, 1U << (depth + kStride - entries[i].length), entries[i].value);
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < entries.size() && slot_of(entries[end].address, depth) == slot) ++end;
    children[count++] = {slot, i, end};
    i = end;
  }
  Node node;
  node.first_leaf = static_cast<std::uint32_t>(leaves_.size());
  node.first_child = static_cast<std::uint32_t>(nodes_.size());
  for (unsigned i = 0; i < count; ++i) node.children |= std::uint64_t{1} << children[i].slot;
  bool any = false;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if ((node.children >> slot & 1) != 0 || (any && leaves_.back() == values[slot])) continue;
    any = true;
    node.leaf_starts |= std::uint64_t{1} << slot;
    leaves_.push_back(values[slot]);
  }
  nodes_[at] = node;
  nodes_.resize(nodes_.size() + count);
  for (unsigned i = 0; i < count; ++i) {
    const Child& child = children[i];
    fill_node(node.first_child + i, entries.subspan(child.first, child.end - child.first), depth + kStride,
              values[child.slot]);
  }
}

void PrefixTrie::find_many(std::span<const AddressBits> addresses, std::span<Value> values) const {
  constexpr std::size_t kAtOnce = 64;
  PrefixWalk walk;
  for (std::size_t i = 0; i < addresses.size(); i += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, addresses.size() - i);
    walk.start(*this, addresses.subspan(i, count));
    while (walk.step()) {
    }
    walk.finish(values.subspan(i, count));
  }
}

void PrefixWalk::start(const PrefixTrie& trie, std::span<const AddressBits> addresses) {
  assert(addresses.size() <= kMost);
  static constexpr PrefixTrie::Value kNone = 0;
  trie_ = &trie;
  addresses_ = addresses.data();
  count_ = addresses.size();
  open_count_ = 0;
  depth_ = trie.root_bits_;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::uint32_t& entry = trie.root_.empty() ? kNone : trie.root_[addresses[i].high >> (64 - trie.root_bits_)];
    leaves_[i] = &entry;
    if ((entry & PrefixTrie::kIsNode) == 0) continue;
    nodes_[i] = &trie.nodes_[entry & ~PrefixTrie::kIsNode];
    PrefixTrie::prefetch(*nodes_[i]);
    open_[open_count_++] = static_cast<std::uint8_t>(i);
  }
}

bool PrefixWalk::step() {
  std::size_t left = 0;
  for (std::size_t i = 0; i < open_count_; ++i) {
    const std::uint8_t lane = open_[i];
    const PrefixTrie::Node& node = *nodes_[lane];
    const unsigned slot = PrefixTrie::slot_of(addresses_[lane], depth_);
    if ((node.children >> slot & 1) != 0) {
      nodes_[lane] = &trie_->nodes_[PrefixTrie::child_of(node, slot)];
      PrefixTrie::prefetch(*nodes_[lane]);
      open_[left++] = lane;
    } else {
      leaves_[lane] = &trie_->leaves_[PrefixTrie::leaf_of(node, slot)];
      __builtin_prefetch(leaves_[lane]);
    }
  }
  open_count_ = left;
  depth_ += PrefixTrie::kStride;
  return left != 0;
}

void PrefixWalk::finish(std::span<PrefixTrie::Value> values) const {
  for (std::size_t i = 0; i < count_; ++i) values[i] = *leaves_[i];
}

}  // namespace weir
