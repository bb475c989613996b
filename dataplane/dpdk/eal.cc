#include "dataplane/dpdk/eal.h"

#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>

#include "dataplane/dpdk/runtime_folder.h"
#include "dataplane/kernel_port.h"
#include "proto/base/pci_name.h"
#include "proto/base/unique_fd.h"

namespace weir::dpdk {
namespace {

// ---- DPDK's messages

// Keeps the first line of level ERR or worse since the last question: drivers say what is wrong before the layers above
// them say that something is.
struct DpdkLog {
  std::mutex mutex;
  std::string error;
  std::string program;  ///< not empty: show errors
  std::time_t second = 0;
  unsigned shown_this_second = 0;
};

DpdkLog& dpdk_log() {
  static DpdkLog log;
  return log;
}

constexpr std::size_t kLongestLine = 512;
// A driver may log once per packet; a terminal and a journal cannot take that.
constexpr unsigned kShownPerSecond = 10;

ssize_t take_message(void* /*cookie*/, const char* text, std::size_t size) {
  std::string_view message(text, std::min(size, kLongestLine));
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.remove_suffix(1);
  if (message.empty()) return static_cast<ssize_t>(size);
  const int level = rte_log_cur_msg_loglevel();
  DpdkLog& log = dpdk_log();
  const std::lock_guard lock(log.mutex);
  if (level >= 0 && level <= static_cast<int>(RTE_LOG_ERR)) {
    if (log.error.empty()) log.error = message;
    if (!log.program.empty()) {
      const std::time_t now = std::time(nullptr);
      if (now != log.second) {
        log.second = now;
        log.shown_this_second = 0;
      }
      if (log.shown_this_second++ < kShownPerSecond) {
        std::fprintf(stderr, "%s: DPDK: %.*s\n", log.program.c_str(), static_cast<int>(message.size()), message.data());
      }
    }
  }
  return static_cast<ssize_t>(size);
}

void capture_dpdk_log() {
  cookie_io_functions_t functions{};
  functions.write = take_message;
  // EAL keeps the stream until the process ends.
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;
  std::setvbuf(stream, nullptr, _IOLBF, kLongestLine);
  rte_openlog_stream(stream);
}

// What EAL writes to the terminal past its log (usage text after a wrong argument), kept in memory for the time of
// rte_eal_init. Standard output may carry records: nothing else may get into it.
class TerminalCapture {
 public:
  TerminalCapture() : file_(memfd_create("eal-terminal", MFD_CLOEXEC)) {
    if (!file_.valid()) return;
    std::fflush(nullptr);
    for (const int fd : {1, 2}) {
      UniqueFd& saved = saved_[static_cast<std::size_t>(fd)];
      saved = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3));
      if (saved.valid()) dup2(file_.get(), fd);
    }
  }
  TerminalCapture(const TerminalCapture&) = delete;
  TerminalCapture& operator=(const TerminalCapture&) = delete;
  ~TerminalCapture() { finish(); }
  /// Gives the terminal back; returns the first line that was written and says what is wrong.
  std::string finish() {
    if (!file_.valid() || done_) return {};
    done_ = true;
    std::fflush(nullptr);
    for (const int fd : {1, 2}) {
      UniqueFd& saved = saved_[static_cast<std::size_t>(fd)];
      if (!saved.valid()) continue;
      dup2(saved.get(), fd);
      saved.reset();
    }
    std::array<char, 4096> text{};
    const ssize_t size = pread(file_.get(), text.data(), text.size() - 1, 0);
    if (size <= 0) return {};
    std::istringstream lines(std::string(text.data(), static_cast<std::size_t>(size)));
    for (std::string line; std::getline(lines, line);) {
      if (line.find("ption") != std::string::npos && line.find("ptions:") == std::string::npos) return line;
    }
    return {};
  }

 private:
  UniqueFd file_;
  std::array<UniqueFd, 3> saved_;
  bool done_ = false;
};

// ---- arguments

std::vector<std::string> split_blanks(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// True when one of `words` is `option` or `option=value`; for short options also with the value glued on (-m512).
bool has_option(const std::vector<std::string>& words, std::string_view option) {
  return std::any_of(words.begin(), words.end(), [option](const std::string& word) {
    if (option.size() == 2) return word.size() >= 2 && word.compare(0, 2, option) == 0;
    return word == option ||
           (word.size() > option.size() && word.compare(0, option.size(), option) == 0 && word[option.size()] == '=');
  });
}

std::string list_of(const std::vector<unsigned>& cpus) {
  std::string text;
  for (const unsigned cpu : cpus) {
    if (!text.empty()) text += ',';
    text += std::to_string(cpu);
  }
  return text;
}

std::atomic<bool> started{false};

}  // namespace

