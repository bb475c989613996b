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
  const AddressBits& first = entries.front().address;
  const unsigned begin = depth;
  // By address, then by length: where any entry ends in this node, the first one does.
  while (depth != kLastShift && entries.front().length > next_depth(depth) && depth != next_depth(depth) &&
         slot_of(first, depth) == slot_of(entries.back().address, depth)) {
    depth = next_depth(depth);
  }
  struct Child {
    unsigned slot;
    std::size_t first;
    std::size_t end;
  };
  std::array<Value, kStrideSlots> values;
  values.fill(inherited);
  std::array<Child, kStrideSlots> children;
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
  const unsigned shift = depth % 64;
  const std::uint64_t half = depth < 64 ? first.high : first.low;
  node.path = (shift == 0 ? 0 : half >> (64 - shift) << (64 - shift)) | shift;
  if (depth != begin) leaves_.push_back(inherited);
  node.first_leaf = static_cast<std::uint32_t>(leaves_.size());
  node.first_child = static_cast<std::uint32_t>(nodes_.size());
  for (unsigned i = 0; i < count; ++i) node.children |= std::uint64_t{1} << children[i].slot;
  bool any = false;
  for (unsigned slot = 0; slot < kStrideSlots; ++slot) {
    if ((node.children >> slot & 1) != 0 || (any && leaves_.back() == values[slot])) continue;
    any = true;
    node.leaf_starts |= std::uint64_t{1} << slot;
    leaves_.push_back(values[slot]);
  }
  nodes_[at] = node;
  nodes_.resize(nodes_.size() + count);
  for (unsigned i = 0; i < count; ++i) {
    const Child& child = children[i];
    fill_node(node.first_child + i, entries.subspan(child.first, child.end - child.first), next_depth(depth),
              values[child.slot]);
  }
}

void PrefixTrie::find_many(std::span<const AddressBits> addresses, std::span<Value> values) const {
  if (root_.empty()) {
    std::fill_n(values.begin(), addresses.size(), Value{0});
    return;
  }
  for (std::size_t i = 0; i < addresses.size(); i += kLanes) {
    find_lanes(&addresses[i], &values[i], std::min(kLanes, addresses.size() - i));
  }
}

void PrefixTrie::find_lanes(const AddressBits* addresses, Value* values, std::size_t count) const {
  std::array<const Node*, kLanes> nodes;
  std::array<const Value*, kLanes> leaves;
  std::array<std::uint64_t, kLanes> halves;  // of the addresses, in which the nodes are
  std::array<std::uint8_t, kLanes> open;     // lanes that still look at nodes
  std::size_t still = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t& entry = root_[addresses[i].high >> (64 - root_bits_)];
    leaves[i] = &entry;
    if ((entry & kIsNode) == 0) continue;
    nodes[i] = &nodes_[entry & ~kIsNode];
    __builtin_prefetch(nodes[i]);
    halves[i] = addresses[i].high;
    open[still++] = static_cast<std::uint8_t>(i);
  }
  while (still != 0) {
    std::size_t left = 0;
    for (std::size_t i = 0; i < still; ++i) {
      const std::uint8_t lane = open[i];
      const Node& node = *nodes[lane];
      const unsigned slot = node.slot_of(halves[lane]);
      if (!node.leads(halves[lane])) {
        leaves[lane] = &leaves_[node.first_leaf - 1];
        __builtin_prefetch(leaves[lane]);
      } else if ((node.children >> slot & 1) != 0) {
        if (node.shift() == kLastShift) halves[lane] = addresses[lane].low;
        nodes[lane] = &nodes_[child_of(node, slot)];
        __builtin_prefetch(nodes[lane]);
        open[left++] = lane;
      } else {
        leaves[lane] = &leaves_[leaf_of(node, slot)];
        __builtin_prefetch(leaves[lane]);
      }
    }
    still = left;
  }
  for (std::size_t i = 0; i < count; ++i) values[i] = *leaves[i];
}

}  // namespace weir
