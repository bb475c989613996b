// ExportUri: what the text of an export URI says. Parsing opens and resolves nothing.
//
//   netflow9://HOST:PORT[?mtu=&template_refresh=&uniflow=&source_id=&rate=]
//   protobuf+tcp://HOST:PORT   protobuf+unix:///PATH   protobuf:FILE   json:FILE
//
// FILE `-` is standard output; IPv6 addresses stand in brackets. An option that does not exist is an error and never
// ignored: a probe that silently exports otherwise than it was told is worse than one that does not start.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace weir {

enum class ExportKind : std::uint8_t { netflow9, protobuf_tcp, protobuf_unix, protobuf_file, json_file };

struct ExportUri {
  std::string text;  ///< as given: the exporter's name in messages and in the ledger
  ExportKind kind = ExportKind::json_file;
  std::string host;  ///< netflow9 and protobuf_tcp, without brackets
  std::uint16_t port = 0;
  std::string path;  ///< files and unix sockets; "-": standard output

  // netflow9's options.
  std::uint32_t mtu = 1400;  ///< of the path: IP header, UDP header and payload
  std::uint64_t template_refresh_ns = 20'000'000'000;
  bool uniflow = true;
  std::uint32_t source_id = 1;
  std::uint32_t rate = 0;  ///< flow records a second at most; 0: as fast as they come

  [[nodiscard]] bool standard_output() const {
    return (kind == ExportKind::protobuf_file || kind == ExportKind::json_file) && path == "-";
  }
};

inline constexpr std::uint32_t kLeastMtu = 576;      ///< every IPv4 host takes that much (RFC 791)
inline constexpr std::uint32_t kGreatestMtu = 9000;  ///< jumbo frames
inline constexpr std::uint32_t kGreatestRate = 1'000'000'000;

/// Error: one line that names the URI, the part that is wrong, and what is expected.
tl::expected<ExportUri, std::string> parse_export_uri(const std::string& text);

}  // namespace weir
