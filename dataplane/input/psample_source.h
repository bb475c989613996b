// PsampleSource: packets that the kernel samples, as a worker polls them.
//
// A datagram of netlink holds one or more messages, and a message a packet. Up to a burst of datagrams is read at once,
// and lies here until all its packets were handed on. The facts that come with a packet lie in facts(), by the packet's
// place in the burst (dataplane/flow/sample_facts.h). A receiver that falls behind loses packets in the kernel: the
// socket says so once (ENOBUFS), and the numbers of each group tell how many.
//
// Packets of groups that --input does not name, and of groups beyond the first 255, are none of weir's, and no part of
// its ledger: they are counted beside it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/flow/sample_facts.h"
#include "dataplane/input/interface_types.h"
#include "dataplane/input/live_source.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/input/psample_message.h"
#include "dataplane/input/psample_socket.h"
#include "dataplane/mailbox.h"

namespace weir {

/// What is known of a group.
struct PsampleGroup {
  std::uint32_t group = 0;
  std::uint32_t rate = 0;     ///< of its last packet; 0: the message does not say
  std::uint64_t samples = 0;  ///< packets that were handed on
  std::uint64_t octets = 0;   ///< of their frames
  std::uint64_t missing = 0;  ///< that the kernel made and that never came
};

struct PsampleTotals {
  std::uint64_t overruns = 0;         ///< ENOBUFS
  std::uint64_t malformed = 0;        ///< messages
  std::uint64_t other_groups = 0;     ///< packets of groups that were not asked for
  std::uint64_t groups_left_out = 0;  ///< packets of groups for which there is no place
  int error = 0;                      ///< errno of the last receive() that failed otherwise; 0: none did
  std::vector<PsampleGroup> groups;   ///< in the order in which they came
};

class PsampleSource final : public LiveSource {
 public:
  static constexpr std::size_t kBurst = 32;
  /// The longest message: a packet of 64 KiB, the kernel's most, and the attributes beside it.
  static constexpr std::size_t kDatagramOctets = (std::size_t{64} << 10) + 4096;

  /// `groups`: those whose packets are taken; empty: all. `frame_filter`: of --frame-filter; empty: none.
  PsampleSource(std::unique_ptr<PsampleDatagrams> datagrams, std::uint16_t family, std::vector<std::uint32_t> groups,
                const std::string& frame_filter = {}, InterfaceTypes types = InterfaceTypes());

  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override;
  void release() override {}
  bool wait() override;

  /// By PacketView::ingress_interface, until the next receive().
  [[nodiscard]] const SampleFacts* facts() const { return facts_.data(); }

  /// Asked by another thread; answered in receive().
  [[nodiscard]] SnapshotBox<PsampleTotals>& snapshots() { return snapshots_; }
  /// A copy: only from the worker's thread, or while it rests.
  [[nodiscard]] PsampleTotals totals() const;

 private:
  struct Group {
    PsampleGroup known;
    PsampleSequence sequence;
  };

  void fetch();
  [[nodiscard]] bool take(std::span<const std::uint8_t>& datagram, std::size_t place, PacketView& view,
                          std::uint64_t now_ns);
  [[nodiscard]] std::optional<unsigned> group_at(std::uint32_t group);
  [[nodiscard]] bool wanted(std::uint32_t group) const;
  void set_facts(const PsampleSample& sample, unsigned group_place, SampleFacts& facts) const;

  std::unique_ptr<PsampleDatagrams> datagrams_;
  std::uint16_t family_;
  std::vector<std::uint32_t> wanted_;  ///< sorted
  std::optional<LinkFilter> frame_filter_;
  InterfaceTypes types_;
  std::vector<Group> groups_;  ///< by place, less 1; has room for all
  unsigned last_place_ = 0;    ///< in groups_, of the last packet
  PsampleTotals totals_;       ///< but for the groups

  std::vector<std::uint8_t> octets_;                          ///< kBurst datagrams
  std::array<std::span<const std::uint8_t>, kBurst> left_{};  ///< of each datagram: what was not looked at yet
  std::size_t at_ = 0;                                        ///< the next datagram
  std::size_t held_ = 0;                                      ///< datagrams
  std::array<SampleFacts, kBurst> facts_{};
  SnapshotBox<PsampleTotals> snapshots_;
};

}  // namespace weir
