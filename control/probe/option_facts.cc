#include "control/probe/option_facts.h"

#include <array>
#include <cstdint>
#include <string>

#include "dataplane/loss.h"

namespace weir {

PacketCount ignored_packets(const std::vector<WorkerCounters>& workers) {
  PacketCount ignored;
  for (const WorkerCounters& counters : workers) {
    for (const PacketCount& reject : counters.rejects) ignored += reject;
    ignored += all_monitors(counters).handover_full;
  }
  return ignored;
}

std::vector<NamedLoss> losses_before_exporters(const std::vector<WorkerCounters>& workers,
                                               const OverflowTotals& overflow) {
  std::array<RecordTotals, kLossCount> lost{};
  for (const WorkerCounters& worker : workers) {
    const WorkerCounters counters = all_monitors(worker);
    for (std::size_t i = 0; i < kLossCount; ++i) lost[i] += counters.lost[i];
  }
  lost[static_cast<std::size_t>(Loss::overflow_full)] += overflow.lost;  // the accounter's, not the workers'
  std::vector<NamedLoss> losses;
  losses.reserve(kLossCount);
  for (std::size_t i = 0; i < kLossCount; ++i) {
    losses.push_back({std::string(kLossTexts[i].name), lost[i].records, lost[i].packets, lost[i].octets});
  }
  return losses;
}

std::vector<InterfaceName> interfaces_of(const std::vector<dpdk::PortInfo>& ports) {
  std::vector<InterfaceName> interfaces;
  interfaces.reserve(ports.size());
  for (const dpdk::PortInfo& port : ports) {
    interfaces.push_back({static_cast<std::uint32_t>(interfaces.size() + 1),
                          port.interface.empty() ? port.name : port.interface, port.driver});
  }
  return interfaces;
}

}  // namespace weir
