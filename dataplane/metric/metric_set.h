// MetricSet: the metrics of a shard, those that are on and those that are off.
//
// The list of metrics is known to the compiler, which of them are on only at run time: a packet is offered to each of
// them by a fold over the list that tests a bit, and nothing is called through a pointer. The states of the metrics
// that are on lie in lines after the flow's entry and in its slot (metric_layout.h). A shard with no metric on has
// neither line nor slot, and its loop has nothing of this in it.
//
// Most flows have nothing for a metric of payload. Its part of a slot is not even cleared when a flow begins, but with
// the first packet that it sees; `Begun`, at the front of the slot, says for which metrics that was. What never began
// is not asked for its sections either.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "dataplane/metric/metric.h"
#include "dataplane/metric/metric_layout.h"
#include "dataplane/read_ahead.h"
#include "proto/base/tcp_flags.h"

namespace weir {

/// What `weir metrics` says of one.
struct MetricInfo {
  std::string_view name;
  std::string_view meaning;
  std::uint32_t sections;     ///< bits of those that it may fill
  std::uint32_t borrowed;     ///< bits of those of other metrics that its records may have, too
  std::uint16_t line_octets;  ///< of the metric lines
  std::uint16_t slot_octets;
  std::uint16_t pool_octets;  ///< of the pool, at most
  MetricParameter parameter;
};

template <typename... Metrics>
class MetricSet {
 public:
  static constexpr std::size_t kCount = sizeof...(Metrics);
  static constexpr std::size_t kLineOctets = MetricLayout<kCount>::kLineOctets;
  static constexpr std::uint32_t kAll = (std::uint32_t{1} << kCount) - 1;

  template <typename T>
  static constexpr std::uint16_t kOctetsOf = std::is_empty_v<T> ? 0 : (sizeof(T) + 7) / 8 * 8;
  template <typename M>
  static constexpr bool kHasLinePerSide = requires {
    M::kLinePerSide;
  };
  /// With all metrics on. Each line that a packet touches is a cache miss of it where flows are many.
  static constexpr std::size_t kMostCommonLines =
      ((std::size_t{0} + ... + (kHasLinePerSide<Metrics> ? 0 : kOctetsOf<typename Metrics::State>)) + kLineOctets - 1) /
      kLineOctets;
  static constexpr std::size_t kMostSideLines = (std::size_t{0} + ... + (kHasLinePerSide<Metrics> ? 1 : 0));
  static constexpr std::size_t kMostLines = kMostCommonLines + 2 * kMostSideLines;
  static_assert(kMostCommonLines + kMostSideLines <= 5, "what most packets touch of all metrics is few lines");
  static_assert(((!kHasLinePerSide<Metrics> || sizeof(typename Metrics::State) == 2 * kLineOctets) && ...));
  static_assert(kCount < 32, "a bit for each");
  static_assert((std::is_trivially_copyable_v<typename Metrics::State> && ...));
  static_assert((std::is_trivially_copyable_v<typename Metrics::Slot> && ...));
  static_assert(((alignof(typename Metrics::State) <= 8 && alignof(typename Metrics::Slot) <= 8) && ...),
                "states lie at multiples of 8 octets");

  template <typename M>
  static constexpr MetricParameter parameter_of() {
    if constexpr (requires { M::kParameter; }) {
      return M::kParameter;
    } else {
      return {};
    }
  }
  template <typename M>
  static constexpr std::uint32_t borrowed_of() {
    if constexpr (requires { M::kBorrowedSections; }) {
      return M::kBorrowedSections;
    } else {
      return 0;
    }
  }
  template <typename M>
  static constexpr std::uint16_t pool_octets_of() {
    if constexpr (requires { M::kPoolLines; }) {
      return M::kPoolLines * LinePool::kLineOctets;
    } else {
      return 0;
    }
  }