tl::expected<std::vector<Device>, std::string> parse_devices(const std::vector<std::string>& devices, unsigned queues) {
  std::vector<Device> parsed;
  for (const std::string& text : devices) {
    Device device;
    device.argument = text;
    device.name = text.substr(0, text.find(','));
    const auto kernel = parse_kernel_port(text);
    if (kernel) {
      device.argument = kernel->device(queues);
      device.name = kernel->device_name();
    }
    if (device.name.empty()) return tl::unexpected("port '" + text + "': no device name before the first comma");
    if (text.find_first_of(" \t\n") != std::string::npos) {
      return tl::unexpected("port '" + text + "': a device has no blanks in it");
    }
    if (std::string pci = pci_name(device.name); !pci.empty()) {
      device.pci = true;
      device.name = std::move(pci);
    } else if (device.name.find(':') != std::string::npos) {
      return tl::unexpected("port '" + text + "': not a PCI address (like 0000:3b:00.0), and a vdev name has no colon");
    } else if (device.name.compare(0, 4, "net_") != 0 && device.name.compare(0, 4, "eth_") != 0) {
      return tl::unexpected("port '" + text + "': neither a PCI address (like 0000:3b:00.0) nor a vdev, whose name " +
                            "begins with its driver's: for a kernel interface net_af_packet0,iface=" + device.name);
    }
    for (const Device& other : parsed) {
      if (other.name != device.name) continue;
      return tl::unexpected("port '" + text + "': '" + device.name + "' is given twice" +
                            (device.pci ? "" : "; number vdevs of the same driver: net_memif0,... net_memif1,..."));
    }
    device.shown = kernel ? kernel->name() : device.name;
    parsed.push_back(std::move(device));
  }
  if (parsed.empty()) return tl::unexpected(std::string("no port given: name a PCI address or a vdev"));
  return parsed;
}

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

tl::expected<CpuPlan, std::string> plan_cpus(const std::vector<unsigned>& cores, const std::vector<unsigned>& allowed,
                                             unsigned workers) {
  // Lcore ids are 0 to RTE_MAX_LCORE - 1, and main has one of them.
  if (workers == 0 || workers >= RTE_MAX_LCORE) {
    return tl::unexpected("workers: " + std::to_string(workers) + " is not in 1.." + std::to_string(RTE_MAX_LCORE - 1));
  }
  for (const unsigned cpu : cores) {
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end()) {
      return tl::unexpected("cores: CPU " + std::to_string(cpu) +
                            " is not available to this process (available: " + list_of(allowed) + ")");
    }
  }
  const std::vector<unsigned>& from = cores.empty() ? allowed : cores;
  if (from.empty()) return tl::unexpected(std::string("cores: no CPU is available to this process"));
  CpuPlan plan;
  plan.main = from.front();
  // Prefer the CPUs after main's: main sleeps most of the time, but works in bursts.
  const std::size_t first = from.size() > 1 ? 1 : 0;
  std::map<unsigned, unsigned> load;
  for (unsigned worker = 0; worker < workers; ++worker) {
    plan.workers.push_back(from[first + worker % (from.size() - first)]);
    ++load[plan.workers.back()];
  }
  for (const auto& [cpu, count] : load) {
    if (count == 1) continue;
    plan.notices.push_back(std::to_string(count) + " workers share CPU " + std::to_string(cpu) +
                           ": they take turns, so together they are no faster than one");
  }
  return plan;
}

tl::expected<std::vector<std::string>, std::string> eal_arguments(const EalPlan& plan) {
  const std::vector<std::string> extra = split_blanks(plan.extra);
  for (const char* option : {"-l", "-c", "-s", "-S", "--lcores", "--main-lcore"}) {
    if (has_option(extra, option)) {
      return tl::unexpected(std::string("EAL argument ") + option + ": CPUs are chosen with --cores, not through EAL");
    }
  }
  std::vector<std::string> arguments{plan.program};
  // Lcore 0 is main, lcore 1 + w is worker w, each on the CPU after the '@'. Several lcores may name one CPU.
  std::string lcores = "0@" + std::to_string(plan.cpus.main);
  for (std::size_t worker = 0; worker < plan.cpus.workers.size(); ++worker) {
    lcores.append(",").append(std::to_string(worker + 1));
    lcores.append("@").append(std::to_string(plan.cpus.workers[worker]));
  }
  arguments.insert(arguments.end(), {"--lcores", lcores});
  if (!has_option(extra, "--file-prefix")) arguments.insert(arguments.end(), {"--file-prefix", plan.file_prefix});
  bool pci = false;
  for (const Device& device : plan.devices) {
    arguments.insert(arguments.end(), {device.pci ? "-a" : "--vdev", device.argument});
    pci |= device.pci;
  }
  if (!pci && !has_option(extra, "-a") && !has_option(extra, "--allow")) arguments.emplace_back("--no-pci");
  // It serves a socket by which others read and set what DPDK lets them: only where it is asked for.
  if (!has_option(extra, "--telemetry") && !has_option(extra, "--no-telemetry"))
    arguments.emplace_back("--no-telemetry");
  const bool extra_no_huge = has_option(extra, "--no-huge");
  bool extra_mode = extra_no_huge;
  for (const char* option : {"--in-memory", "--huge-dir", "--legacy-mem", "--socket-mem", "--huge-unlink"}) {
    extra_mode |= has_option(extra, option);
  }
  const bool no_huge = extra_no_huge || (!extra_mode && !plan.hugepages);
  if (!extra_mode) arguments.emplace_back(plan.hugepages ? "--in-memory" : "--no-huge");
  // Without huge pages the heap has a fixed size, 64 MiB if not told.
  if (no_huge && !has_option(extra, "-m")) {
    arguments.insert(arguments.end(), {"-m", std::to_string(plan.memory_mib)});
  }
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  return arguments;
}

