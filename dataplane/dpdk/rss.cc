#include "dataplane/dpdk/rss.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "dataplane/dpdk/port.h"

namespace weir::dpdk {
namespace {

constexpr std::uint64_t kAddresses = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |
                                     RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |
                                     RTE_ETH_RSS_IPV6_EX;
constexpr std::uint64_t kPorts = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                 RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
                                 RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP |
                                 RTE_ETH_RSS_IPV6_TCP_EX | RTE_ETH_RSS_IPV6_UDP_EX;
// A device hashes all IP packets by their addresses only when it has these two. Others (i40e) name each transport
// by itself and hash its ports with it.
constexpr std::uint64_t kWholeIp = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;

constexpr std::size_t kDefaultKeyOctets = 40;

// These announce RSS types and spread by nothing or by the kernel's own hash.
constexpr std::array<std::string_view, 2> kHashNothing{"net_null", "net_tap"};

std::size_t key_octets(const rte_eth_dev_info& info) {
  return info.hash_key_size == 0 ? kDefaultKeyOctets : info.hash_key_size;
}

}  // namespace

RssRequest rss_request(const Port& port, const rte_eth_dev_info& info, const PortPlan& plan) {
  RssRequest request{RssHash::none, {}, 0};
  if (plan.receive_queues < 2 || plan.rss == RssHash::none) return request;
  if (std::find(kHashNothing.begin(), kHashNothing.end(), port.driver) != kHashNothing.end()) return request;
  const std::uint64_t offered = info.flow_type_rss_offloads;
  if ((offered & (kAddresses | kPorts)) == 0) return request;
  if (plan.rss == RssHash::addresses && (offered & kWholeIp) == kWholeIp) {
    request.wanted = RssHash::addresses;
    request.functions = offered & kAddresses;
  } else {
    request.wanted = RssHash::ports;
    request.functions = offered & (kAddresses | kPorts);
  }
  request.key = symmetric_key(key_octets(info));
  return request;
}

namespace {

/// The device's redirection table, every entry selected and handed to `action`.
class RedirectionTable {
 public:
  explicit RedirectionTable(std::uint16_t size)
      : size_(size), groups_((size + RTE_ETH_RETA_GROUP_SIZE - 1) / RTE_ETH_RETA_GROUP_SIZE) {}

  template <typename Action>
  void for_all(Action action) {
    for (unsigned i = 0; i < size_; ++i) {
      rte_eth_rss_reta_entry64& group = groups_[i / RTE_ETH_RETA_GROUP_SIZE];
      group.mask |= 1ULL << (i % RTE_ETH_RETA_GROUP_SIZE);
      action(i, group.reta[i % RTE_ETH_RETA_GROUP_SIZE]);
    }
  }
  rte_eth_rss_reta_entry64* data() { return groups_.data(); }

 private:
  std::uint16_t size_;
  std::vector<rte_eth_rss_reta_entry64> groups_;
};

}  // namespace

void set_redirection(Port& port, const rte_eth_dev_info& info) {
  if (info.reta_size != 0) {
    RedirectionTable table(info.reta_size);
    table.for_all(
        [&port](unsigned i, std::uint16_t& queue) { queue = static_cast<std::uint16_t>(i % port.receive_queues); });
    // Read the table back: a refusal shows only there.
    rte_eth_dev_rss_reta_update(port.id, table.data(), info.reta_size);
  }
  port.rss = read_rss(port);
  port.rss_hash = port.rss.hash;
}

RssState read_rss(const Port& port) {
  RssState state{RssHash::none, {}, {}, port.receive_queues};
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port.id, &info) != 0) return state;
  std::vector<std::uint8_t> key(key_octets(info));
  rte_eth_rss_conf conf{};
  conf.rss_key = key.data();
  conf.rss_key_len = static_cast<std::uint8_t>(key.size());
  if (rte_eth_dev_rss_hash_conf_get(port.id, &conf) != 0) return state;
  state.key = key;
  if (info.reta_size != 0) {
    RedirectionTable table(info.reta_size);
    table.for_all([](unsigned, std::uint16_t& queue) { queue = 0; });
    if (rte_eth_dev_rss_reta_query(port.id, table.data(), info.reta_size) == 0) {
      table.for_all([&state](unsigned, const std::uint16_t& queue) { state.redirection.push_back(queue); });
    }
  }
  if (key != symmetric_key(key.size()) || (conf.rss_hf & (kAddresses | kPorts)) == 0) return state;
  const bool addresses = (conf.rss_hf & kPorts) == 0 && (conf.rss_hf & kWholeIp) == kWholeIp;
  state.hash = addresses ? RssHash::addresses : RssHash::ports;
  return state;
}

}  // namespace weir::dpdk