  /// By bit.
  static constexpr std::array<MetricInfo, kCount> kInfos{MetricInfo{
      Metrics::kName, Metrics::kMeaning, Metrics::kSections, borrowed_of<Metrics>(), kOctetsOf<typename Metrics::State>,
      kOctetsOf<typename Metrics::Slot>, pool_octets_of<Metrics>(), parameter_of<Metrics>()}...};

  MetricSet() = default;
  /// `enabled`: bit n is the n-th metric.
  explicit MetricSet(std::uint32_t enabled, const MetricParameters& parameters = {})
      : enabled_(enabled & kAll), parameters_(parameters), layout_(enabled_, {room_of<Metrics>()...}) {}

  MetricSettings settings;

  /// These and one more.
  template <typename M>
  [[nodiscard]] MetricSet with() const {
    constexpr std::array<bool, kCount> kIsIt{std::is_same_v<M, Metrics>...};
    std::uint32_t enabled = enabled_;
    for (std::size_t i = 0; i < kCount; ++i) enabled |= std::uint32_t{kIsIt[i]} << i;
    MetricSet set(enabled, parameters_);
    set.settings = settings;
    return set;
  }

  [[nodiscard]] bool any() const { return enabled_ != 0; }
  [[nodiscard]] std::uint32_t enabled() const { return enabled_; }
  /// Lines of a flow, after its entry.
  [[nodiscard]] std::size_t lines() const { return layout_.lines; }
  /// Octets of a flow's slot, as whole lines.
  [[nodiscard]] std::size_t slot_octets() const { return layout_.slot_octets; }
  /// Calls visit(line) with each line that a packet of this side touches.
  template <typename Visit>
  void for_each_line(unsigned side, Visit&& visit) const {
    for (std::size_t i = 0; i < layout_.common_lines; ++i) visit(i);
    for (std::size_t i = layout_.common_lines; i + 1 < layout_.lines; i += 2) visit(i + side);
  }

  [[nodiscard]] const MetricParameters& parameters() const { return parameters_; }
  /// Lines of the pool of a worker with room for so many flows; 0: no metric that is on has any.
  [[nodiscard]] std::uint64_t pool_lines(std::uint64_t flows) const {
    std::uint64_t lines = 0;
    for_each([&]<typename M>(std::size_t /*index*/) {
      if constexpr (requires { M::pool_lines(flows, parameters_); }) lines += M::pool_lines(flows, parameters_);
    });
    return lines;
  }

  /// Whether a metric that is on looks at payload.
  [[nodiscard]] bool wants_payload() const {
    bool wants = false;
    for_each([&]<typename M>(std::size_t /*index*/) { wants |= kWantsPayload<M>; });
    return wants;
  }
  /// How many octets of the packet's payload may be wanted; 0: none. Its key is that of the frame, whatever --key says.
  [[nodiscard]] std::uint32_t wanted_payload(const ParsedPacket& packet) const {
    std::uint32_t octets = 0;
    for_each([&]<typename M>(std::size_t /*index*/) {
      if constexpr (kWantsPayload<M>) octets = std::max(octets, M::wanted_payload(packet, parameters_));
    });
    return octets;
  }

  /// By index, for the receiver of packets: a watch for each metric that is on and watches streams; the others have
  /// none, which is no memory. What a metric says of a flow does not depend on which others are on.
  [[nodiscard]] std::vector<StreamWatch> make_watches(const KeyHash& hash) const {
    std::vector<StreamWatch> watches(kCount, StreamWatch(hash, false));
    for_each([&]<typename M>(std::size_t index) {
      if constexpr (kWatches<M>) watches[index] = StreamWatch(hash, true);
    });
    return watches;
  }
  /// The packet's payload was found: says which metrics see it, and cuts it to what they want. Without octets: none
  /// does.
  void choose_payload(const ParsedPacket& packet, PacketFacts& facts, std::vector<StreamWatch>& watches) const {
    PacketPayload& payload = facts.payload;
    if (payload.octets == nullptr) return;
    std::uint32_t wanted_by = 0;
    std::uint32_t most = 0;
    for_each([&]<typename M>(std::size_t index) {
      if constexpr (kWantsPayload<M>) {
        std::uint32_t octets = M::wanted_payload(packet, parameters_);
        if (octets == 0) return;
        if constexpr (requires { M::recognised_octets(packet, facts, parameters_); }) {
          octets = M::recognised_octets(packet, facts, parameters_);
          if (octets == 0) return;
        } else if constexpr (kWatches<M>) {
          if (!M::recognises(packet, facts, watches[index])) return;
        } else if constexpr (requires { M::recognises(packet, facts); }) {
          if (!M::recognises(packet, facts)) return;
        }
        wanted_by |= std::uint32_t{1} << index;
        most = std::max(most, octets);
      }
    });
    if (wanted_by == 0) {
      payload = {};
    } else {
      payload.captured = std::min(payload.captured, most);
      payload.wanted_by = wanted_by;
    }
  }