unsigned free_hugepages_mib() {
  std::error_code error;
  unsigned long total_kib = 0;
  const std::filesystem::path root("/sys/kernel/mm/hugepages");
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    // hugepages-2048kB, hugepages-1048576kB
    unsigned long page_kib = 0;
    if (std::sscanf(entry.path().filename().c_str(), "hugepages-%lukB", &page_kib) != 1) continue;
    unsigned long pages = 0;
    std::ifstream(entry.path() / "free_hugepages") >> pages;
    total_kib += pages * page_kib;
  }
  return static_cast<unsigned>(std::min(total_kib / 1024, 1UL << 30));
}

tl::expected<std::unique_ptr<Eal>, std::string> Eal::start(const EalPlan& plan) {
  auto arguments = eal_arguments(plan);
  if (!arguments) return tl::unexpected(arguments.error());
  if (started.exchange(true)) {
    return tl::unexpected(std::string("DPDK was started in this process before, and that works once only"));
  }
  capture_dpdk_log();
  // rte_eal_init permutes and keeps the pointers.
  static std::vector<std::string> kept;
  static std::vector<char*> pointers;
  kept = std::move(*arguments);
  pointers.reserve(kept.size() + 1);
  for (std::string& argument : kept) pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  TerminalCapture terminal;
  const int parsed = rte_eal_init(static_cast<int>(kept.size()), pointers.data());
  const int failure = rte_errno;
  const std::string printed = terminal.finish();
  if (parsed < 0) {
    remove_runtime_folder(plan.file_prefix);
    std::string reason = last_dpdk_error();
    if (!printed.empty()) reason = std::string(" (").append(printed).append(")");
    if (reason.empty()) reason = std::string(" (").append(rte_strerror(failure)).append(")");
    std::string advice = "; memory asked for: " + std::to_string(plan.memory_mib) + " MiB";
    if (reason.find("failed to parse device") != std::string::npos) {
      advice = "; no driver has that name, or its parameters are not NAME=VALUE: look at --port";
    } else if (!plan.extra.empty()) {
      advice = "; EAL arguments given: " + plan.extra;
    }
    return tl::unexpected("DPDK did not start" + reason + advice);
  }
  remove_dead_runtime_folders(plan.program);
  const bool foreign_prefix = has_option(split_blanks(plan.extra), "--file-prefix");
  return std::unique_ptr<Eal>(
      new Eal(static_cast<unsigned>(plan.cpus.workers.size()), foreign_prefix ? "" : plan.file_prefix));
}

Eal::Eal(unsigned workers, std::string own_prefix) : workers_(workers), own_prefix_(std::move(own_prefix)) {}

Eal::~Eal() {
  join();
  rte_eal_cleanup();
  if (!own_prefix_.empty()) remove_runtime_folder(own_prefix_);
}

void Eal::leave_no_folder() {
  if (!own_prefix_.empty()) remove_runtime_folder(own_prefix_);
  own_prefix_.clear();
}

bool Eal::hugepages() const {
  return rte_eal_has_hugepages() != 0;
}

tl::expected<void, std::string> Eal::launch(unsigned worker, std::function<void()> body) {
  if (worker >= workers_.size()) return tl::unexpected("there is no worker " + std::to_string(worker));
  Worker& state = workers_[worker];
  if (state.running) return tl::unexpected("worker " + std::to_string(worker) + " is already running");
  state.body = std::move(body);
  const auto trampoline = [](void* argument) -> int {
    (*static_cast<std::function<void()>*>(argument))();
    return 0;
  };
  const int result = rte_eal_remote_launch(trampoline, &state.body, worker + 1);
  if (result != 0) {
    return tl::unexpected("worker " + std::to_string(worker) +
                          ": its lcore did not take the work: " + rte_strerror(-result));
  }
  state.running = true;
  return {};
}

void Eal::join() {
  for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
    if (!workers_[worker].running) continue;
    rte_eal_wait_lcore(static_cast<unsigned>(worker + 1));
    workers_[worker].running = false;
  }
}

std::string last_dpdk_error() {
  DpdkLog& log = dpdk_log();
  const std::lock_guard lock(log.mutex);
  if (log.error.empty()) return {};
  std::string text = " (DPDK says: " + log.error + ")";
  log.error.clear();
  return text;
}

void show_dpdk_errors(std::string_view program) {
  DpdkLog& log = dpdk_log();
  const std::lock_guard lock(log.mutex);
  log.program = program;
}

}  // namespace weir::dpdk
