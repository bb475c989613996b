// Receive-side scaling, set so that both directions of a conversation meet, and read back, since drivers agree to
// more than they do.
//
// Toeplitz is linear in key and input; with a key that repeats every 16 bits (0x6D5A, whose bits are spread well)
// swapping source and destination leaves the hash as it was. Hashing the addresses alone keeps fragments, which have
// no ports, and everything inside a tunnel with their conversation.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/dpdk/rss_check.h"
#include "dataplane/rss_hash.h"

struct rte_eth_dev_info;

namespace weir::dpdk {

struct Port;
struct PortPlan;

struct RssRequest {
  RssHash wanted;
  std::vector<std::uint8_t> key;
  std::uint64_t functions = 0;  ///< RTE_ETH_RSS_*
};

/// What to ask `port` for. RssHash::none: one queue only, or a device that does not spread by a hash of its own.
RssRequest rss_request(const Port& port, const rte_eth_dev_info& info, const PortPlan& plan);

/// Fills the redirection table, reads key, functions and table back, and sets port.rss and port.rss_hash to what the
/// device really has. The port is started.
void set_redirection(Port& port, const rte_eth_dev_info& info);

/// Reads key, functions and table from the device. RssHash::none: its key is not the symmetric one, or it hashes
/// nothing that weir knows.
RssState read_rss(const Port& port);

}  // namespace weir::dpdk
