// What weir is to open and to reach: the ports that it listens on, the files that it writes and reads, its collectors.
//
// Nothing is sent and nothing is changed. A TCP connection is made and closed again; over UDP, where an answer is not
// to be had without sending, only the route is looked at.
#pragma once

#include <string>
#include <vector>

#include "control/doctor/finding.h"

namespace weir {

/// What of the settings is reached for.
struct Reach {
  std::vector<std::string> exports{};  ///< URIs that have been parsed without an error before
  std::vector<std::string> reads{};    ///< files
  std::vector<std::string> writes{};   ///< files besides those of the exports
  std::string socket{};                ///< of control; empty: none
  std::string prometheus{};            ///< ADDR:PORT; empty: off
  std::string http{};                  ///< likewise
  std::string control{};               ///< likewise, of --control
};

/// Waits at most two seconds for each collector over TCP, and as long as the system does for a name.
void check_reach(const Reach& reach, Findings& out);

/// Connects to a unix socket of this type and hangs up; 0, or errno. The path fits into a sockaddr_un.
int try_unix_socket(const std::string& path, int socket_type);

/// A file that is to be written: its folder is there, this user may write there, and there is room. `what` names it.
void check_written(const std::string& what, const std::string& file, Findings& out);

}  // namespace weir
