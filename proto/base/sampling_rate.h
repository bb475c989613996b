// The sampling rate that an exporter's elements say, of a record or of options data: one rule for both.
//
// There are five ways to say that one packet in N was taken, and exporters mix them:
//
// - 305 and 306, systematic count-based (selectorAlgorithm 1): 305 packets are taken, then 306 are not. The rate is
//   (305 + 306) / 305; without 306 it is 305.
// - 309 and 310, random n out of N (selectorAlgorithm 3): 309 packets of 310. The rate is 310 / 309.
// - 311, uniform probabilistic (selectorAlgorithm 4): each packet with that probability. The rate is 1 / 311.
// - 50 (NetFlow v9's samplers): the rate itself.
// - 34 (NetFlow v9): the rate itself.
//
// The way that selectorAlgorithm (304) names decides if it says a rate above 1. Else the first way in this order that
// says a rate above 1 decides. A rate of 1 gives way, since exporters fill in 305 with 1 beside the elements that they
// mean (IOS XR). If no way says more, the rate is 1 if one of them says so, else it is unknown. Rates are rounded to
// the nearest whole number. RFC 5477 section 8.2 defines the elements.
#pragma once

#include <cstdint>

namespace weir {

/// Values of the elements; 0: it did not come.
struct SamplingFields {
  std::uint64_t probability = 0;   ///< 311: the bits of a float64, or of a float32 as IPFIX may shorten it
  std::uint32_t interval = 0;      ///< 305 samplingPacketInterval
  std::uint32_t space = 0;         ///< 306 samplingPacketSpace
  std::uint32_t size = 0;          ///< 309 samplingSize
  std::uint32_t population = 0;    ///< 310 samplingPopulation
  std::uint32_t sampler_rate = 0;  ///< 50 samplerRandomInterval
  std::uint32_t plain_rate = 0;    ///< 34 samplingInterval
  std::uint32_t algorithm = 0;     ///< 304 selectorAlgorithm
};

/// One packet in this many was taken. 0: the elements do not say.
std::uint32_t sampling_rate(const SamplingFields& fields);

}  // namespace weir
