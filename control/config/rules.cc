#include "control/config/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/config.h"
#include "control/config/monitor_blocks.h"
#include "control/config/port_pair.h"
#include "control/config/schema.h"
#include "control/config/value.h"
#include "control/export/export_routes.h"
#include "control/export/export_uri.h"
#include "control/export/group_members.h"
#include "dataplane/counters.h"
#include "proto/base/cpu_list.h"

namespace weir {
namespace {

using Checked = tl::expected<void, ConfigError>;

std::string file_text(const std::string& file) {
  return file == "-" ? "standard output" : file;
}

/// The place of a field of a block.
std::string in_block(const Places& places, std::size_t monitor, const char* field, std::size_t index = 0) {
  return place_of(places, fmt::format("monitor[{}].{}", monitor, field), static_cast<int>(index));
}

/// Every monitor has a name of its own, and there are not too many.
Checked check_monitors(const Settings& settings, const Places& places) {
  std::map<std::string, std::size_t> places_by_name;
  for (std::size_t i = 0; i < settings.monitors.size(); ++i) {
    const std::string& name = settings.monitors[i].name;
    const std::string block = place_of(places, "monitor", static_cast<int>(i));
    if (i >= kMostMonitors) {
      return value_error(block, name, fmt::format("one monitor too many; expected at most {}", kMostMonitors));
    }
    if (name.empty()) {
      return value_error(block, "{ ... }", "the block has no name; expected a line such as name: \"wide\" in it");
    }
    if (!places_by_name.emplace(name, i).second) {
      return value_error(in_block(places, i, "name"), name,
                         "two monitors have this name; expected a name for each of them");
    }
  }
  return {};
}

/// Every exporter that a monitor names is there, and every exporter is some monitor's.
Checked check_routes(const Settings& settings, const std::vector<ExportUri>& uris,
                     const std::vector<std::optional<std::size_t>>& groups, const Places& places) {
  std::vector<ExportMonitor> monitors;
  for (const MonitorBlock& block : settings.monitors) monitors.push_back({block.name, block.exports});
  const auto routes = routes_of(uris, groups, monitors);
  if (routes) return {};
  const RouteFault& wrong = routes.error();
  if (wrong.monitor) {
    // The file may well have an exporter of this name.
    const auto first = places.find({"export", 0});
    const bool replaced = first != places.end() && first->second == option_of("export");
    return value_error(
        in_block(places, *wrong.monitor, "export", wrong.place), monitors[*wrong.monitor].exporters[wrong.place],
        wrong.what + (replaced ? " (--export takes the place of all export: lines of the file)" : ""), true);
  }
  return value_error(place_of(places, "export", static_cast<int>(wrong.place)), settings.exports[wrong.place],
                     wrong.what);
}

/// Every exporter has a name of its own, and every file is written by one of them only; so is the ledger's.
Checked check_outputs(const Settings& settings, const Places& places) {
  std::map<std::string, std::string> uris_by_name;
  std::map<std::string, std::string> uris_by_file;
  std::vector<ExportUri> uris;
  for (std::size_t i = 0; i < settings.exports.size(); ++i) {
    const std::string& uri = settings.exports[i];
    auto parsed = parse_export_uri(uri);
    if (!parsed) continue;  // its binding parsed it
    const std::string name = parsed->name;
    const std::string file = parsed->request->file();
    uris.push_back(std::move(*parsed));
    const auto wrong = [&](const std::string& what) {
      return value_error(place_of(places, "export", static_cast<int>(i)), uri, what);
    };
    if (file == "/dev/null") continue;  // it has room for all
    if (const auto [other, fresh] = uris_by_name.emplace(name, uri); !fresh) {
      return wrong(
          other->second == uri
              ? std::string("given twice: every record would be sent twice; expected different exporters")
              : fmt::format("'{}' has the name {}, too; expected a name for each exporter", other->second, name));
    }
    if (file.empty()) continue;
    if (const auto [other, fresh] = uris_by_file.emplace(file, uri); !fresh) {
      return wrong(
          fmt::format("{} is written by {}, too; expected a file for each exporter", file_text(file), other->second));
    }
  }
  const auto groups = groups_of(uris);
  if (!groups) {
    const std::size_t at = groups.error().uri;
    return value_error(place_of(places, "export", static_cast<int>(at)), settings.exports[at], groups.error().what);
  }
  if (auto good = check_routes(settings, uris, *groups, places); !good) return good;
  const auto own_file = [&](const char* field, const std::string& text, const std::string& file) -> Checked {
    if (file.empty()) return {};
    const auto [other, fresh] = uris_by_file.emplace(file, option_of(field));
    if (fresh) return {};
    return value_error(
        place_of(places, field, 0), text,
        fmt::format("{} is written by {}, too; expected a file of its own", file_text(file), other->second));
  };
  if (auto good = own_file("save_rejects", settings.save_rejects, settings.rejects.path); !good) return good;
  return own_file("ledger", settings.ledger_file, settings.ledger_file);
}

Checked check_ports(const Settings& settings, Command command, const Places& places) {
  std::map<std::string, std::string> ports_by_device;
  for (std::size_t i = 0; i < settings.ports.size(); ++i) {
    const std::string& port = settings.ports[i];
    const bool xdp = port.starts_with("af_xdp:") || port.starts_with("net_af_xdp");
    if (xdp && !settings.user.empty() && command == Command::run) {
      return value_error(place_of(places, "port", static_cast<int>(i)), port,
                         fmt::format("with --user {} its XDP program would stay on the interface when weir ends, since "
                                     "root alone can remove it; expected af_packet:, or no --user",
                                     settings.user));
    }
    const auto [other, fresh] = ports_by_device.emplace(device_name(port), port);
    if (fresh) continue;
    return value_error(place_of(places, "port", static_cast<int>(i)), port,
                       other->second == port
                           ? std::string("given twice; expected every port once")
                           : fmt::format("the same device as {}; expected every device once", other->second));
  }
  if (command != Command::run || !settings.ports.empty() ||
      settings.input_source.kind == InputSource::Kind::records_socket ||
      settings.input_source.kind == InputSource::Kind::samples) {
    return {};
  }
  return tl::make_unexpected(
      ConfigError{"no port to take packets from; expected --port (or port: in the file) with a PCI address, as in "
                  "--port 0000:3b:00.0, or a kernel interface, as in --port af_packet:eth0",
                  2});
}

/// Whether somebody gave the field, or a block of it, a value.
bool is_given(const Places& places, const std::string& field) {
  const auto found = places.lower_bound({field, 0});
  return found != places.end() && (found->first.first == field || found->first.first.starts_with(field + "["));
}

/// An option that makes flows of packets.
bool is_of_packets(const google::protobuf::FieldDescriptor& field) {
  const std::string& group = description_of(field).group();
  return group == "Ports and cores" || group == "Flows" || group == "Packets" || field.name() == "interface" ||
         field.name() == "save_rejects";
}

/// Of those: it says which packets count, or as what. A file of --config may have the others for packets, and an input
/// for records. `read`: what only `run` uses says nothing.
bool tells_flows(std::string_view field, bool read) {
  constexpr std::string_view kAlways[] = {"key",    "metrics",      "sample",    "monitor",
                                          "filter", "frame_filter", "interface", "save_rejects"};
  if (std::find(std::begin(kAlways), std::end(kAlways), field) != std::end(kAlways)) return true;
  return !read && (field == "port" || field == "pair");
}

/// What only raw records are summed by, where there are packets. A file of --config serves both.
Checked check_account(const Settings& settings, const Places& places) {
  for (const char* const field : {"account_entries", "account_timeout", "account_others"}) {
    const std::string place = place_of(places, field, 0);
    if (!is_given(places, field) || !place.starts_with("--")) continue;
    const auto& described = *v1::Config::descriptor()->FindFieldByName(field);
    return value_error(
        place, values_in(effective_config(settings), described).front(),
        "it is for raw records; expected --input records:FILE (`read`) or --input records+unix:PATH (`run`) "
        "beside it",
        description_of(described).in_quotes());
  }
  return {};
}

/// Packets that the kernel samples come from none of weir's ports, and have rates of their own.
Checked check_samples(const Settings& settings, Command command, const Places& places) {
  const std::string place = place_of(places, "input", 0);
  if (command == Command::read) {
    if (!place.starts_with("--")) return {};  // a file serves both commands
    return value_error(place, settings.input, "the kernel samples for `run`; expected records:FILE", true);
  }
  const v1::Config config = effective_config(settings);
  const auto& type = *v1::Config::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    const bool of_ports = description_of(field).group() == "Ports and cores" || field.name() == "workers";
    if (!of_ports || !is_given(places, field.name())) continue;
    if (values_in(config, field) == std::vector{description_of(field).default_()}) continue;
    const std::string what = place_of(places, field.name(), 0);
    // A file may have them for ports.
    if (!what.starts_with("--") && field.name() != "port" && field.name() != "pair") continue;
    return value_error(
        place, settings.input,
        fmt::format("the packets come from the kernel to one worker, so {} would do nothing; expected one of the two",
                    what),
        true);
  }
  for (const MonitorPlan& plan : monitor_plans(settings)) {
    if (plan.flow.when_full == WhenFull::overflow) {
      return value_error(place, settings.input,
                         "what is summed beside a full table (--when-full overflow) has one rate, and each packet that "
                         "the kernel samples one of its own; expected another --when-full",
                         true);
    }
    if (plan.flow.sampling.by == Sampling::By::rate) {
      return value_error(place, settings.input,
                         "the kernel's rates change without --sample rate; expected --sample packets=1:N or "
                         "flows=1:N, or no --sample",
                         true);
    }
  }
  for (std::size_t i = 0; i < settings.exports.size(); ++i) {
    const auto uri = parse_export_uri(settings.exports[i]);
    if (!uri || uri->kind->scheme != "netflow7") continue;
    return value_error(place_of(places, "export", static_cast<int>(i)), settings.exports[i],
                       "NetFlow v7 has no place for the rates of --input psample, so every record would be lost; "
                       "expected another kind, such as netflow9://HOST:PORT");
  }
  return check_account(settings, places);
}

/// Records of an agent are flows already: what makes flows of packets has nothing to do with them.
Checked check_input(const Settings& settings, Command command, const Places& places) {
  const InputSource::Kind kind = settings.input_source.kind;
  if (kind == InputSource::Kind::packets) return check_account(settings, places);
  if (kind == InputSource::Kind::samples) return check_samples(settings, command, places);
  const std::string place = place_of(places, "input", 0);
  const bool of_file = kind == InputSource::Kind::records_file;
  if (command == (of_file ? Command::run : Command::read)) {
    // A file serves both commands.
    if (!place.starts_with("--")) return {};
    return value_error(
        place, settings.input,
        of_file ? "a file is for `read`; expected records+unix:PATH" : "a socket is for `run`; expected records:FILE",
        true);
  }
  // What `check` prints has every default, and can be given to --config.
  const v1::Config config = effective_config(settings);
  const auto& type = *v1::Config::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string& field = type.field(i)->name();
    if (!is_of_packets(*type.field(i)) || !is_given(places, field)) continue;
    if (values_in(config, *type.field(i)) == std::vector{description_of(*type.field(i)).default_()}) continue;
    const std::string what = place_of(places, field, 0);
    if (!what.starts_with("--") && !tells_flows(field, of_file)) continue;
    return value_error(
        place, settings.input,
        fmt::format("the agent has made the flows, so {} would do nothing; expected one of the two", what), true);
  }
  return {};
}

