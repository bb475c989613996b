#include "control/read_parts.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <utility>

#include "control/config/inputs.h"
#include "control/config/monitor_blocks.h"
#include "control/export/probe_facts.h"
#include "control/monitor_parts.h"

namespace weir {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "written by a signal handler");

void on_signal(int) {
  interrupted.store(true, std::memory_order_relaxed);
}

}  // namespace

void heed_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool is_interrupted() {
  return interrupted.load(std::memory_order_relaxed);
}

std::vector<std::string> read_exports(const Settings& settings) {
  if (!settings.exports.empty() || settings.ledger_file == "-") return settings.exports;
  return {isatty(STDOUT_FILENO) != 0 ? "top:-" : "table:-"};
}

tl::expected<std::unique_ptr<InterfaceStore>, std::string> open_interfaces(const Settings& settings) {
  if (settings.interfaces.empty()) return nullptr;
  auto store = InterfaceStore::open(settings.interfaces);
  if (!store) return tl::make_unexpected("--interfaces: " + store.error());
  return store;
}

ExportContext read_context(const Settings& settings, std::uint64_t start_ns, const InterfaceStore* interfaces) {
  ExportContext context;
  context.mode = ExportMode::capture;
  context.capture_start_ns = start_ns;
  context.inputs = inputs_of(settings);
  context.sampler_address = settings.sampler_address;
  tell_monitors(context, monitor_plans(settings));
  if (interfaces == nullptr) return context;
  const auto facts = std::make_shared<ProbeFacts>();
  facts->set_interfaces(interfaces->all());
  context.facts = facts;
  return context;
}

}  // namespace weir