  /// A flow begins.
  void begin(std::uint8_t* line, std::uint8_t* slot) const {
    std::memset(line, 0, layout_.lines * kLineOctets);
    if (layout_.late != 0) *reinterpret_cast<Begun*>(slot) = {};
    for_each([&]<typename M>(std::size_t index) {
      if constexpr (!kBeginsLate<M>) clear_slot<M>(slot, index);
    });
  }
  /// The flow was reported and goes on: its next record begins.
  void restart(std::uint8_t* line, std::uint8_t* slot) const {
    for_each([&]<typename M>(std::size_t index) {
      if (!began<M>(slot, index)) return;
      auto& state = at<typename M::State>(line, layout_.line_at[index]);
      auto& rest = at<typename M::Slot>(slot, layout_.slot_at[index]);
      if constexpr (requires { M::restart(state, rest); }) {
        M::restart(state, rest);
      } else {
        if constexpr (kOctetsOf<typename M::State> != 0) std::memset(static_cast<void*>(&state), 0, sizeof state);
        clear_slot<M>(slot, index);
      }
    });
  }
  /// The flow's record was written, or lost: what it has of the pool is free again.
  void release(std::uint8_t* line, std::uint8_t* slot, LinePool& pool) const {
    for_each([&]<typename M>(std::size_t index) {
      if (!began<M>(slot, index)) return;
      auto& state = at<typename M::State>(line, layout_.line_at[index]);
      auto& rest = at<typename M::Slot>(slot, layout_.slot_at[index]);
      if constexpr (requires { M::release(state, rest, pool); }) M::release(state, rest, pool);
    });
  }
  /// A packet of the flow. A metric of payload sees those whose payload it wants.
  [[nodiscard, gnu::always_inline]] Verdict update(std::uint8_t* line, std::uint8_t* slot,
                                                   const MetricInput& input) const {
    bool ends = false;
    for_each([&]<typename M>(std::size_t index) __attribute__((always_inline)) {
      if constexpr (!kWantsPayload<M>) {
        ends |= M::update(at<typename M::State>(line, layout_.line_at[index]),
                          at<typename M::Slot>(slot, layout_.slot_at[index]), input) == Verdict::ends;
      }
    });
    if (input.facts.payload.wanted_by != 0) [[unlikely]]
      ends |= update_by_payload(line, slot, input);
    return ends ? Verdict::ends : Verdict::goes_on;
  }
  /// A packet is about to be shown, and the flow's lines are there: reads what else its metrics will touch.
  [[gnu::always_inline]] void read_ahead(const std::uint8_t* line, const std::uint8_t* slot,
                                         const MetricInput& input) const {
    const auto ask = [&]<typename M>(std::size_t index) __attribute__((always_inline)) {
      if constexpr (kReadsAhead<M>) {
        if ((enabled_ >> index & 1) == 0) return;
        M::read_ahead(at<typename M::State>(line, layout_.line_at[index]),
                      at<typename M::Slot>(slot, layout_.slot_at[index]), input);
      }
    };
    [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
      (ask.template operator()<Metrics>(kIndex), ...);
    }
    (std::make_index_sequence<kCount>{});
  }
  /// Reads what is touched of the slot of a packet that opens or closes, or whose payload is wanted. It may be asked
  /// before any line of the flow is there.
  [[gnu::always_inline]] void read_slot_ahead(const std::uint8_t* slot, const ParsedPacket& packet,
                                              const PacketFacts& facts) const {
    constexpr unsigned kEdges = kTcpSyn | kTcpFin | kTcpRst;
    const std::uint32_t wanted_by = facts.payload.wanted_by;
    if ((packet.tcp_flags & kEdges) != 0) weir::read_ahead(slot + layout_.early_at, layout_.early_octets);
    if (wanted_by == 0) return;
    if (layout_.late != 0) weir::read_ahead(slot);
    for_each([&]<typename M>(std::size_t index) {
      if constexpr (kBeginsLate<M>) {
        if ((wanted_by >> index & 1) != 0) weir::read_ahead(slot + layout_.slot_at[index], sizeof(typename M::Slot));
      }
    });
  }
  /// Whether a metric that is on wants to know what ICMP errors quote.
  [[nodiscard]] bool wants_icmp_errors() const {
    bool wants = false;
    for_each([&]<typename M>(std::size_t /*index*/) { wants |= kWantsQuotes<M>; });
    return wants;
  }
  /// An ICMP error that quotes a packet of the flow.
  [[nodiscard]] Verdict quoted(std::uint8_t* line, std::uint8_t* slot, const IcmpError& error,
                               std::uint64_t now_ns) const {
    const QuoteInput input{error, settings, static_cast<unsigned>(error.quoted.from), now_ns};
    bool ends = false;
    for_each([&]<typename M>(std::size_t index) {
      if constexpr (kWantsQuotes<M>) {
        static_assert(!kBeginsLate<M>, "it would have to begin here, too");
        ends |= M::quoted(at<typename M::State>(line, layout_.line_at[index]),
                          at<typename M::Slot>(slot, layout_.slot_at[index]), input) == Verdict::ends;
      }
    });
    return ends ? Verdict::ends : Verdict::goes_on;
  }
  /// Bits of the sections that the flow's record has.
  [[nodiscard]] std::uint32_t sections(std::uint8_t protocol, const std::uint8_t* line,
                                       const std::uint8_t* slot) const {
    std::uint32_t bits = 0;
    for_each([&]<typename M>(std::size_t index) {
      if (!M::applies(protocol) || !began<M>(slot, index)) return;
      bits |= M::sections(at<typename M::State>(line, layout_.line_at[index]),
                          at<typename M::Slot>(slot, layout_.slot_at[index]));
    });
    return bits;
  }
  /// Fills the record's sections. A metric of none of whose sections are there is not asked.
  void finish(const std::uint8_t* line, const std::uint8_t* slot, const MetricOutput& output) const {
    for_each([&]<typename M>(std::size_t index) {
      if ((output.record.sections & M::kSections) == 0 || !began<M>(slot, index)) return;
      M::finish(at<typename M::State>(line, layout_.line_at[index]), at<typename M::Slot>(slot, layout_.slot_at[index]),
                output);
    });
  }

