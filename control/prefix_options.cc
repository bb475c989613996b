#include "control/prefix_options.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "control/config/monitor_blocks.h"

namespace weir {

KeyBits key_bits(const KeyFields& key) {
  const auto octet = [](unsigned bits) { return static_cast<std::uint8_t>(bits); };
  unsigned not_in_key = 0;
  if (!key.source_port) not_in_key |= kNoSourcePort;
  if (!key.destination_port) not_in_key |= kNoDestinationPort;
  if (!key.protocol) not_in_key |= kNoProtocol;
  return {{octet(key.source_prefix4), octet(key.destination_prefix4)},
          {octet(key.source_prefix6), octet(key.destination_prefix6)},
          octet(not_in_key),
          {key.source_as, key.destination_as}};
}

AsLookup as_lookup_in(std::shared_ptr<const RouteMap> map) {
  const AsLookup::Find find = [](const void* routes, std::uint8_t ip_version, std::span<const AddressBits> addresses,
                                 std::span<std::uint32_t> as_numbers) {
    static_cast<const RouteMap*>(routes)->find_as_numbers(ip_version, addresses, as_numbers);
  };
  return {find, std::move(map)};
}

tl::expected<PrefixStores, std::string> open_prefixes(const Settings& settings) {
  PrefixStores stores;
  std::vector<KeyBits> bits;
  for (const MonitorPlan& plan : monitor_plans(settings)) {
    const KeyBits wanted = key_bits(plan.flow.key);
    if (settings.prefix_files.empty() && !wanted.any()) {
      stores.of_monitor.push_back(nullptr);
      continue;
    }
    const auto alike = std::find(bits.begin(), bits.end(), wanted);
    if (alike != bits.end()) {
      stores.of_monitor.push_back(stores.all[static_cast<std::size_t>(alike - bits.begin())].get());
      continue;
    }
    auto store = PrefixStore::open(settings.prefix_files, wanted);
    if (!store) return tl::make_unexpected("--prefixes: " + store.error());
    bits.push_back(wanted);
    stores.all.push_back(std::move(*store));
    stores.of_monitor.push_back(stores.all.back().get());
  }
  return stores;
}

tl::expected<AsLookup, std::string> first_as_lookup(const Settings& settings) {
  if (!monitor_plans(settings).front().flow.key.as_ends().any()) return AsLookup{};
  const auto prefixes = open_prefixes(settings);
  if (!prefixes) return tl::make_unexpected(prefixes.error());
  return as_lookup_in(prefixes->of_monitor.front()->whole_map());
}

}  // namespace weir
