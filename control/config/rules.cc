#include "control/config/rules.h"

#include <fmt/format.h>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/config/port_pair.h"
#include "control/config/value.h"
#include "control/export/export_uri.h"
#include "control/export/group_members.h"
#include "proto/base/cpu_list.h"

namespace weir {
namespace {

using Checked = tl::expected<void, ConfigError>;

std::string file_text(const std::string& file) {
  return file == "-" ? "standard output" : file;
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
  if (const auto groups = groups_of(uris); !groups) {
    const std::size_t at = groups.error().uri;
    return value_error(place_of(places, "export", static_cast<int>(at)), settings.exports[at], groups.error().what);
  }
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
    const auto [other, fresh] = ports_by_device.emplace(device_name(port), port);
    if (fresh) continue;
    return value_error(place_of(places, "port", static_cast<int>(i)), port,
                       other->second == port
                           ? std::string("given twice; expected every port once")
                           : fmt::format("the same device as {}; expected every device once", other->second));
  }
  if (command != Command::run || !settings.ports.empty()) return {};
  return tl::make_unexpected(
      ConfigError{"no port to take packets from; expected --port (or port: in the file) with a PCI address, as in "
                  "--port 0000:3b:00.0, or a vdev, as in --port net_af_packet0,iface=eth0",
                  2});
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
  if (!settings.flow.metrics.settings.icmp_close || settings.flow.metrics.wants_icmp_errors()) return {};
  return value_error(place_of(places, "icmp_close", 0), "on",
                     "only the metric icmp knows what an ICMP error quotes; expected icmp in --metrics");
}

Checked check_key(const Settings& settings, const Places& places) {
  const KeyFields& key = settings.flow.key;
  const auto wrong = [&](const char* what) { return value_error(place_of(places, "key", 0), settings.key_list, what); };
  if (key.out_if && settings.pairs.empty()) {
    return wrong("only ports in a pair have an egress interface; expected --pair, or a key without out_if");
  }
  if (key.holds_link_facts() && settings.flow.when_full == WhenFull::overflow) {
    return wrong(
        "what is summed beside a full table (--when-full overflow) has no MAC addresses and no inner VLAN; expected a "
        "key without src_mac, dst_mac and inner_vlan_id, or another --when-full");
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
  const Sampling::By by = settings.flow.sampling.by;
  if (settings.pairs.empty() || by == Sampling::By::nothing || by == Sampling::By::flows) return {};
  return value_error(place_of(places, "pair", 0), settings.pairs.front(),
                     "of packets that are sampled one by one, the two ports of a pair seldom show the same one; "
                     "expected --sample flows=1:N, or no --sample");
}

Checked check_sample(const Settings& settings, const Places& places) {
  if (settings.flow.sampling.by == Sampling::By::rate && settings.flow.when_full == WhenFull::overflow) {
    return value_error(
        place_of(places, "sample", 0), settings.sample,
        "what is summed beside a full table (--when-full overflow) has one rate; expected packets=1:N or "
        "flows=1:N, or another --when-full");
  }
  const bool samples = settings.flow.sampling.by != Sampling::By::nothing;
  for (std::size_t i = 0; samples && i < settings.exports.size(); ++i) {
    if (!settings.exports[i].starts_with("netflow7:")) continue;
    return value_error(place_of(places, "export", static_cast<int>(i)), settings.exports[i],
                       "NetFlow v7 has no place for the rate of --sample, so every record would be lost; expected "
                       "another kind, such as netflow9://HOST:PORT");
  }
  if (samples || settings.sample_key.empty()) return {};
  return value_error(place_of(places, "sample_key", 0), settings.sample_key, "nothing is sampled; expected --sample");
}

}  // namespace

Checked check_rules(const Settings& settings, Command command, const Places& places) {
  if (auto good = check_outputs(settings, places); !good) return good;
  if (auto good = check_ports(settings, command, places); !good) return good;
  if (auto good = check_icmp_close(settings, places); !good) return good;
  if (auto good = check_key(settings, places); !good) return good;
  if (auto good = check_pair(settings, places); !good) return good;
  if (auto good = check_sample(settings, places); !good) return good;
  return check_cores(settings, command, places);
}

}  // namespace weir