 private:
  template <typename M>
  static constexpr bool kWantsPayload = requires(const ParsedPacket& packet, const MetricParameters& parameters) {
    M::wanted_payload(packet, parameters);
  };

  template <typename M>
  static constexpr bool kWatches = requires(const ParsedPacket& packet, const PacketFacts& facts, StreamWatch& watch) {
    M::recognises(packet, facts, watch);
  };

  template <typename M>
  static constexpr bool kReadsAhead = requires(const typename M::State& state, const typename M::Slot& slot,
                                               const MetricInput& input) {
    M::read_ahead(state, slot, input);
  };

  /// Says whether one of the metrics of payload ends the flow.
  [[nodiscard, gnu::noinline]] bool update_by_payload(std::uint8_t* line, std::uint8_t* slot,
                                                      const MetricInput& input) const {
    const std::uint32_t wanted_by = input.facts.payload.wanted_by & enabled_;
    bool ends = false;
    const auto show = [&]<typename M>(std::size_t index) {
      if constexpr (kWantsPayload<M>) {
        if ((wanted_by >> index & 1) == 0) return;
        if (!began<M>(slot, index)) begin_late<M>(slot, index);
        ends |= M::update(at<typename M::State>(line, layout_.line_at[index]),
                          at<typename M::Slot>(slot, layout_.slot_at[index]), input) == Verdict::ends;
      }
    };
    [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
      (show.template operator()<Metrics>(kIndex), ...);
    }
    (std::make_index_sequence<kCount>{});
    return ends;
  }

