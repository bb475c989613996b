// sFlow v5 datagrams as a test writes them, by the XDR of "sFlow Version 5" section 5. Nothing is shared with the
// decoder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tests/support/hex.h"

namespace weir::test::sflow {

inline Bytes words(std::initializer_list<std::uint32_t> values) {
  Bytes out;
  for (const std::uint32_t value : values) put(out, value, 4);
  return out;
}

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// A length, the octets, and zeros up to a multiple of 4.
inline Bytes opaque(const Bytes& octets) {
  Bytes out = joined({words({static_cast<std::uint32_t>(octets.size())}), octets});
  while (out.size() % 4 != 0) out.push_back(0);
  return out;
}

/// A sample or a record: its data format and what is in it.
inline Bytes block(std::uint32_t format, const Bytes& content) {
  return joined({words({format}), opaque(content)});
}

inline Bytes with_count(const std::vector<Bytes>& parts) {
  Bytes out = words({static_cast<std::uint32_t>(parts.size())});
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// Source 0:3, sampling 1:512, pool 5120, no drops.
inline Bytes flow_sample(std::uint32_t sequence, const std::vector<Bytes>& records, std::uint32_t input = 3,
                         std::uint32_t output = 5) {
  return block(1, joined({words({sequence, 3, 512, 5120, 0, input, output}), with_count(records)}));
}
inline Bytes expanded_flow_sample(std::uint32_t sequence, const std::vector<Bytes>& records) {
  return block(3, joined({words({sequence, 0, 70'000, 512, 5120, 0, 0, 70'000, 0, 70'001}), with_count(records)}));
}
inline Bytes counters_sample(std::uint32_t sequence, const std::vector<Bytes>& records) {
  return block(2, joined({words({sequence, 3}), with_count(records)}));
}

/// The first octets of a frame of `length` octets, the 4 of its FCS included.
inline Bytes sampled_header(const Bytes& octets, std::uint32_t length, std::uint32_t protocol = 1) {
  return block(1, joined({words({protocol, length, 4}), opaque(octets)}));
}

/// Of agent 192.0.2.99, sub-agent 7, up for a day.
inline Bytes datagram(std::uint32_t sequence, const std::vector<Bytes>& samples) {
  return joined({words({5, 1, 0xc0000263, 7, sequence, 86'400'000}), with_count(samples)});
}

}  // namespace weir::test::sflow
