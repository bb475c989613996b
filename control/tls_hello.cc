#include "control/tls_hello.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "control/tls_fingerprint.h"
#include "proto/base/byte_order.h"
#include "proto/record/fields.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

// Extension types (IANA).
constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kAlpn = 16;
constexpr std::uint16_t kSupportedVersions = 43;

std::uint16_t u16(Octets octets, std::size_t at) {
  return load_be<std::uint16_t>(octets.data() + at);
}
std::string_view text_of(Octets octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}
/// What there is of `count` octets.
Octets take(Octets& from, std::size_t count) {
  const Octets taken = from.first(std::min(count, from.size()));
  from = from.subspan(taken.size());
  return taken;
}

void read_extensions(Octets kept, TlsHello& hello) {
  while (kept.size() >= 4) {
    const std::uint16_t type = u16(kept, 0);
    const std::size_t octets = u16(kept, 2);
    kept = kept.subspan(4);
    const Octets data = take(kept, octets);
    hello.extensions.push_back({type, data, data.size() != octets});
  }
}

/// Of nothing, nothing: so that a section without the value has zeros there.
void put(TlsSection& section, std::size_t place, unsigned known, const TlsText& part) {
  if (part.octets.empty()) return;
  put_text_at(section.octets + place, text_of(part.octets));
  if (part.cut) section.octets[place] = 1;
  section.known = static_cast<std::uint8_t>(section.known | known);
}

void put_version(TlsSection& section, const TlsHello& hello) {
  section.client_version = offered_version(hello);
  section.known |= TlsSection::kClient;
}
void put_fingerprint(TlsSection& section, std::size_t place, unsigned known, const std::string& text) {
  put(section, place, known, {Octets(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())});
}

}  // namespace

TlsText server_name(const TlsHello& hello) {
  constexpr std::size_t kBefore = 5;  // length of the list, type and length of the name
  const auto* const extension = hello.find(kServerName);
  if (extension == nullptr || extension->data.size() <= kBefore || extension->data[2] != 0) return {};
  const std::size_t octets = u16(extension->data, 3);
  Octets rest = extension->data.subspan(kBefore);
  Octets name = take(rest, octets);
  const bool cut = name.size() != octets;
  if (!cut && !name.empty() && name.back() == '.') name = name.first(name.size() - 1);
  return {name, cut};
}

TlsText first_protocol(const TlsHello& hello) {
  constexpr std::size_t kBefore = 3;  // length of the list, and of the first one
  const auto* const extension = hello.find(kAlpn);
  if (extension == nullptr || extension->data.size() <= kBefore) return {};
  const std::size_t octets = extension->data[2];
  Octets rest = extension->data.subspan(kBefore);
  const Octets protocol = take(rest, octets);
  return {protocol, protocol.size() != octets};
}

const TlsHello::Extension* TlsHello::find(std::uint16_t type) const {
  const auto found = std::find_if(extensions.begin(), extensions.end(),
                                  [type](const Extension& extension) { return extension.type == type; });
  return found == extensions.end() ? nullptr : &*found;
}

TlsHello read_client_hello(Octets kept) {
  TlsHello hello;
  if (kept.size() < 2) return hello;
  hello.version = u16(kept, 0);
  kept = kept.subspan(2);
  if (kept.size() < 2) return hello;
  const std::size_t suites = u16(kept, 0);
  kept = kept.subspan(2);
  hello.suites = take(kept, suites);
  if (hello.suites.size() == suites) read_extensions(kept, hello);
  return hello;
}

TlsHello read_server_hello(Octets kept) {
  TlsHello hello;
  if (kept.size() < 4) return hello;
  hello.version = u16(kept, 0);
  hello.suites = kept.subspan(2, 2);
  read_extensions(kept.subspan(4), hello);
  return hello;
}

bool is_grease(std::uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

std::uint16_t offered_version(const TlsHello& hello) {
  const auto* const versions = hello.find(kSupportedVersions);
  std::uint16_t greatest = 0;
  for (std::size_t at = 1; versions != nullptr && at + 2 <= versions->data.size(); at += 2) {
    const std::uint16_t version = u16(versions->data, at);
    if (!is_grease(version)) greatest = std::max(greatest, version);
  }
  return greatest != 0 ? greatest : hello.version;
}

void put_tls_client(TlsSection& section, const TlsHello& hello, char transport) {
  put_version(section, hello);
  put_fingerprint(section, TlsSection::kJa3At, TlsSection::kJa3, ja3(hello));
  put_fingerprint(section, TlsSection::kJa4At, TlsSection::kJa4, ja4(hello, transport));
}

void decode_tls_hellos(TlsSection& section) {
  if (section.client_octets == 0 && section.server_octets == 0 && section.kept == 0) return;
  std::array<std::uint8_t, sizeof section.octets> kept;
  std::memcpy(kept.data(), section.octets, kept.size());
  const Octets all(kept);
  const TlsHello client =
      read_client_hello(all.first(std::min<std::size_t>(section.client_octets, TlsSection::kMostClient)));
  const TlsHello server = read_server_hello(
      all.subspan(TlsSection::kMostClient, std::min<std::size_t>(section.server_octets, TlsSection::kMostServer)));
  const bool whole = (section.kept & TlsSection::kClientWhole) != 0;
  const bool ssl2 = (section.kept & TlsSection::kSsl2) != 0;
  section = {};

  if (whole && ssl2) put_version(section, client);
  if (!server.suites.empty()) {
    const auto* const chosen = server.find(kSupportedVersions);
    section.server_version = chosen != nullptr && chosen->data.size() >= 2 ? u16(chosen->data, 0) : server.version;
    section.cipher = u16(server.suites, 0);
    section.known |= TlsSection::kServer;
  }
  put(section, TlsSection::kSniAt, TlsSection::kSni, server_name(client));
  const TlsText chosen = first_protocol(server);
  put(section, TlsSection::kAlpnAt, TlsSection::kAlpn, chosen.octets.empty() ? first_protocol(client) : chosen);
  if (whole && !ssl2) put_tls_client(section, client, 't');
}

}  // namespace weir