Checked check_cores(const Settings& settings, Command command, const Places& places) {
  const std::size_t given = settings.cores.size();
  if (given == 0 || command == Command::read || given == settings.workers + std::size_t{1}) return {};
  return value_error(place_of(places, "cores", 0), cpu_list_text(settings.cores),
                     fmt::format("{} CPU{}; expected {}: the first for control, then one for each of {} worker{}",
                                 given, given == 1 ? "" : "s", settings.workers + 1, settings.workers,
                                 settings.workers == 1 ? " (--workers)" : "s"));
}

Checked check_icmp_close(const Settings& settings, const Places& places) {
  if (!settings.flow.metrics.settings.icmp_close) return {};
  for (const MonitorPlan& plan : monitor_plans(settings)) {
    if (plan.flow.metrics.wants_icmp_errors()) return {};
  }
  return value_error(place_of(places, "icmp_close", 0), "on",
                     "only the metric icmp knows what an ICMP error quotes; expected icmp in --metrics");
}

Checked check_key(const Settings& settings, const Places& places) {
  const std::vector<MonitorPlan> plans = monitor_plans(settings);
  for (std::size_t number = 0; number < plans.size(); ++number) {
    const MonitorPlan& plan = plans[number];
    const bool of_block = number < settings.monitors.size() && !settings.monitors[number].key_list.empty();
    const auto wrong = [&](const char* what) {
      return value_error(of_block ? in_block(places, number, "key") : place_of(places, "key", 0), plan.key_list, what);
    };
    if (plan.flow.key.out_if && settings.pairs.empty() && settings.input_source.kind != InputSource::Kind::samples) {
      return wrong("only ports in a pair have an egress interface; expected --pair, or a key without out_if");
    }
    if (plan.flow.key.as_ends().any() && settings.prefix_files.empty()) {
      return wrong(
          "only a file of prefixes says which AS an address is of; expected --prefixes FILE, or a key without src_as "
          "and dst_as");
    }
    if (plan.flow.key.as_ends().any() && plan.flow.when_full == WhenFull::overflow) {
      return wrong(
          "what is summed beside a full table (--when-full overflow) has no AS numbers; expected a key without src_as "
          "and dst_as, or another --when-full");
    }
    if (plan.flow.key.holds_link_facts() && plan.flow.when_full == WhenFull::overflow) {
      return wrong(
          "what is summed beside a full table (--when-full overflow) has no MAC addresses and no inner VLAN; expected "
          "a key without src_mac, dst_mac and inner_vlan_id, or another --when-full");
    }
  }
  return {};
}

