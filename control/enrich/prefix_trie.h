// PrefixTrie: the longest of many prefixes that holds an address; for IPv4 and IPv6 alike.
//
// A table answers for the first bits of an address: 18 of IPv4, which leaves one node to a /24, and 16 of IPv6. Where
// longer prefixes exist its entry leads to a node, which answers for 6 bits more, and so on. A node has a word that
// says which of its 64 places lead to a further node, and one that says at which places a new value begins; popcount
// says how many lie before. So neighbours of one value share a leaf, and a million prefixes take some 25 octets each
// ("Poptrie", Asai and Ohara, SIGCOMM 2015, has the idea). Where all prefixes of a node would go on to one child, there
// is no such node: the child has the bits that an address must have to come to it, and the value for all others. So
// three nodes, and not six, lead to the /48 that is alone in its /32.
//
// It is built once from all prefixes and then only read, by any number of threads. An address costs a dependent read of
// memory per step; find_many() takes the steps of 128 addresses in turn, so that the reads overlap.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "control/enrich/huge_page_vector.h"
#include "proto/base/address_bits.h"

namespace weir {

class PrefixTrie {
 public:
  /// What a prefix stands for; 0 is what find() says where there is none. The top bit belongs to the trie: a value of
  /// a prefix that is no longer than the table's bits must not have it.
  using Value = std::uint32_t;
  // Bits of the table. Of IPv6 no node may cross the middle of an address: 16 + 8 x 6 = 64.
  static constexpr unsigned kIpv4RootBits = 18;
  static constexpr unsigned kIpv6RootBits = 16;

  struct Entry {
    AddressBits address;  ///< nothing is set after `length` bits
    Value value = 0;
    std::uint8_t length = 0;
  };

  PrefixTrie() = default;
  /// `entries` rise by address, then by length, and no prefix comes twice.
  PrefixTrie(std::span<const Entry> entries, std::uint8_t ip_version);

  [[nodiscard]] Value find(const AddressBits& address) const {
    if (root_.empty()) return 0;
    const std::uint32_t entry = root_[address.high >> (64 - root_bits_)];
    if ((entry & kIsNode) == 0) return entry;
    const Node* node = &nodes_[entry & ~kIsNode];
    for (std::uint64_t half = address.high;;) {
      if (!node->leads(half)) return leaves_[node->first_leaf - 1];
      const unsigned slot = node->slot_of(half);
      if ((node->children >> slot & 1) == 0) return leaves_[leaf_of(*node, slot)];
      if (node->shift() == kLastShift) half = address.low;
      node = &nodes_[child_of(*node, slot)];
    }
  }
  /// The same for each of `addresses`; `values` has as many places.
  void find_many(std::span<const AddressBits> addresses, std::span<Value> values) const;

  /// Memory that it takes.
  [[nodiscard]] std::size_t octets() const {
    return root_.capacity() * sizeof(std::uint32_t) + nodes_.capacity() * sizeof(Node) +
           leaves_.capacity() * sizeof(Value);
  }

 private:
  static constexpr std::uint32_t kIsNode = std::uint32_t{1} << 31;
  static constexpr unsigned kStride = 6;
  static constexpr unsigned kStrideSlots = 1U << kStride;
  static constexpr std::size_t kLanes = 128;

  static constexpr unsigned kLastShift = 64 - kStride;  ///< of a node at the end of a half; a child is in the next half

  /// It answers for the 6 bits after the first shift() ones of the half of the address that it is in.
  struct alignas(32) Node {
    std::uint64_t children = 0;     ///< places that lead to a node
    std::uint64_t leaf_starts = 0;  ///< other places whose value differs from that of the one before
    std::uint64_t path = 0;         ///< the first shift() bits of all its prefixes in this half, and below them shift()
    std::uint32_t first_leaf = 0;   ///< where nodes were left out before it: the value of other addresses is before it
    std::uint32_t first_child = 0;

    [[nodiscard]] unsigned shift() const { return path & (kStrideSlots - 1); }
    /// Whether the address has the bits by which prefixes come here.
    [[nodiscard]] bool leads(std::uint64_t half) const { return (half ^ path) >> 1 >> (63 - shift()) == 0; }
    [[nodiscard]] unsigned slot_of(std::uint64_t half) const {
      return static_cast<unsigned>(half << shift() >> kLastShift);
    }
  };
  static_assert(sizeof(Node) == 32, "two to a cache line, and none in two");

  /// The bits of `address` from `depth` on; `depth` as next_depth() has it.
  static unsigned slot_of(const AddressBits& address, unsigned depth) {
    const std::uint64_t half = depth < 64 ? address.high << depth : address.low << (depth - 64);
    return static_cast<unsigned>(half >> kLastShift);
  }
  /// Of a child: 6 more. The last 6 bits of an address are one node's, which so looks at 2 bits once more.
  static constexpr unsigned next_depth(unsigned depth) {
    return depth + kStride < 64 + kLastShift ? depth + kStride : 64 + kLastShift;
  }
  static std::uint32_t child_of(const Node& node, unsigned slot) {
    const std::uint64_t before = (std::uint64_t{1} << slot) - 1;
    return node.first_child + static_cast<std::uint32_t>(std::popcount(node.children & before));
  }
  static std::uint32_t leaf_of(const Node& node, unsigned slot) {
    const std::uint64_t up_to = (std::uint64_t{2} << slot) - 1;  // slot 63: 0 - 1, all of them
    return node.first_leaf + static_cast<std::uint32_t>(std::popcount(node.leaf_starts & up_to)) - 1;
  }

  void fill_root(std::span<const Entry> entries);
  /// Makes node `at` of `entries`, which all lie in it and are longer than `depth`; `inherited` holds around them.
  /// Where they all go on to one child, it is that child.
  void fill_node(std::uint32_t at, std::span<const Entry> entries, unsigned depth, Value inherited);
  void find_lanes(const AddressBits* addresses, Value* values, std::size_t count) const;

  unsigned root_bits_ = kIpv6RootBits;
  HugePageVector<std::uint32_t> root_;  ///< kIsNode and the index of a node, or a value; empty: no prefixes
  HugePageVector<Node> nodes_;
  HugePageVector<Value> leaves_;
};

}  // namespace weir
