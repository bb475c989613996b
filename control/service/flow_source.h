// FlowSource: who answers questions about live flows.
//
// It is called from one thread, which may be held up for as long as the request allows. given_up() is asked meanwhile:
// whether nobody waits any more.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "proto/schema/control.pb.h"

namespace weir {

class FlowSource {
 public:
  virtual ~FlowSource() = default;
  /// Error: what is wrong with the request, in one line.
  virtual tl::expected<v1::TopReply, std::string> top(const v1::TopRequest& request,
                                                      const std::function<bool()>& given_up) = 0;
  virtual tl::expected<v1::FlowsReply, std::string> flows(const v1::FlowsRequest& request,
                                                          const std::function<bool()>& given_up) = 0;
};

}  // namespace weir
