// http_api: what the HTTP service answers under /api/v1/: the replies of the control service as JSON.
//
// A path names the call in lower case (/api/v1/ledger), and the parameters of the URL are the fields of its request by
// their names in control.proto (/api/v1/top?by=src_addr&limit=5). Numbers of the reply are JSON numbers.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "control/service/flow_source.h"
#include "control/service/status_source.h"

namespace weir {

inline constexpr std::string_view kHttpApi = "/api/v1/";

struct HttpAnswer {
  int status = 200;  ///< RFC 9110 section 15
  std::string body;
};

/// Whether the answer needs a walk over the flows, which takes its time.
bool http_asks_flows(std::string_view path);

/// `name`: what follows /api/v1/. `flows`: nullptr where nothing knows of live flows. A request that cannot be answered
/// gets {"error": "one line"} and 400, 404 or 501.
HttpAnswer http_api(std::string_view name, const std::multimap<std::string, std::string>& parameters,
                    StatusSource& source, FlowSource* flows, const std::function<bool()>& given_up);

/// {"error": text}
std::string http_error_json(std::string_view text);

/// Whether weir runs: 200, else 503, with a line that says what it does.
HttpAnswer http_health(const v1::StatusReply& status);

}  // namespace weir
