// Prometheus: what `weirctl status` and `weirctl ledger` show, for a Prometheus server to fetch (`--prometheus`).
//
// The metrics are built from the two replies of the control service at the moment of each scrape, so a count cannot be
// in one and not in the other, and every name of the lists of rejects and losses is there, also while it is 0. Names:
// weir_..., counters end in _total, reasons are the label `reason`, workers `worker`, exporters `exporter` (the URI).
// Lateness is a histogram of seconds with the bounds of control/export/lateness.h. Values are doubles, as Prometheus
// has them: exact up to 2^53.
//
// The HTTP server is prometheus-cpp's, with two threads of its own and a bound on how long a client may keep one. It
// has neither encryption nor authentication: bind it to loopback or to a management network.
#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/service/status_source.h"
#include "proto/schema/control.pb.h"

namespace weir {

/// The metrics of one scrape.
std::vector<prometheus::MetricFamily> prometheus_families(const v1::StatusReply& status, const v1::Ledger& ledger);

class PrometheusService {
 public:
  /// Serves `source` at http://address/metrics; address is "127.0.0.1:9101" or "[::1]:9101". Error: one line.
  static tl::expected<std::unique_ptr<PrometheusService>, std::string> start(const std::string& address,
                                                                             StatusSource& source);
  PrometheusService(const PrometheusService&) = delete;
  PrometheusService& operator=(const PrometheusService&) = delete;
  ~PrometheusService();

 private:
  struct Impl;
  explicit PrometheusService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
