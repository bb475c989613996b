// What the metric `quic` (quic.h) keeps of a flow, and what both forms of the header do with it: the time of the
// handshake, the versions that a server lists, the spin bit.
//
// Round-trip times. Of the handshake: the client's first Initial to its first Handshake packet after one of the
// server's. Of the spin bit (RFC 9000 section 17.4, RFC 9312 section 3.8.2): from one edge to the next in the same
// direction; and from an edge to the next one of the other direction, which is the half from the probe to that end and
// back. An edge earlier than an eighth of the time that is known (of the handshake, or the mean of the samples) is one
// of reordered packets or of random bits and is overlooked; one later than eight times that tells of an idle
// application and makes no sample. These are heuristics of RFC 9312: changes in the series of times, with the
// handshake's at first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>

#include "dataplane/metric/metric.h"
#include "proto/base/byte_order.h"

namespace weir {

enum class QuicForm : std::uint8_t { unknown, today, of_2017 };

/// What most packets of a connection look at.
struct QuicState {
  std::uint32_t short_headers[2];  ///< by side, like all arrays here
  std::uint32_t id_tags[2];        ///< of the destination connection ID of the last short header; 0: none
  std::uint8_t id_octets_1[2];     ///< its length, plus 1, which the other side chose; 0: not known
  std::uint8_t spin_known[2];
  std::uint8_t spin[2];
  QuicForm form;
  std::uint8_t reserved;
};

/// What is kept of a side.
struct QuicEndState {
  std::uint64_t edge_ns;  ///< of its spin bit; 0: none was seen
  std::uint64_t spin_min_ns;
  std::uint64_t spin_sum_ns;
  std::uint64_t half_min_ns;    ///< 0: none
  std::uint64_t packet_number;  ///< of 2017: the greatest
  std::uint32_t spin_samples;
  std::uint32_t initial;
  std::uint32_t handshake;
  std::uint32_t id_changes;
  std::uint8_t source_id_octets;
  std::uint8_t destination_id_octets;
  std::uint8_t measurement_byte;
  std::uint8_t key_phase_1;  ///< plus 1; 0: there was no short header
  bool has_ids;
  bool has_number;
  bool sent_handshake;
  std::uint8_t reserved;
};

/// Of each flow. It is not among what every packet of any flow fetches: there the metrics for TCP fill two cache lines.
struct QuicSlot {
  QuicState state;
  QuicEndState ends[2];
  std::uint64_t start_ns;  ///< of the handshake
  std::uint64_t handshake_ns;
  std::uint32_t version;
  std::uint32_t zero_rtt;
  std::uint32_t retry;
  std::uint32_t version_negotiation;
  std::uint32_t truncated;
  std::uint32_t unknown_types;
  std::uint32_t offered[QuicHelloSection::kMostVersions];
  std::uint32_t first_line;  ///< of the pool: packets, each after its length
  std::uint32_t last_line;
  std::uint16_t packet_octets;
  std::uint8_t packets;
  std::uint8_t offered_versions;
  std::uint8_t client_1;  ///< the client's side, plus 1; 0: not known
  bool offered_cut;
  bool has_start;
  bool has_handshake;       ///< its time is known
  bool reported_handshake;  ///< in an earlier record
  std::uint8_t reserved[7];

  [[nodiscard]] std::uint32_t any_packet() const {
    return state.short_headers[0] | state.short_headers[1] | zero_rtt | retry | version_negotiation | truncated |
           unknown_types | ends[0].initial | ends[1].initial | ends[0].handshake | ends[1].handshake;
  }

  /// A Handshake packet, or one of 2017's cleartext packets.
  void see_handshake(unsigned side, std::uint64_t now_ns) {
    QuicEndState& end = ends[side];
    ++end.handshake;
    end.sent_handshake = true;
    if (has_handshake || !has_start || client_1 != side + 1) return;
    if (!ends[side ^ 1U].sent_handshake) {  // the server has the keys first: the client's first packet was not seen
      client_1 = static_cast<std::uint8_t>((side ^ 1U) + 1);
      has_start = false;
      return;
    }
    handshake_ns = now_ns >= start_ns ? now_ns - start_ns : 0;
    has_handshake = true;
  }

  /// Of the first packet that lists any. `listed`: how many it lists.
  void keep_versions(std::span<const std::uint8_t> versions, std::size_t listed) {
    if (offered_versions != 0) return;
    const std::size_t count = std::min(versions.size() / 4, QuicHelloSection::kMostVersions);
    for (std::size_t i = 0; i < count; ++i) offered[i] = load_be<std::uint32_t>(versions.data() + 4 * i);
    offered_versions = static_cast<std::uint8_t>(count);
    offered_cut = listed > count;
  }

  /// The spin bit of a side differs from what it was. False: that is no edge.
  bool see_edge(unsigned side, std::uint64_t now_ns) {
    constexpr std::uint64_t kFactor = 8;
    QuicEndState& end = ends[side];
    const QuicEndState& other = ends[side ^ 1U];
    if (end.edge_ns != 0) {
      std::uint64_t known_ns = has_handshake ? handshake_ns : 0;
      if (known_ns == 0 && end.spin_samples != 0) known_ns = end.spin_sum_ns / end.spin_samples;
      if (now_ns <= end.edge_ns || now_ns - end.edge_ns < known_ns / kFactor) return false;
      const std::uint64_t elapsed_ns = now_ns - end.edge_ns;
      if (known_ns == 0 || elapsed_ns / kFactor <= known_ns) {
        if (end.spin_samples == 0 || elapsed_ns < end.spin_min_ns) end.spin_min_ns = elapsed_ns;
        end.spin_sum_ns += elapsed_ns;
        ++end.spin_samples;
        if (other.edge_ns > end.edge_ns && other.edge_ns < now_ns) {
          const std::uint64_t half_ns = now_ns - other.edge_ns;
          end.half_min_ns = end.half_min_ns == 0 ? half_ns : std::min(end.half_min_ns, half_ns);
        }
      }
    }
    end.edge_ns = now_ns;
    return true;
  }
};
static_assert(std::has_unique_object_representations_v<QuicSlot> && sizeof(QuicSlot) <= 256,
              "a table of a million flows has as many");

}  // namespace weir
