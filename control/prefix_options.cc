#include "control/prefix_options.h"

namespace weir {

KeyBits key_bits(const KeyFields& key) {
  const auto octet = [](unsigned bits) { return static_cast<std::uint8_t>(bits); };
  return {{octet(key.source_prefix4), octet(key.destination_prefix4)},
          {octet(key.source_prefix6), octet(key.destination_prefix6)}};
}

tl::expected<std::unique_ptr<PrefixStore>, std::string> open_prefixes(const Settings& settings) {
  if (settings.prefix_files.empty()) return nullptr;
  auto store = PrefixStore::open(settings.prefix_files, key_bits(settings.flow.key));
  if (store) return store;
  return tl::make_unexpected("--prefixes: " + store.error());
}

}  // namespace weir
