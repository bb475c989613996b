// Exporters that others wrote, as a test uses them, and weir-collect at their other end.
//
// Each meters a capture file and sends what it found to an address, as NetFlow v5, v9 or IPFIX ("10").
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/known_traffic.h"
#include "tests/support/process.h"

namespace weir::test {

/// weir-collect on a UDP or TCP port of its own. `folder_of_programs`: where it was built.
class WeirCollect {
 public:
  WeirCollect(const std::string& folder_of_programs, const std::string& scheme,
              const std::vector<std::string>& more = {"--json", "--options"});
  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + port_; }

  struct Result {
    std::vector<nlohmann::json> lines;
    nlohmann::json summary;
  };
  /// Ends it; it still takes what its socket holds.
  Result finish();

 private:
  TemporaryFolder folder_;
  Process process_;
  std::string port_;
};

/// The JSON objects of a text, one a line.
std::vector<nlohmann::json> json_lines(const std::string& text);

/// What weir's JSON says of records in one direction each; options records are passed over.
SeenFlows seen_flows(const std::vector<nlohmann::json>& lines);

void softflowd(const std::string& capture, const std::string& address, const std::string& version,
               const std::vector<std::string>& more = {});
/// What nfpcapd makes of the capture, sent by nfreplay; 5 and 9 only.
void nfreplay(const std::string& capture, const std::string& port, const std::string& version);
/// pmacctd with its nfprobe plugin.
void nfprobe(const std::string& capture, const std::string& address, const std::string& version,
             const std::string& more_fields = {});

/// The datagrams that a program sent to a port of the test's own.
std::vector<Bytes> datagrams_of(const std::function<void(const std::string& address)>& send);

}  // namespace weir::test
