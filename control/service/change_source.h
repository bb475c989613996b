// ChangeSource: who answers for the configuration of the running weir, and changes it.
//
// It is called from one thread at a time, but for the supervisor's with SIGHUP, and denied(). A change may take as long
// as files that are read and exporters that are flushed. `asker`: the process at the other end of the control socket.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "proto/schema/control.pb.h"

namespace weir {

/// A process that asks for something.
struct Asker {
  std::uint32_t uid = 0;
  std::int32_t pid = 0;
};

/// Why there is no answer.
struct ChangeFault {
  std::string what;         ///< one line
  bool of_request = false;  ///< the request cannot be right; else it may be, and weir cannot do it now
};

class ChangeSource {
 public:
  template <typename Reply>
  using Answer = tl::expected<Reply, ChangeFault>;

  virtual ~ChangeSource() = default;
  virtual v1::ConfigReply config() = 0;
  virtual Answer<v1::ChangeReply> change(const v1::ChangeRequest& request, const Asker& asker) = 0;
  virtual v1::HistoryReply history() = 0;
  virtual Answer<v1::ChangeReply> exporter(const v1::ExporterRequest& request, const Asker& asker) = 0;
  virtual Answer<v1::LogReply> log(const v1::LogRequest& request, const Asker& asker) = 0;
  /// Any thread, also while another call lasts: somebody who may only look asked for this, and was refused.
  virtual void denied(const char* asked, const Asker& asker) = 0;
};

}  // namespace weir
