#include "control/prefix_options.h"

namespace weir {

KeyBits key_bits(const KeyFields& key) {
  const auto octet = [](unsigned bits) { return static_cast<std::uint8_t>(bits); };
  unsigned not_in_key = 0;
  if (!key.source_port) not_in_key |= kNoSourcePort;
  if (!key.destination_port) not_in_key |= kNoDestinationPort;
  if (!key.protocol) not_in_key |= kNoProtocol;
  return {{octet(key.source_prefix4), octet(key.destination_prefix4)},
          {octet(key.source_prefix6), octet(key.destination_prefix6)},
          octet(not_in_key)};
}

tl::expected<std::unique_ptr<PrefixStore>, std::string> open_prefixes(const Settings& settings) {
  const KeyBits bits = key_bits(settings.flow.key);
  if (settings.prefix_files.empty() && !bits.any()) return nullptr;
  auto store = PrefixStore::open(settings.prefix_files, bits);
  if (store) return store;
  return tl::make_unexpected("--prefixes: " + store.error());
}

}  // namespace weir