Checked check_pair(const Settings& settings, const Places& places) {
  PortPairs pairs;
  for (std::size_t i = 0; i < settings.pairs.size(); ++i) {
    const auto joined = join_port_pair(settings.pairs[i], settings.ports, pairs);
    if (joined) continue;
    return value_error(place_of(places, "pair", static_cast<int>(i)), settings.pairs[i], joined.error());
  }
  const std::vector<MonitorPlan> plans = monitor_plans(settings);
  const bool by_packets = std::any_of(plans.begin(), plans.end(), [](const MonitorPlan& plan) {
    const Sampling::By by = plan.flow.sampling.by;
    return by != Sampling::By::nothing && by != Sampling::By::flows;
  });
  if (settings.pairs.empty() || !by_packets) return {};
  return value_error(place_of(places, "pair", 0), settings.pairs.front(),
                     "of packets that are sampled one by one, the two ports of a pair seldom show the same one; "
                     "expected --sample flows=1:N, or no --sample");
}

/// Whether a monitor's records go to the exporter.
bool uses(const MonitorPlan& plan, const ExportUri& uri) {
  return plan.exports.empty() || std::find(plan.exports.begin(), plan.exports.end(), uri.name) != plan.exports.end();
}

/// NetFlow v7 has neither a source id nor anything else that tells two monitors' records apart.
Checked check_netflow7(const Settings& settings, const Places& places) {
  const std::vector<MonitorPlan> plans = monitor_plans(settings);
  for (std::size_t i = 0; i < settings.exports.size(); ++i) {
    const auto uri = parse_export_uri(settings.exports[i]);
    if (!uri || uri->kind->scheme != "netflow7") continue;
    if (std::count_if(plans.begin(), plans.end(), [&](const MonitorPlan& plan) { return uses(plan, *uri); }) < 2) {
      continue;
    }
    return value_error(place_of(places, "export", static_cast<int>(i)), settings.exports[i],
                       "several monitors send to it, and NetFlow v7 has no place for which of them made a record; "
                       "expected export: lines in the blocks that leave it to one of them, or another kind, such as "
                       "netflow9://HOST:PORT");
  }
  return {};
}