  /// Octets of the slot that are 0 when a record begins: all, or as many as the metric says.
  template <typename M>
  static constexpr std::size_t kCleared = [] {
    if constexpr (requires { M::kClearedOctets; }) {
      return std::size_t{M::kClearedOctets};
    } else {
      return std::size_t{kOctetsOf<typename M::Slot>};
    }
  }();

  template <typename M>
  static constexpr bool kWantsQuotes = requires(typename M::State& state, typename M::Slot& slot,
                                                const QuoteInput& input) {
    M::quoted(state, slot, input);
  };

  template <typename M>
  static constexpr MetricRoom room_of() {
    return {kOctetsOf<typename M::State>, kOctetsOf<typename M::Slot>, kHasLinePerSide<M>, kBeginsLate<M>};
  }

  /// At the front of a slot, where a metric that is on begins late.
  struct Begun {
    std::uint64_t bits;  ///< of the metrics whose part of the slot means something
  };
  /// Metrics of payload: a flow without any touches nothing of theirs.
  template <typename M>
  static constexpr bool kBeginsLate =
      kWantsPayload<M>&& std::is_empty_v<typename M::State> && !std::is_empty_v<typename M::Slot>;

  template <typename M>
  [[nodiscard]] static bool began(const std::uint8_t* slot, std::size_t index) {
    if constexpr (kBeginsLate<M>) {
      return (reinterpret_cast<const Begun*>(slot)->bits >> index & 1) != 0;
    } else {
      return true;
    }
  }
  template <typename M>
  void begin_late(std::uint8_t* slot, std::size_t index) const {
    reinterpret_cast<Begun*>(slot)->bits |= std::uint64_t{1} << index;
    clear_slot<M>(slot, index);
  }
  /// Where no metric has a slot, `slot` is no memory.
  template <typename M>
  void clear_slot(std::uint8_t* slot, std::size_t index) const {
    if constexpr (kCleared<M> != 0) std::memset(slot + layout_.slot_at[index], 0, kCleared<M>);
  }
  /// After each metric that is on, one branch asks whether a later one is: most that are on come first, and a packet
  /// pays for none of those that come after them.
  template <typename Visit>
  [[gnu::always_inline]] void for_each(Visit&& visit) const {
    [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
      (void)(((enabled_ >> kIndex & 1) != 0 &&
              (visit.template operator()<Metrics>(kIndex), enabled_ >> kIndex >> 1 == 0)) ||
             ...);
    }
    (std::make_index_sequence<kCount>{});
  }
  /// The state of a metric. An empty one has no place in memory: any object will do.
  template <typename T>
  static T& at(std::uint8_t* memory, std::size_t offset) {
    if constexpr (std::is_empty_v<T>) {
      static T nothing;
      return nothing;
    } else {
      return *reinterpret_cast<T*>(memory + offset);
    }
  }
  template <typename T>
  static const T& at(const std::uint8_t* memory, std::size_t offset) {
    if constexpr (std::is_empty_v<T>) {
      static const T nothing{};
      return nothing;
    } else {
      return *reinterpret_cast<const T*>(memory + offset);
    }
  }

  std::uint32_t enabled_ = 0;
  MetricParameters parameters_;
  MetricLayout<kCount> layout_;
};

}  // namespace weir
