#include "proto/decode/stream_rates.h"

#include "proto/base/byte_order.h"
#include "proto/base/sampling_rate.h"

namespace weir {
namespace {

constexpr std::size_t kMostSamplers = 64;
constexpr std::size_t kMostInterfaces = 256;

}  // namespace

void StreamRates::note(FlowVersion version, std::span<const DecodedValue> values) {
  SamplingFields sampling;
  std::uint64_t sampler = 0, interface = 0;
  bool has_sampler = false, has_interface = false;
  for (const DecodedValue& value : values) {
    if (value.enterprise != 0 || value.octets.empty() || value.octets.size() > 8) continue;
    const std::uint64_t number = be_integer(value.octets);
    const auto number32 = static_cast<std::uint32_t>(number <= UINT32_MAX ? number : 0);  // as wide as RFC 5477 has it
    if (value.scope && version == FlowVersion::netflow9) {  // RFC 3954 section 6.1: 2 is the interface
      if (value.element == 2) {
        interface = number;
        has_interface = true;
      }
      continue;
    }
    switch (value.element) {
      case 10:  // ingressInterface, as a scope
        interface = number;
        has_interface = value.scope;
        break;
      case 34:
        sampling.plain_rate = number32;
        break;
      case 48:   // samplerId
      case 302:  // selectorId
        sampler = number;
        has_sampler = true;
        break;
      case 50:
        sampling.sampler_rate = number32;
        break;
      case 160:  // systemInitTimeMilliseconds
        system_init_ms_ = number;
        break;
      case 304:
        sampling.algorithm = number32;
        break;
      case 305:
        sampling.interval = number32;
        break;
      case 306:
        sampling.space = number32;
        break;
      case 309:
        sampling.size = number32;
        break;
      case 310:
        sampling.population = number32;
        break;
      case 311:
        sampling.probability = number;
        break;
      default:
        break;
    }
  }
  const std::uint32_t rate = sampling_rate(sampling);
  if (rate == 0) return;
  if (has_sampler) {
    if (sampler_rates_.size() < kMostSamplers || sampler_rates_.contains(sampler)) {
      sampler_rates_[sampler] = rate;
    }
  } else if (has_interface && interface <= UINT32_MAX) {
    const auto number = static_cast<std::uint32_t>(interface);
    if (interface_rates_.size() < kMostInterfaces || interface_rates_.contains(number)) {
      interface_rates_[number] = rate;
    }
  } else {
    default_rate_ = rate;
  }
}

std::uint32_t StreamRates::rate_of(const FlowRecord& flow, const std::uint64_t* sampler) const {
  if (sampler != nullptr) {
    const auto found = sampler_rates_.find(*sampler);
    if (found != sampler_rates_.end()) return found->second;
    // The sampler is unknown so far, or 0 for "not sampled". Another sampler's rate must not be used.
    if (!sampler_rates_.empty()) return 0;
  }
  const auto found = interface_rates_.find(flow.ingress_interface);
  if (found != interface_rates_.end()) return found->second;
  if (default_rate_ != 0) return default_rate_;
  // An exporter with a single sampler often does not name it in its records.
  return sampler_rates_.size() == 1 ? sampler_rates_.begin()->second : 0;
}

}  // namespace weir
