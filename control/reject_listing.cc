#include "control/reject_listing.h"

#include <fmt/format.h>

namespace weir {

void RejectListing::add(std::uint64_t number, Reject reject) {
  ++packets_;
  if (reject == Reject::none) return;
  ++rejected_;
  Packets& packets = by_reject_[static_cast<std::size_t>(reject)];
  ++packets.count;
  if (packets.first.size() < kMost) packets.first.push_back(number);
}

std::string RejectListing::text() const {
  std::string out = fmt::format("{} of {} packets rejected{}\n", rejected_, packets_,
                                rejected_ == 0 ? "" : "; --explain N shows one, layer by layer");
  for (std::size_t i = 1; i < kRejectCount; ++i) {
    const Packets& packets = by_reject_[i];
    if (packets.count == 0) continue;
    out += fmt::format("  {}: {} packet{}\n    {}\n   ", kRejectTexts[i].name, packets.count,
                       packets.count == 1 ? "" : "s", kRejectTexts[i].description);
    for (const std::uint64_t number : packets.first) out += fmt::format(" {}", number);
    if (packets.count > packets.first.size()) out += fmt::format(" and {} more", packets.count - packets.first.size());
    out += '\n';
  }
  return out;
}

}  // namespace weir
