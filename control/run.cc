// `weir run`: the live probe and the services that answer for it.
//
// The services start first: a second instance is refused before it can touch anything, and whoever asks meanwhile hears
// that weir is starting. They end last, so that they answer while the probe stops.
#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/commands.h"
#include "control/config/inputs.h"
#include "control/error_stream.h"
#include "control/final_error.h"
#include "control/later_files.h"
#include "control/ledger/ledger_output.h"
#include "control/metric_hints.h"
#include "control/monitor_parts.h"
#include "control/probe/change_history.h"
#include "control/probe/cores.h"
#include "control/probe/ledger_keeper.h"
#include "control/probe/live_probe.h"
#include "control/probe/operations.h"
#include "control/probe/probe_view.h"
#include "control/probe/reconfiguration.h"
#include "control/probe/record_probe.h"
#include "control/probe/sample_probe.h"
#include "control/probe/signals.h"
#include "control/probe/supervision.h"
#include "control/run_user.h"
#include "control/service/control_service.h"
#include "control/service/http_service.h"
#include "control/service/operator_source.h"
#include "control/service/prometheus.h"
#include "control/service/service_manager.h"
#include "control/system_call_filter.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

ControlAccess access_of(const Settings& settings) {
  ControlAccess access{settings.socket_mode, settings.socket_group, std::nullopt};
  if (!settings.control.empty()) access.tls = settings.control_address;
  return access;
}

struct Services {
  std::unique_ptr<ControlService> control;
  std::unique_ptr<PrometheusService> prometheus;
  std::unique_ptr<HttpService> http;
};

tl::expected<Services, std::string> start_services(const Settings& settings, const std::vector<unsigned>& cores,
                                                   ProbeView& view, OperatorSource& operations,
                                                   Reconfiguration& changes) {
  const OffWorkerCores off(cores);
  Services services;
  auto control = ControlService::start(settings.socket, {view, &view, &operations, &changes}, access_of(settings));
  if (!control) return tl::unexpected(control.error());
  services.control = std::move(*control);
  const AsRoot root;  // for ports below 1024
  if (!settings.prometheus.empty()) {
    auto prometheus = PrometheusService::start(settings.prometheus, view);
    if (!prometheus) return tl::unexpected(prometheus.error());
    services.prometheus = std::move(*prometheus);
  }
  if (!settings.http.empty()) {
    auto http = HttpService::start(settings.http, view, &view);
    if (!http) return tl::unexpected(http.error());
    services.http = std::move(*http);
    spdlog::info("a page to watch: http://{}/", settings.http);
  }
  return services;
}

std::unique_ptr<LedgerKeeper> keep_ledger(const Settings& settings, const std::vector<unsigned>& cores,
                                          ProbeView& view) {
  const OffWorkerCores off(cores);
  return std::make_unique<LedgerKeeper>(settings.state_folder, view);
}

/// Before any thread is started: the user of --user, if there is one. Error: one line.
tl::expected<std::optional<RunUser>, std::string> find_user(const Settings& settings) {
  if (settings.user.empty()) return std::nullopt;
  auto user = RunUser::find(settings.user);
  if (!user) return tl::unexpected(user.error());
  user->confine();
  return std::move(*user);
}

/// From now on files are opened as the user. Error: one line.
tl::expected<void, std::string> act_as(const RunUser& user, const Settings& settings) {
  const bool own_folder = settings.socket == default_socket_path();  // root's, of now
  if (auto acts = user.act(); !acts) return acts;
  if (own_folder) user.make_folder(std::filesystem::path(settings.socket).parent_path().string(), 0755);
  if (!settings.state_folder.empty()) user.make_folder(settings.state_folder, 0700);
  spdlog::info("files are opened as user {}", user.name());
  return {};
}

/// All parts are there: nothing needs root any more. Error: one line.
tl::expected<void, std::string> give_up_root(const RunUser& user, const Settings& settings) {
  if (auto done = user.become(); !done) return done;
  if (auto filtered = filter_system_calls(); !filtered) return filtered;
  spdlog::info("runs as user {} from now on, without a capability and with a filter of system calls", user.name());
  for (const std::string& line : closed_later(settings)) spdlog::warn("{}", line);
  return {};
}

/// From start to stop. Returns the exit code.
template <typename Probe, typename... Start>
int lead(Probe& probe, LedgerKeeper& keeper, const Settings& settings, const std::optional<RunUser>& user,
         const Start&... start) {
  BeforeReceiving before_receiving;
  if (user) before_receiving = [&] { return give_up_root(*user, settings); };
  if (const auto started = probe.start(start..., before_receiving); !started) {
    final_error(started.error());
    return 1;
  }
  service_manager::tell_running();
  probe.run();
  const int code = probe.stop();
  keeper.finish();
  return code;
}

}  // namespace

int run_live(const Settings& settings, const v1::Config& effective, const GivenConfig& given) {
  const auto user = find_user(settings);
  if (!user) {
    final_error(user.error());
    return 1;
  }
  ProbeSignals signals;            // before any thread is started
  const ErrorStream never_blocks;  // until everything has stopped
  if (*user) {
    if (const auto acts = act_as(**user, settings); !acts) {
      final_error(acts.error());
      return 1;
    }
  }
  if (const auto apart = outputs_are_apart(settings); !apart) {
    final_error(apart.error());
    return 1;
  }
  if (!check_ledger_file(settings.ledger_file)) return 1;
  for (const std::string& hint : metric_hints(settings, settings.exports)) spdlog::warn("{}", hint);
  const std::vector<unsigned> cores = choose_cores(settings.cores, allowed_cpus(), settings.workers);
  const std::vector<MonitorPlan> plans = monitor_plans(settings);
  ProbeView view(effective, plans);
  auto history = ChangeHistory::open(settings.state_folder);
  if (!history) {
    final_error(history.error());
    return 1;
  }
  for (const std::string& notice : history->notices()) spdlog::warn("{}", notice);
  Operations operations(names_of(plans), view.phase(), signals, view);
  Reconfiguration changes(settings, effective, given, std::move(*history));
  const auto services = start_services(settings, cores, view, operations, changes);
  if (!services) {
    final_error(services.error());
    return 1;
  }
  const auto keeper = keep_ledger(settings, cores, view);
  const auto ended = [&](int code) {
    constexpr std::chrono::milliseconds kReadWithin{500};  // weirctl stop asks every 50 ms
    if (operations.stop_asked()) view.await_reader(kReadWithin);
    return code;
  };
  if (settings.input_source.kind == InputSource::Kind::records_socket) {
    RecordProbe probe(settings, view, signals, operations.tap(), changes);
    return ended(lead(probe, *keeper, settings, *user));
  }
  if (settings.input_source.kind == InputSource::Kind::samples) {
    SampleProbe probe(settings, view, signals, operations.tap(), changes);
    return ended(lead(probe, *keeper, settings, *user));
  }
  LiveProbe probe(settings, view, signals, operations.tap(), changes);
  return ended(lead(probe, *keeper, settings, *user, cores));
}

}  // namespace weir
