// Collectors that others wrote, as a test uses them: nfcapd with nfdump, nfacctd, and tshark on the datagrams.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/support/known_traffic.h"
#include "tests/support/process.h"
#include "tests/support/truth.h"

namespace weir::test {

/// "2022-06-12T14:15:22.443", UTC.
std::uint64_t parse_time_ms(const std::string& text);

/// nfcapd from its start to its end, and what nfdump says of the file it wrote.
class Nfcapd {
 public:
  Nfcapd();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// For `--export`.
  [[nodiscard]] std::string uri(const std::string& scheme = "netflow9", const std::string& options = {}) const;

  /// Ends nfcapd once it has read everything. Reports what it counts as an error.
  /// `gaps`: it may count some in the sequence. It leaves options data out when it counts the records of IPFIX, so that
  /// each announcement but the first is one to it.
  void finish(bool gaps = false);
  /// nfdump's flows, one JSON object each. The process's time zone must be UTC: nfdump prints local time.
  [[nodiscard]] nlohmann::json flows() const;

 private:
  TemporaryFolder folder_;
  std::uint16_t port_;
  Process nfcapd_;
  std::string file_;
};

/// What nfdump shows of one direction; adds to what is there.
void add_nfdump_flow(SeenFlows& flows, const nlohmann::json& flow);

/// nfacctd with its print plugin.
class Nfacctd {
 public:
  Nfacctd();
  [[nodiscard]] std::string uri(const std::string& scheme = "netflow9", const std::string& options = {}) const;
  /// Ends nfacctd once it has read everything; its flows, one JSON object each.
  [[nodiscard]] nlohmann::json finish();
  /// After finish(): the lines of its log that say what it could not read.
  [[nodiscard]] std::string complaints() const;

 private:
  std::string configuration();
  [[nodiscard]] std::string log() const;

  TemporaryFolder folder_;
  std::uint16_t port_;
  Process nfacctd_;
};

/// What nfacctd shows of one direction; adds to what is there.
void add_nfacctd_flow(SeenFlows& flows, const nlohmann::json& flow);

/// The port in captures for tshark, which must be told that it is NetFlow.
inline constexpr std::uint16_t kTsharkPort = 2055;

/// The values of `fields` (comma-separated where there are several) of each frame.
std::vector<std::vector<std::string>> tshark_fields(const std::string& capture, const std::string& filter,
                                                    const std::vector<std::string>& fields);

/// What tshark says of every data record with addresses, and what it cannot read: text that is "" if all is well.
struct TsharkReading {
  SeenFlows flows;
  std::size_t records = 0;
  std::string complaints;  ///< malformed, expert information (gaps in the sequence, unknown templates, lengths)
  std::vector<std::string> unknown;  ///< fields it has no name for, one line each
};
TsharkReading tshark_reading(const std::string& capture);

}  // namespace weir::test
