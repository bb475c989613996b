// ExportUri: what the text of an export URI says. Parsing opens and resolves nothing.
//
//   netflow9://HOST:PORT   ipfix://HOST:PORT   ipfix+tcp://HOST:PORT   netflow5://HOST:PORT   netflow7://HOST:PORT
//   protobuf+tcp://HOST:PORT   protobuf+unix:///PATH   kafka://BROKERS/TOPIC   protobuf:FILE   json:FILE
//
// with options behind '?' (which ones a form has: kOptions in export_uri.cc). FILE `-` is standard output; IPv6
// addresses stand in brackets. An option that does not exist is an error and never ignored: a probe that silently
// exports otherwise than it was told is worse than one that does not start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proto/encode/export_profile.h"

namespace weir {

enum class ExportKind : std::uint8_t {
  netflow9,
  ipfix,
  ipfix_tcp,
  netflow5,
  netflow7,
  protobuf_tcp,
  protobuf_unix,
  kafka,
  protobuf_file,
  json_file,
};

enum class Compression : std::uint8_t { none, gzip, snappy, lz4, zstd };

struct ExportUri {
  std::string text;  ///< as given: the exporter's name in messages and in the ledger
  ExportKind kind = ExportKind::json_file;
  std::string host;  ///< without brackets; kafka: the list of brokers
  std::uint16_t port = 0;
  std::string path;   ///< files and unix sockets; "-": standard output. With rotation: an strftime() pattern
  std::string topic;  ///< kafka

  // NetFlow and IPFIX.
  std::uint32_t mtu = 1400;  ///< of the path: IP header, UDP header and payload
  std::uint64_t template_refresh_ns = 20'000'000'000;
  ExportProfile profile = ExportProfile::rfc;
  std::vector<std::string_view> fields;  ///< of export_field_names(); empty: all
  bool uniflow = true;                   ///< kafka, too
  std::uint32_t source_id = 1;
  std::uint32_t rate = 0;  ///< flow records a second at most; 0: as fast as they come

  // Files and kafka.
  Compression compression = Compression::none;
  bool json = false;                ///< kafka: JSON messages instead of protobuf
  std::uint64_t rotate_ns = 0;      ///< a new file after so long; 0: never
  std::uint64_t rotate_octets = 0;  ///< or when it has so many octets; 0: any number

  [[nodiscard]] bool standard_output() const {
    return (kind == ExportKind::protobuf_file || kind == ExportKind::json_file) && path == "-";
  }
  [[nodiscard]] bool rotates() const { return rotate_ns != 0 || rotate_octets != 0; }
};

inline constexpr std::uint32_t kLeastMtu = 576;      ///< every IPv4 host takes that much (RFC 791)
inline constexpr std::uint32_t kGreatestMtu = 9000;  ///< jumbo frames
inline constexpr std::uint32_t kGreatestRate = 1'000'000'000;

/// Error: one line that names the URI, the part that is wrong, and what is expected.
tl::expected<ExportUri, std::string> parse_export_uri(const std::string& text);

}  // namespace weir
