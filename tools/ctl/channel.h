// How weirctl reaches weir: over its unix socket, or over TCP with mutual TLS.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace weir::ctl {

struct ChannelError {
  std::string text;
  int exit_code = 1;
};
using Channel = tl::expected<std::shared_ptr<grpc::Channel>, ChannelError>;

/// `path`: as given; where none was, it becomes that of the user's own weir, else of the machine's.
Channel channel_to_socket(std::string& path, bool given);
/// `title` becomes "tls://ADDR:PORT".
Channel channel_over_tls(const std::string& uri, std::string& title);

}  // namespace weir::ctl