Checked check_sample(const Settings& settings, const Places& places) {
  bool samples = false;
  const std::vector<MonitorPlan> plans = monitor_plans(settings);
  for (std::size_t number = 0; number < plans.size(); ++number) {
    const MonitorPlan& plan = plans[number];
    const bool of_block = number < settings.monitors.size() && !settings.monitors[number].sample.empty();
    samples |= plan.flow.sampling.by != Sampling::By::nothing;
    if (plan.flow.sampling.by != Sampling::By::rate || plan.flow.when_full != WhenFull::overflow) continue;
    return value_error(
        of_block ? in_block(places, number, "sample") : place_of(places, "sample", 0), plan.sample,
        "what is summed beside a full table (--when-full overflow) has one rate; expected packets=1:N or "
        "flows=1:N, or another --when-full");
  }
  for (std::size_t i = 0; samples && i < settings.exports.size(); ++i) {
    const auto uri = parse_export_uri(settings.exports[i]);
    if (!uri || uri->kind->scheme != "netflow7") continue;
    const bool sampled = std::any_of(plans.begin(), plans.end(), [&](const MonitorPlan& plan) {
      return uses(plan, *uri) && plan.flow.sampling.by != Sampling::By::nothing;
    });
    if (!sampled) continue;
    return value_error(place_of(places, "export", static_cast<int>(i)), settings.exports[i],
                       "NetFlow v7 has no place for the rate of --sample, so every record would be lost; expected "
                       "another kind, such as netflow9://HOST:PORT");
  }
  if (samples || settings.sample_key.empty()) return {};
  return value_error(place_of(places, "sample_key", 0), settings.sample_key, "nothing is sampled; expected --sample");
}

}  // namespace

Checked check_rules(const Settings& settings, Command command, const Places& places) {
  if (auto good = check_monitors(settings, places); !good) return good;
  if (auto good = check_outputs(settings, places); !good) return good;
  if (auto good = check_input(settings, command, places); !good) return good;
  if (auto good = check_ports(settings, command, places); !good) return good;
  if (auto good = check_icmp_close(settings, places); !good) return good;
  if (auto good = check_key(settings, places); !good) return good;
  if (auto good = check_pair(settings, places); !good) return good;
  if (auto good = check_netflow7(settings, places); !good) return good;
  if (auto good = check_sample(settings, places); !good) return good;
  return check_cores(settings, command, places);
}

}  // namespace weir
