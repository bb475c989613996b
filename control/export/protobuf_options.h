// What URIs of exporters of weir.v1.FlowRecord messages may say: a file or a peer, and one message or two per biflow.
#pragma once

#include <concepts>

#include "control/export/exporter_kind.h"
#include "control/export/file_output.h"
#include "control/export/outgoing.h"
#include "control/export/peer.h"

namespace weir {

struct MessageOptions {
  bool uniflow = false;  ///< two messages per biflow
};

struct ProtobufFile : FileOutput, MessageOptions {};
struct ProtobufTcp : HostPort, MessageOptions, OutgoingOptions {};
struct ProtobufUnix : SocketPath, MessageOptions {};

template <std::derived_from<MessageOptions> Options>
inline constexpr OptionRow<Options> kMessageUniflowOption{
    {"uniflow", "0|1", "Two messages per biflow (1) or one (0) [0]", "1"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.uniflow, option_number(name, value, 0, 1));
    }};

}  // namespace weir
