// ServiceManager: what systemd hears of weir, where it is systemd that started it (Type=notify, sd_notify(3)).
//
// It hears when the probe receives packets, what the probe is doing, and, where the unit has WatchdogSec=, that all is
// well: as long as every worker polls. A worker that hangs is therefore a reason to start weir anew. Without systemd
// (no NOTIFY_SOCKET) nothing is sent.
//
// libsystemd's sd_notify() waits where the service manager does not read. This never waits: what finds no room is not
// said, and the probe goes on.
#pragma once

#include <string>

namespace weir::service_manager {

/// Packets are received from now on.
void tell_running();
/// The flow table is being emptied, and where weir `stops`, that it does: for as long as TimeoutStopSec= says.
void tell_emptying(bool stops);
/// One line for `systemctl status`.
void tell_status(const std::string& line);
/// Every worker polls. To be called more often than every half of WatchdogSec=.
void feed_watchdog();

}  // namespace weir::service_manager
