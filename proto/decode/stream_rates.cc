#include "proto/decode/stream_rates.h"

#include <optional>

#include "proto/base/byte_order.h"
#include "proto/base/sampling_rate.h"

namespace weir {
namespace {

constexpr std::size_t kMostSamplers = 64;
constexpr std::size_t kMostInterfaces = 256;  // of each direction

template <typename Key>
void keep(std::map<Key, std::uint32_t>& rates, std::size_t most, Key key, std::uint32_t rate) {
  if (rates.size() < most || rates.contains(key)) rates[key] = rate;
}

std::uint32_t rate_at(const std::map<std::uint32_t, std::uint32_t>& rates, std::uint32_t interface) {
  const auto found = rates.find(interface);
  return found == rates.end() ? 0 : found->second;
}

/// What an options record is about.
struct Scope {
  std::optional<std::uint64_t> sampler, ingress, egress;
  std::uint64_t domain = 0;
};

void note_scope(FlowVersion version, std::uint16_t element, std::uint64_t number, Scope& scope) {
  if (version == FlowVersion::netflow9) {  // RFC 3954 section 6.1: 2 is the interface
    if (element == 2) scope.ingress = number;
    return;
  }
  if (element == 10) scope.ingress = number;  // ingressInterface
  if (element == 14) scope.egress = number;   // egressInterface
  if (element == 149) scope.domain = number;  // observationDomainId; 0: no one domain (RFC 7011 section 3.1)
}

}  // namespace

void StreamRates::note(const MessageHeader& header, std::span<const DecodedValue> values) {
  SamplingFields sampling;
  Scope scope;
  for (const DecodedValue& value : values) {
    if (value.enterprise != 0 || value.octets.empty() || value.octets.size() > 8) continue;
    const std::uint64_t number = be_integer(value.octets);
    const auto number32 = static_cast<std::uint32_t>(number <= UINT32_MAX ? number : 0);  // as wide as RFC 5477 has it
    if (value.scope) note_scope(header.version, value.element, number, scope);
    if (value.scope && header.version == FlowVersion::netflow9) continue;
    switch (value.element) {
      case 34:
        sampling.plain_rate = number32;
        break;
      case 48:   // samplerId
      case 302:  // selectorId
        scope.sampler = number;
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
  if (scope.domain != 0 && header.source_id != 0 && scope.domain != header.source_id) return;
  if (scope.sampler) {
    keep(sampler_rates_, kMostSamplers, *scope.sampler, rate);
  } else if (scope.ingress || scope.egress) {
    const std::uint64_t interface = scope.ingress ? *scope.ingress : *scope.egress;
    if (interface > UINT32_MAX) return;
    keep(scope.ingress ? ingress_rates_ : egress_rates_, kMostInterfaces, static_cast<std::uint32_t>(interface), rate);
  } else {
    default_rate_ = rate;
  }
}

std::uint32_t StreamRates::rate_of(RecordView flow, const std::uint64_t* sampler) const {
  if (sampler != nullptr) {
    const auto found = sampler_rates_.find(*sampler);
    if (found != sampler_rates_.end()) return found->second;
    // The sampler is unknown so far, or 0 for "not sampled". Another sampler's rate must not be used.
    if (!sampler_rates_.empty()) return 0;
  }
  if (const std::uint32_t rate = rate_at(ingress_rates_, flow->ingress_interface); rate != 0) return rate;
  if (const auto* const egress = flow.find<EgressSection>()) {
    if (const std::uint32_t rate = rate_at(egress_rates_, egress->interface); rate != 0) return rate;
  }
  if (default_rate_ != 0) return default_rate_;
  // An exporter with a single sampler often does not name it in its records.
  return sampler_rates_.size() == 1 ? sampler_rates_.begin()->second : 0;
}

}  // namespace weir
