// The walk's 802.11 steps: data frames, and the headers that capture files have before them.
#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

/// IEEE 802.11 §9.2, data frames.
LayerWalk::Next LayerWalk::ieee80211() {
  if (left() < 2) return stop(Reject::link_truncated);
  const unsigned control = at_[swapped_control_ ? 1 : 0];
  const unsigned flags = at_[swapped_control_ ? 0 : 1];
  swapped_control_ = false;
  const unsigned type = control >> 2 & 3;
  const unsigned subtype = control >> 4;
  const bool version_fits = (control & 3) == 0;
  // Subtype bit 2 means that there is no data (§9.2.4.1.3).
  if (!version_fits || type != 2 || (subtype & 4) != 0) return stop(Reject::wifi_no_data);
  std::size_t octets = 24;
  if ((flags & 3) == 3) octets += 6;  // to and from the distribution system: a fourth address
  std::size_t quality = 0;
  if ((subtype & 8) != 0) {  // quality of service
    quality = octets;
    octets += 2;
    if ((flags & 0x80) != 0) octets += 4;  // +HTC
  }
  if (left() < octets) return stop(Reject::link_truncated);
  if ((at_[22] & 0x0f) != 0) return stop(Reject::wifi_no_data);  // a later fragment: no LLC header
  if ((flags & 0x40) != 0) return stop(Reject::wifi_protected);
  const bool aggregate = quality != 0 && (at_[quality] & 0x80) != 0;
  // §9.2.4.5.10: a mesh control field follows. Outside a mesh the bit means something else; the field's reserved bits
  // and its address extension then tell an LLC header apart.
  const bool maybe_mesh = quality != 0 && (flags & 2) != 0 && (at_[quality + 1] & 1) != 0;
  if (data_pad_) octets = (octets + 3) & ~std::size_t{3};
  if (left() < octets) return stop(Reject::link_truncated);
  if (!aggregate) {
    // §9.3.2.1, table 9-30: which of the addresses are the destination's and the source's, by To DS and From DS.
    constexpr std::uint8_t kDestination[4] = {4, 16, 4, 16};
    constexpr std::uint8_t kSource[4] = {10, 10, 16, 24};
    note_mac_addresses(kDestination[flags & 3], kSource[flags & 3]);
  }
  pass("802.11 data", octets);
  if (aggregate) {
    // §9.3.2.2: of several frames in one, the first is parsed and stands for all, since a frame counts once.
    if (left() < 14) return stop(Reject::link_truncated);
    const unsigned length = be16(12);
    note_mac_addresses(0, 6);
    pass("A-MSDU subframe", 14);
    bound(length);
  } else if (maybe_mesh && left() >= 6 && at_[0] < 3) {
    const std::size_t mesh =
        6 + at_[0] * std::size_t{6};  // §9.2.4.7.3: flags, time to live, sequence number, addresses
    if (left() < mesh) return stop(Reject::link_truncated);
    pass("802.11 mesh control", mesh);
  }
  return Next::llc;
}

/// radiotap.org: version, pad, length (little endian), bitmaps of what is there, then that. Of all fields only the
/// flags matter: whether the 802.11 header is padded.
LayerWalk::Next LayerWalk::radiotap() {
  const auto le32 = [this](std::size_t offset) { return __builtin_bswap32(be32(offset)); };
  if (left() < 8) return stop(Reject::link_truncated);
  const std::size_t octets = at_[2] | static_cast<std::size_t>(at_[3]) << 8;
  if (octets < 8 || left() < octets) return stop(Reject::link_truncated);
  const std::uint32_t present = le32(4);
  std::size_t fields = 8;
  for (std::uint32_t more = present; (more >> 31) != 0;) {  // bit 31: another bitmap follows
    if (fields + 4 > octets) return stop(Reject::link_truncated);
    if (!spend()) return stop(Reject::too_many_headers);
    more = le32(fields);
    fields += 4;
  }
  constexpr std::uint32_t kTsft = 1;
  constexpr std::uint32_t kFlags = 2;
  if ((present & kTsft) != 0) fields = ((fields + 7) & ~std::size_t{7}) + 8;  // fields are aligned to their size
  data_pad_ = (present & kFlags) != 0 && fields < octets && (at_[fields] & 0x20) != 0;
  pass("radiotap", octets);
  return Next::ieee80211;
}

/// LINKTYPE_IEEE802_11_PRISM: message code and length in the byte order of the machine that wrote it, 144 octets as a
/// rule. Drivers put AVS headers into such files, too.
LayerWalk::Next LayerWalk::prism() {
  if (left() < 8) return stop(Reject::link_truncated);
  if ((be32(0) & 0xfffff000) == 0x80211000) return Next::avs;
  const std::uint32_t big = be32(4);
  const std::uint32_t octets = big > 0xffff ? __builtin_bswap32(big) : big;
  if (octets < 8 || left() < octets) return stop(Reject::link_truncated);
  pass("Prism", octets);
  return Next::ieee80211;
}

/// AVS: version and length, big endian.
LayerWalk::Next LayerWalk::avs() {
  if (left() < 8) return stop(Reject::link_truncated);
  const std::uint32_t octets = be32(4);
  if (octets < 8 || left() < octets) return stop(Reject::link_truncated);
  pass("AVS", octets);
  return Next::ieee80211;
}

}  // namespace weir
