#include "dataplane/flow/key_hash.h"

#include <sys/random.h>

#include <random>

namespace weir {

KeyHash::Seed KeyHash::random_seed() {
  Seed seed{};
  // getrandom() gives up to 256 octets whole once the kernel's source is ready, which it is long after boot.
  if (getrandom(seed.data(), sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
    std::random_device device;
    for (std::uint64_t& word : seed) word = (static_cast<std::uint64_t>(device()) << 32) | device();
  }
  return seed;
}

}  // namespace weir
