// VethPair: two network namespaces, weir's and the generator's, with a wire between them. Needs root and ip (iproute2).
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/process.h"

namespace weir::test {

class VethPair {
 public:
  VethPair() {
    if (!run_all({{"netns", "add", probe_}, {"netns", "add", generator_}})) return;
    for (const std::string& name : {probe_, generator_}) {
      // Else the interfaces send router solicitations among the test's packets.
      for (const char* which : {"all", "default"}) {
        const std::string setting = "net.ipv6.conf." + std::string(which) + ".disable_ipv6=1";
        if (run({"ip", "netns", "exec", name, "sysctl", "-qw", setting}).exit_code != 0) return;
      }
    }
    ok_ = run_all({{"link", "add", "wvp", "netns", probe_, "type", "veth", "peer", "name", "wvg", "netns", generator_},
                   {"-n", probe_, "link", "set", "lo", "up"},
                   {"-n", probe_, "link", "set", "wvp", "up"},
                   {"-n", generator_, "link", "set", "wvg", "up"}});
  }
  VethPair(const VethPair&) = delete;
  VethPair& operator=(const VethPair&) = delete;
  ~VethPair() {
    run({"ip", "netns", "del", probe_});
    run({"ip", "netns", "del", generator_});
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Wire wire() const {
    const std::string rings = ",qpairs=1,framesz=2048,blocksz=4096,framecnt=4096";
    return {"net_af_packet0,iface=wvp" + rings,
            "net_af_packet0,iface=wvg" + rings,
            {"ip", "netns", "exec", probe_},
            {"ip", "netns", "exec", generator_}};
  }
  /// Gives both ends an address: 10.77.0.1 the probe's, 10.77.0.2 the generator's.
  [[nodiscard]] bool give_addresses() const {
    return run_all({{"-n", probe_, "addr", "add", "10.77.0.1/24", "dev", "wvp"},
                    {"-n", generator_, "addr", "add", "10.77.0.2/24", "dev", "wvg"}});
  }
  /// Both interfaces go.
  [[nodiscard]] bool remove_interfaces() const { return run_all({{"-n", probe_, "link", "del", "wvp"}}); }
  /// Octets that the kernel counted at the probe's end, both ways.
  [[nodiscard]] std::uint64_t octets_at_probe() const {
    std::uint64_t octets = 0;
    for (const char* counter : {"rx_bytes", "tx_bytes"}) {
      const std::string file = std::string("/sys/class/net/wvp/statistics/") + counter;
      octets += std::stoull("0" + run({"ip", "netns", "exec", probe_, "cat", file}).out);
    }
    return octets;
  }

 private:
  static bool run_all(const std::vector<Arguments>& commands) {
    for (const Arguments& command : commands) {
      if (run(Arguments{"ip"} + command).exit_code != 0) return false;
    }
    return true;
  }

  std::string probe_ = "weir-test-p" + std::to_string(getpid());
  std::string generator_ = "weir-test-g" + std::to_string(getpid());
  bool ok_ = false;
};

}  // namespace weir::test
