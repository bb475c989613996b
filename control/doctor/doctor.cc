#include "control/doctor/doctor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "control/doctor/finding.h"
#include "control/doctor/machine.h"
#include "control/doctor/machine_checks.h"
#include "control/doctor/reach.h"
#include "control/doctor/run_checks.h"
#include "control/later_files.h"
#include "control/probe/cores.h"
#include "control/probe/memif_socket.h"
#include "control/probe/memory_room.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/rss_hash.h"
#include "proto/cpu/cpu_features.h"

namespace weir {
namespace {

std::uint64_t limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

Person this_person() {
  Person person;
  person.root = geteuid() == 0;
  person.locked_octets = limit_of(RLIMIT_MEMLOCK);
  person.open_files = limit_of(RLIMIT_NOFILE);
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "CapEff:") status >> std::hex >> person.capabilities;
  }
  return person;
}

ClockState this_clock() {
  timex state{};
  const int result = adjtimex(&state);
  return {result != -1 && result != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
          static_cast<std::uint64_t>(state.maxerror)};
}

Outfit outfit_of(const Settings& settings) {
  return {settings.ports, choose_cores(settings.cores, allowed_cpus(), settings.workers), !settings.cores.empty()};
}

/// `run` would take records in place of packets.
bool takes_records(const Settings& settings) {
  return settings.input_source.kind == InputSource::Kind::records_socket;
}

/// `run` would have no ports: it needs no EAL.
bool has_no_ports(const Settings& settings) {
  return takes_records(settings) || settings.input_source.kind == InputSource::Kind::samples;
}

Reach reach_of(const Settings& settings) {
  Reach reach{.exports = settings.exports,
              .reads = settings.prefix_files,
              .socket = settings.socket,
              .prometheus = settings.prometheus,
              .http = settings.http,
              .control = settings.control_address.host_port};
  if (!settings.interfaces.empty() && settings.interfaces != "system") reach.reads.push_back(settings.interfaces);
  if (!settings.ledger_file.empty()) reach.writes.push_back(settings.ledger_file);
  if (!settings.rejects.path.empty()) reach.writes.push_back(settings.rejects.path);
  if (takes_records(settings)) reach.writes.push_back(settings.input_source.path);
  return reach;
}

void check_capability(const dpdk::PortCapability& port, const Settings& settings, Findings& out) {
  const std::string subject = fmt::format("{} ({})", port.name, port.driver);
  if (port.receive_queues < settings.workers) {
    out.push_back({Health::problem,
                   "queues",
                   fmt::format("{}: at most {} receive queue{}, one for each of {} workers is asked for", subject,
                               port.receive_queues, port.receive_queues == 1 ? "" : "s", settings.workers),
                   {fmt::format("# give --workers {}", port.receive_queues)}});
  } else {
    out.push_back({Health::good,
                   "queues",
                   fmt::format("{}: up to {} receive queues of {} descriptors", subject, port.receive_queues,
                               port.receive_descriptors),
                   {}});
  }
  if (settings.workers == 1) return;
  const char* const hashed = settings.rss == RssHash::ports ? "ports" : "addresses";
  const bool able = settings.rss == RssHash::ports ? port.hashes_ports : port.hashes_addresses;
  if (able && port.tells_hash) {
    out.push_back({Health::good,
                   "rss",
                   fmt::format("{}: hashes {}, key of {} octets, table of {}", subject, hashed, port.key_octets,
                               port.table_entries),
                   {}});
    return;
  }
  if (able) {
    out.push_back({Health::advice,
                   "rss",
                   fmt::format("{}: hashes {}, but its driver does not tell by which key: workers hand packets over to "
                               "each other",
                               subject, hashed),
                   {"# nothing mends it: a driver that tells its key would"}});
    return;
  }
  out.push_back({Health::advice,
                 "rss",
                 fmt::format("{}: does not hash {}: workers hand packets over to each other", subject, hashed),
                 {port.hashes_addresses ? "# give --rss addresses" : "# nothing mends it: a device with RSS would"}});
}

/// Asks the devices themselves, where nothing so far keeps the EAL from taking them. A memif server would bind its
/// socket, and its peer says how many queues there are: it is not asked. Nor is a tap, which would make its interface.
void check_devices(const Settings& settings, Findings& out) {
  std::vector<std::string> devices;
  std::copy_if(settings.ports.begin(), settings.ports.end(), std::back_inserter(devices),
               [](const std::string& port) { return !memif_server_file(port) && !port.starts_with("tap:"); });
  if (devices.empty() || any_problem(out)) return;
  const auto ports = dpdk::Runtime::capabilities(devices, settings.eal_arguments);
  if (!ports) {
    out.push_back({Health::problem, "device", ports.error(), {}});
    return;
  }
  for (const dpdk::PortCapability& port : *ports) check_capability(port, settings, out);
}

/// What `run` looks at itself.
void check_run(const Settings& settings, Findings& out) {
  if (!takes_records(settings)) check_tables(settings, read_memory_room(), out);
  if (settings.input_source.kind == InputSource::Kind::samples) check_samples(out);
  for (const std::string& port : settings.ports) {
    if (const auto path = memif_server_file(port)) check_memif_server(port, *path, out);
  }
}

/// What `run` opens with the rights of its user, which is that of --user if there is one. Nothing comes after this.
void check_files(const Settings& settings, Findings& out) {
  if (!settings.user.empty()) act_as_user(settings, out);
  if (!settings.control.empty()) check_control_keys(settings.control_address, std::time(nullptr), out);
  if (!settings.state_folder.empty()) check_state(settings.state_folder, out);
  if (!settings.socket_group.empty()) check_socket_group(settings.socket_group, out);
  check_reach(reach_of(settings), out);
  for (const std::string& line : closed_later(settings)) {
    out.push_back({Health::advice, "file", line, {"# give the user the right to, or name another file"}});
  }
}

}  // namespace

int examine(const Settings& settings, bool json) {
  const Machine machine;
  const Outfit outfit = outfit_of(settings);
  const Person person = this_person();
  Findings findings;
  if (!has_no_ports(settings)) {
    check_huge_pages(machine, outfit, findings);
    check_ports(machine, outfit, person, findings);
    check_cpus(machine, outfit, findings);
  }
  check_cpu_level(cpu_features(this_cpu()), findings);
  check_clock(machine, this_clock(), findings);
  check_limits(person, outfit, findings);
  check_run(settings, findings);
  if (!has_no_ports(settings)) check_devices(settings, findings);
  check_files(settings, findings);
  const std::string text = json ? findings_json(findings) : findings_text(findings);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return any_problem(findings) || !written ? 1 : 0;
}

}  // namespace weir
