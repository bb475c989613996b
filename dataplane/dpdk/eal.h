// Eal: the Environment Abstraction Layer's life in this process: its arguments, its lcores, its messages, its end.
//
// EAL takes a command line, not a structure, and what it has to say it prints. So this file does two translations:
// options become arguments (eal_arguments(), which starts nothing and can be tested), and printed lines become the
// end of an error text. DPDK's messages are kept in a short memory instead of the terminal; once ports run, messages
// of level ERR and worse go to stderr, since then they are about something that happened just now.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace weir::dpdk {

/// A device as it was asked for, and the name under which EAL will know it.
struct Device {
  std::string argument;  ///< what -a or --vdev gets
  std::string name;      ///< "net_memif0"; PCI: full and lower case, "0000:3b:00.0"
  std::string shown;     ///< what weir calls it: the same, or "af_packet:eth0" of a short form (kernel_port.h)
  bool pci = false;
};

/// Sorts `devices` into PCI addresses and vdevs, which may be given in a short form, for so many queues. Error: none
/// given, an empty one, two of the same name.
tl::expected<std::vector<Device>, std::string> parse_devices(const std::vector<std::string>& devices,
                                                             unsigned queues = 1);

struct CpuPlan {
  unsigned main = 0;
  std::vector<unsigned> workers;     ///< one CPU a worker; they may repeat
  std::vector<std::string> notices;  ///< "2 workers share CPU 1: ..."
};

/// Which CPU each lcore runs on. `cores` empty: main takes the first CPU of `allowed`, the workers the following
/// ones, and start again after main's when there are too few. `cores` given: the same over that list.
tl::expected<CpuPlan, std::string> plan_cpus(const std::vector<unsigned>& cores, const std::vector<unsigned>& allowed,
                                             unsigned workers);

/// CPUs that the scheduler allows this process.
std::vector<unsigned> allowed_cpus();

struct EalPlan {
  std::string program;
  std::string file_prefix;
  std::vector<Device> devices;
  CpuPlan cpus;
  unsigned memory_mib = 0;  ///< what mempools and queues need
  bool hugepages = false;   ///< enough free ones were found
  std::string extra;        ///< further arguments, separated by blanks; they win over derived ones
};

/// The argument vector. Error: an extra argument that would break the mapping of workers to lcores.
tl::expected<std::vector<std::string>, std::string> eal_arguments(const EalPlan& plan);

/// Memory in free huge pages of every size, in MiB, as sysfs says.
unsigned free_hugepages_mib();

class Eal {
 public:
  /// Once per process: DPDK cannot be started a second time.
  static tl::expected<std::unique_ptr<Eal>, std::string> start(const EalPlan& plan);
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;
  ~Eal();

  /// Removes the EAL's folder now, instead of at the end. No second process can attach to this one from then on.
  void leave_no_folder();
  [[nodiscard]] bool hugepages() const;

  /// Runs `body` on the lcore of worker `worker`, counted from 0.
  tl::expected<void, std::string> launch(unsigned worker, std::function<void()> body);
  /// Waits until all bodies have returned.
  void join();

 private:
  Eal(unsigned workers, std::string own_prefix);
  struct Worker {
    std::function<void()> body;
    bool running = false;
  };
  std::vector<Worker> workers_;
  std::string own_prefix_;  ///< empty when --eal gave its own: then its files are not ours to remove
};

/// " (DPDK says: ...)" with the last error that DPDK logged since the last call, or "".
std::string last_dpdk_error();
/// From now on errors that DPDK logs go to stderr as well, after the name of the program. Empty: no longer.
void show_dpdk_errors(std::string_view program);

}  // namespace weir::dpdk
