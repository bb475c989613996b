// HttpService: a page to watch weir, and what the page asks, over HTTP (`--http`).
//
//   /               the page: one text with its styles and scripts, which asks nobody but weir
//   /metrics        what prometheus.h makes, for Prometheus
//   /healthz        200 while weir runs, else 503, with a line that says what it does
//   /api/v1/NAME    the replies of the control service as JSON (http_api.h)
//
// GET and HEAD only. Connections are HttpDoor's, so no thread waits for a client; cpp-httplib takes requests apart and
// writes answers, from memory to memory. Two threads answer: one asks for counts, the other for live flows, which take
// their time. There is neither encryption nor a password: bind it to loopback or to a management network. A Host that a
// stranger's web page can have chosen is refused, and so is a request for data that another site's page sends.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "control/service/flow_source.h"
#include "control/service/status_source.h"

namespace weir {

class HttpService {
 public:
  /// Answers at http://address/; address is "127.0.0.1:8080" or "[::1]:8080". `flows`: nullptr where nothing knows of
  /// live flows. Error: one line.
  static tl::expected<std::unique_ptr<HttpService>, std::string> start(const std::string& address, StatusSource& source,
                                                                       FlowSource* flows);
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;
  ~HttpService();

 private:
  struct Impl;
  explicit HttpService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
