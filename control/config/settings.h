// Settings: the configuration after validation, in the units the program computes with. Made from a weir.v1.Config
// (the file of --config, then the command line, then the defaults of config.proto) by control/config/config.h.
//
// A member's initial value means "none": the defaults are config.proto's alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/idle_choice.h"
#include "control/config/input_source.h"
#include "control/config/monitor_blocks.h"
#include "control/config/overflow_limits.h"
#include "control/config/reject_target.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/rss_hash.h"
#include "proto/base/ip_address.h"
#include "proto/schema/control_address.h"

namespace weir {

struct Settings {
  FlowSettings flow;
  std::string key_list;     ///< as given; flow.key is made of it
  std::string metric_list;  ///< as given; flow.metrics is made of it
  std::string sample;       ///< as given; flow.sampling is made of it
  std::string sample_key;   ///< likewise; empty: none
  std::uint16_t community_id_seed = 0;
  std::vector<MonitorBlock> monitors;  ///< as given; monitor_plans() says what runs
  std::string tunnels;                 ///< as given; flow.parser.tunnels and flow.parser.udp_ports are made of it
  std::uint64_t max_flows = 0;         ///< all workers together
  unsigned workers = 0;
  OverflowLimits overflow;
  std::string filter;        ///< empty: none
  std::string frame_filter;  ///< likewise
  std::vector<std::string> exports;
  std::string prefix_list;                ///< as given; prefix_files is made of it
  std::vector<std::string> prefix_files;  ///< empty: none
  std::string interfaces;                 ///< file, or "system"; empty: none
  IpAddress sampler_address;              ///< none: records do not name the probe
  std::string save_rejects;               ///< as given; rejects is made of it
  RejectTarget rejects;
  std::string ledger_file;  ///< empty: none; "-": standard output

  std::string input;            ///< as given; input_source is made of it
  InputSource input_source;     ///< of records, which take the place of packets
  OverflowLimits account;       ///< of such records
  bool account_others = false;  ///< those that are not IP are kept, too
  std::vector<std::string> ports;
  std::vector<std::string> pairs;  ///< as given; flow.pairs is made of them
  std::vector<unsigned> cores;     ///< empty: chosen
  RssHash rss = RssHash::addresses;
  IdleChoice idle = IdleChoice::automatic;
  std::string socket;            ///< always set after validation
  std::string socket_mode_text;  ///< as given; socket_mode is made of it
  unsigned socket_mode = 0;
  std::string socket_group;        ///< name or number; empty: that of the process
  std::string control;             ///< as given; control_address is made of it; empty: off
  ControlAddress control_address;  ///< where weirctl may ask over TCP
  std::string prometheus;          ///< address and port; empty: off
  std::string http;                ///< likewise
  std::string state_folder;        ///< empty: none
  std::string user;                ///< name or number; empty: that of the process
  std::uint64_t duration_ns = 0;   ///< 0: until a signal
  std::uint64_t stop_timeout_ns = 0;
  std::string eal_arguments;
  std::string config_file;  ///< that these settings come from; empty: none

  std::vector<std::string> captures;    ///< `read` only
  std::uint64_t max_reordering_ns = 0;  ///< `read` only
  std::uint32_t interface = 0;          ///< `read` only: of every packet; 0: unknown
  std::uint64_t explain_packet = 0;     ///< `read` only: explain this packet, counted from 1; 0: read
  bool explain_rejected = false;        ///< `read` only: name the packets of each reject
};

}  // namespace weir
