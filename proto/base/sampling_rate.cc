#include "proto/base/sampling_rate.h"

#include <bit>
#include <initializer_list>
#include <limits>

namespace weir {
namespace {

constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

// selectorAlgorithm of RFC 5477 section 8.2.1.
constexpr std::uint32_t kSystematicCount = 1;
constexpr std::uint32_t kRandomOutOf = 3;
constexpr std::uint32_t kUniformProbabilistic = 4;

/// `packets` for each `taken`, to the nearest whole number; 0 where that is no rate.
std::uint32_t ratio(std::uint64_t packets, std::uint64_t taken) {
  if (taken == 0 || packets < taken) return 0;
  const std::uint64_t rate = (packets + taken / 2) / taken;
  return rate <= kMost ? static_cast<std::uint32_t>(rate) : 0;
}

std::uint32_t by_count(const SamplingFields& fields) {
  if (fields.space == 0) return fields.interval;
  return ratio(std::uint64_t{fields.interval} + fields.space, fields.interval);
}

std::uint32_t by_size(const SamplingFields& fields) {
  return ratio(fields.population, fields.size);
}

std::uint32_t by_probability(const SamplingFields& fields) {
  // A value of 32 bits is a float32 (RFC 7011 section 6.2): read as a float64 it would be less than 10^-313.
  const double probability = fields.probability <= kMost
                                 ? double{std::bit_cast<float>(static_cast<std::uint32_t>(fields.probability))}
                                 : std::bit_cast<double>(fields.probability);
  if (!(probability > 0 && probability <= 1)) return 0;  // no number at all fails this, too
  const double rate = 1 / probability + 0.5;
  return rate < double{kMost} ? static_cast<std::uint32_t>(rate) : 0;
}

}  // namespace

std::uint32_t sampling_rate(const SamplingFields& fields) {
  const std::uint32_t count = by_count(fields);
  const std::uint32_t size = by_size(fields);
  const std::uint32_t probability = by_probability(fields);
  const std::uint32_t named = fields.algorithm == kSystematicCount        ? count
                              : fields.algorithm == kRandomOutOf          ? size
                              : fields.algorithm == kUniformProbabilistic ? probability
                                                                          : 0;
  std::uint32_t rate = 0;
  for (const std::uint32_t said : {named, count, size, probability, fields.sampler_rate, fields.plain_rate}) {
    if (said > 1) return said;
    if (said == 1) rate = 1;
  }
  return rate;
}

}  // namespace weir
