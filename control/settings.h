// Settings: the configuration after validation, in the units the program computes with. Made from a
// weir.v1.Config (defaults, then --config, then the command line) by control/config.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/idle_choice.h"
#include "control/overflow_accounter.h"
#include "dataplane/flow/flow_shard.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/packet/parser_options.h"

namespace weir {

struct Settings {
  std::uint64_t idle_timeout_ns = 30'000'000'000;
  std::uint64_t active_timeout_ns = 300'000'000'000;
  bool tcp_close = true;
  std::uint64_t max_flows = 1'048'576;  ///< all workers together
  unsigned workers = 1;
  FullTable when_full = FullTable::evict;
  OverflowLimits overflow;
  KeyFields key;
  std::string key_list = "5tuple";  ///< as given; key is made of it
  Metrics metrics;
  std::string metric_list = "none";  ///< as given; metrics is made of it
  ParserOptions parser = ParserOptions::defaults();
  std::string tunnels = "default";  ///< as given; parser.tunnels and parser.udp_ports are made of it
  std::string filter;               ///< empty: none
  std::vector<std::string> exports;
  std::string ledger_file;  ///< empty: none; "-": standard output

  std::vector<std::string> ports;
  std::vector<unsigned> cores;  ///< empty: chosen
  bool rss_ports = false;
  IdleChoice idle = IdleChoice::automatic;
  std::string socket;             ///< always set after validation
  std::string prometheus;         ///< address and port; empty: off
  std::uint64_t duration_ns = 0;  ///< 0: until a signal
  std::string eal_arguments;

  std::vector<std::string> captures;  ///< `read` only
  std::uint64_t explain_packet = 0;   ///< `read` only: explain this packet, counted from 1; 0: read
};

}  // namespace weir
