// MetricSet: the metrics of a shard, those that are on and those that are off.
//
// The list of metrics is known to the compiler, which of them are on only at run time: a packet is offered to each of
// them by a fold over the list that tests a bit, and nothing is called through a pointer. The states of the metrics
// that are on lie side by side in as few lines as hold them (64 octets each, after the flow's entry); the slot holds
// the rest of theirs. A shard with no metric on has neither line nor slot, and its loop has nothing of this in it.
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
  static constexpr std::size_t kLineOctets = 64;
  static constexpr std::uint32_t kAll = (std::uint32_t{1} << kCount) - 1;

  template <typename T>
  static constexpr std::uint16_t kOctetsOf = std::is_empty_v<T> ? 0 : (sizeof(T) + 7) / 8 * 8;
  /// With all metrics on. Each line is a cache miss of every packet where flows are many.
  static constexpr std::size_t kMostLines =
      ((std::size_t{0} + ... + kOctetsOf<typename Metrics::State>)+kLineOctets - 1) / kLineOctets;
  static_assert(kMostLines <= 3, "what most packets touch of all metrics is few lines");
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
      : enabled_(enabled & kAll), parameters_(parameters) {
    std::size_t line = 0;
    std::size_t slot = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      if ((enabled_ >> i & 1) == 0) continue;
      line_at_[i] = static_cast<std::uint16_t>(line);
      line += kInfos[i].line_octets;
      slot_at_[i] = static_cast<std::uint16_t>(slot);
      slot += kInfos[i].slot_octets;
    }
    lines_ = enabled_ == 0 ? 0 : std::max<std::size_t>((line + kLineOctets - 1) / kLineOctets, 1);
    slot_octets_ = slot;
  }

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
  [[nodiscard]] std::size_t lines() const { return lines_; }
  /// Octets of a flow's slot.
  [[nodiscard]] std::size_t slot_octets() const { return slot_octets_; }

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
    std::memset(line, 0, lines_ * kLineOctets);
    for_each([&]<typename M>(std::size_t index) { clear_slot<M>(slot, index); });
  }
  /// The flow was reported and goes on: its next record begins.
  void restart(std::uint8_t* line, std::uint8_t* slot) const {
    for_each([&]<typename M>(std::size_t index) {
      auto& state = at<typename M::State>(line, line_at_[index]);
      auto& rest = at<typename M::Slot>(slot, slot_at_[index]);
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
      auto& state = at<typename M::State>(line, line_at_[index]);
      auto& rest = at<typename M::Slot>(slot, slot_at_[index]);
      if constexpr (requires { M::release(state, rest, pool); }) M::release(state, rest, pool);
    });
  }
  /// A packet of the flow. A metric of payload sees those whose payload it wants.
  [[nodiscard, gnu::always_inline]] Verdict update(std::uint8_t* line, std::uint8_t* slot,
                                                   const MetricInput& input) const {
    bool ends = false;
    for_each([&]<typename M>(std::size_t index) __attribute__((always_inline)) {
      if constexpr (kWantsPayload<M>) {
        if ((input.facts.payload.wanted_by >> index & 1) == 0) [[likely]]
          return;
      }
      ends |= M::update(at<typename M::State>(line, line_at_[index]), at<typename M::Slot>(slot, slot_at_[index]),
                        input) == Verdict::ends;
    });
    return ends ? Verdict::ends : Verdict::goes_on;
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
        ends |= M::quoted(at<typename M::State>(line, line_at_[index]), at<typename M::Slot>(slot, slot_at_[index]),
                          input) == Verdict::ends;
      }
    });
    return ends ? Verdict::ends : Verdict::goes_on;
  }
  /// Bits of the sections that the flow's record has.
  [[nodiscard]] std::uint32_t sections(std::uint8_t protocol, const std::uint8_t* line,
                                       const std::uint8_t* slot) const {
    std::uint32_t bits = 0;
    for_each([&]<typename M>(std::size_t index) {
      if (!M::applies(protocol)) return;
      bits |= M::sections(at<typename M::State>(line, line_at_[index]), at<typename M::Slot>(slot, slot_at_[index]));
    });
    return bits;
  }
  /// Fills the record's sections. A metric of none of whose sections are there is not asked.
  void finish(const std::uint8_t* line, const std::uint8_t* slot, const MetricOutput& output) const {
    for_each([&]<typename M>(std::size_t index) {
      if ((output.record.sections & M::kSections) == 0) return;
      M::finish(at<typename M::State>(line, line_at_[index]), at<typename M::Slot>(slot, slot_at_[index]), output);
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

  /// Where no metric has a slot, `slot` is no memory.
  template <typename M>
  void clear_slot(std::uint8_t* slot, std::size_t index) const {
    if constexpr (kCleared<M> != 0) std::memset(slot + slot_at_[index], 0, kCleared<M>);
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
  std::size_t lines_ = 0;
  std::size_t slot_octets_ = 0;
  std::array<std::uint16_t, kCount> line_at_{};
  std::array<std::uint16_t, kCount> slot_at_{};
};

}  // namespace weir
