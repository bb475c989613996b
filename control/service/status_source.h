// StatusSource: what the services answer with, whoever knows it.
//
// The gRPC service and the Prometheus page ask it; the live probe implements it. It is called from the services'
// threads, several at once, and from the moment that weir starts: an answer may be "still starting".
#pragma once

#include "proto/schema/control.pb.h"

namespace weir {

class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual v1::StatusReply status() = 0;
  virtual v1::Ledger ledger() = 0;
  virtual v1::RssReply rss() = 0;
  virtual v1::MetricsReply metrics() = 0;
};

}  // namespace weir
