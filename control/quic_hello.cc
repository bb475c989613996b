#include "control/quic_hello.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/tls_fingerprint.h"
#include "control/tls_hello.h"
#include "proto/base/byte_order.h"
#include "proto/record/fields.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

/// The packets that were kept, each after its length.
std::vector<Octets> packets_in(Octets kept) {
  std::vector<Octets> packets;
  while (kept.size() >= 2 && packets.size() < QuicHelloSection::kMostPackets) {
    const std::size_t octets = load_be<std::uint16_t>(kept.data());
    if (octets > kept.size() - 2) break;
    packets.push_back(kept.subspan(2, octets));
    kept = kept.subspan(2 + octets);
  }
  return packets;
}

constexpr std::size_t kMessageHeader = 4;  // type and length of a handshake message (RFC 8446 section 4)

/// Whether the ClientHello at the beginning of the octets is all there.
bool is_whole(Octets message) {
  return message.size() >= kMessageHeader && be_integer(message.subspan(1, 3)) <= message.size() - kMessageHeader;
}

/// What the client's packets carry.
void put_together(QuicInitialOpener& opener, const std::vector<Octets>& packets, QuicCryptoStream& stream) {
  std::optional<QuicInitialKeys> first_keys;
  std::uint32_t version = 0;
  for (const Octets packet : packets) {
    const auto header = read_quic_packet(packet, static_cast<std::uint32_t>(packet.size()));
    if (!header || header->type != QuicPacketType::initial) continue;
    const auto own_keys = opener.keys(header->version, header->destination, QuicEnd::client);
    auto frames = own_keys ? opener.open(packet, *header, *own_keys) : std::nullopt;
    if (!frames && first_keys) frames = opener.open(packet, *header, *first_keys);
    if (!frames) continue;
    if (version != 0 && header->version != version) stream = {};  // after version negotiation the client begins anew
    version = header->version;
    if (!first_keys) first_keys = own_keys;
    stream.add_frames(*frames,
                      version == kQuicGoogle50 ? QuicCryptoStream::kGoogleCryptoFrame : QuicCryptoStream::kCryptoFrame);
    if (is_whole(stream.octets())) return;
  }
}

/// The parts of a ClientHello (RFC 8446 section 4.1.2) that read_client_hello() wants, one after the other; what is
/// there of them.
std::vector<std::uint8_t> parts_of(Octets body) {
  constexpr std::size_t kRandom = 32;
  std::vector<std::uint8_t> parts;
  const auto keep = [&](std::size_t count) {
    const Octets there = body.first(std::min(count, body.size()));
    parts.insert(parts.end(), there.begin(), there.end());
    body = body.subspan(there.size());
    return there.size() == count;
  };
  const auto skip = [&](std::size_t count) {
    const bool all = count <= body.size();
    body = body.subspan(std::min(count, body.size()));
    return all;
  };
  if (!keep(2) || !skip(kRandom) || body.empty() || !skip(std::size_t{1} + body[0])) return parts;
  if (body.size() < 2) return parts;
  if (!keep(2 + std::size_t{load_be<std::uint16_t>(body.data())})) return parts;
  if (body.empty() || !skip(std::size_t{1} + body[0]) || body.size() < 2) return parts;
  const std::size_t extensions = load_be<std::uint16_t>(body.data());
  body = body.subspan(2);
  keep(extensions);
  return parts;
}

/// The server name in the first message of Google's own handshake, which Q050 has instead of TLS: "CHLO", a count, and
/// for each value its tag and where it ends, all little-endian; then the values.
TlsText google_server_name(Octets message) {
  constexpr std::size_t kHeader = 8, kEntry = 8;
  constexpr std::string_view kTag("SNI\0", 4);
  const std::size_t count = message[4] | message[5] << 8;
  if (count > (message.size() - kHeader) / kEntry) return {};
  const Octets values = message.subspan(kHeader + count * kEntry);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* const entry = message.data() + kHeader + i * kEntry;
    const std::size_t end = entry[4] | entry[5] << 8 | entry[6] << 16 | std::size_t{entry[7]} << 24;
    if (end < begin) return {};
    if (std::memcmp(entry, kTag.data(), kTag.size()) == 0) {
      const Octets from = values.subspan(std::min(begin, values.size()));
      const Octets name = from.first(std::min(end - begin, from.size()));
      return {name, name.size() != end - begin};
    }
    begin = end;
  }
  return {};
}

void put(QuicHelloSection& section, std::size_t place, unsigned known, const TlsText& text) {
  if (text.octets.empty()) return;
  put_text_at(section.octets + place, {reinterpret_cast<const char*>(text.octets.data()), text.octets.size()});
  if (text.cut) section.octets[place] = 1;
  section.known = static_cast<std::uint8_t>(section.known | known);
}

void put_versions(QuicHelloSection& section) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(section.offered_versions, QuicHelloSection::kMostVersions); ++i) {
    if (!text.empty()) text += ',';
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[section.offered[i] >> shift & 0xf];
  }
  put_text_at(section.octets + QuicHelloSection::kVersionsAt, text);
  if (section.offered_cut != 0) section.octets[QuicHelloSection::kVersionsAt] = 1;
  section.known |= QuicHelloSection::kVersions;
  std::memset(section.offered, 0, sizeof section.offered);
  section.offered_versions = section.offered_cut = 0;
}

}  // namespace

void QuicHelloDecoder::decode(QuicHelloSection& section, TlsSection* tls) {
  if (section.packet_octets == 0 && section.offered_versions == 0) return;
  const std::size_t octets = std::min<std::size_t>(section.packet_octets, QuicHelloSection::kMostOctets);
  QuicCryptoStream stream;
  put_together(opener_, packets_in(Octets(section.octets, octets)), stream);
  std::memset(section.octets, 0, octets);
  section.packet_octets = 0;
  section.known = 0;
  if (section.offered_versions != 0) put_versions(section);

  constexpr std::uint8_t kClientHello = 1;
  const Octets message = stream.octets();
  constexpr std::string_view kGoogleHello = "CHLO";
  if (message.size() > 8 && std::memcmp(message.data(), kGoogleHello.data(), kGoogleHello.size()) == 0) {
    return put(section, QuicHelloSection::kSniAt, QuicHelloSection::kSni, google_server_name(message));
  }
  if (message.size() <= kMessageHeader || message[0] != kClientHello) return;
  const bool whole = is_whole(message);
  const std::size_t body = whole ? be_integer(message.subspan(1, 3)) : message.size() - kMessageHeader;
  const std::vector<std::uint8_t> parts = parts_of(message.subspan(kMessageHeader, body));
  const TlsHello hello = read_client_hello(parts);
  put(section, QuicHelloSection::kSniAt, QuicHelloSection::kSni, server_name(hello));
  put(section, QuicHelloSection::kAlpnAt, QuicHelloSection::kAlpn, first_protocol(hello));
  if (tls != nullptr && whole) put_tls_client(*tls, hello, 'q');
}

}  // namespace weir
