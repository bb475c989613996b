// What `weir run` looks at itself when it starts, and refuses to go on without: room for its tables, the kernel's
// samples, the user of --user, the certificates of --control, the folder of --state, the group of the control socket,
// sockets of memif.
//
// A check opens what `run` opens, and closes it again; nothing is made. Tables are mapped, not touched.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "control/config/settings.h"
#include "control/doctor/finding.h"
#include "control/probe/memory_room.h"
#include "proto/schema/control_address.h"

namespace weir {

/// The memory of the flow tables of all monitors and workers, compared with what there is.
void check_tables(const Settings& settings, const MemoryRoom& room, Findings& out);

/// The kernel has psample, and lets this user take its packets (--input psample).
void check_samples(Findings& out);

/// Whether there is the user of --user; from then on files are looked at with its rights.
void act_as_user(const Settings& settings, Findings& out);

/// The files of --control: there, in PEM, certificate and key of each other, in their time. `now`: seconds since 1970.
void check_control_keys(const ControlAddress& address, std::time_t now, Findings& out);

/// The folder of --state can be made or written to, and no other weir has it.
void check_state(const std::string& folder, Findings& out);

/// The group of --socket-group is there, and this user may give the socket to it.
void check_socket_group(const std::string& group, Findings& out);

/// `path`: the socket file of a memif server (control/probe/memif_socket.h). Nobody serves it, and it can be made.
void check_memif_server(const std::string& port, const std::string& path, Findings& out);

}  // namespace weir
