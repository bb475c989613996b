#include "tools/ctl/channel.h"

#include <grpc/support/log.h>
#include <unistd.h>

#include "proto/schema/control_address.h"
#include "proto/schema/control_socket.h"

namespace weir::ctl {
namespace {

/// The user's own weir, else the machine's.
std::string find_socket() {
  std::string path = default_socket_path();
  const std::string system(kSystemSocket);
  return ::access(path.c_str(), F_OK) != 0 && ::access(system.c_str(), F_OK) == 0 ? system : path;
}

/// weir cuts off a client that has a MiB to read. gRPC would by and by ask for more than that ahead, of a stream that
/// comes fast (tail), so its window stays as small as it begins.
grpc::ChannelArguments small_window() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65'535);
  return arguments;
}

}  // namespace

Channel channel_to_socket(std::string& path, bool given) {
  if (!given) path = find_socket();
  if (path.empty() || path.size() > kMaxSocketPath) {
    return tl::unexpected(ChannelError{
        "--socket '" + path + "': expected a path of 1 to " + std::to_string(kMaxSocketPath) + " octets", 2});
  }
  return grpc::CreateCustomChannel(grpc_target(path), grpc::InsecureChannelCredentials(), small_window());
}

Channel channel_over_tls(const std::string& uri, std::string& title) {
  const auto address = parse_control_address(uri);
  if (!address) return tl::unexpected(ChannelError{"--control '" + uri + "': " + address.error(), 2});
  title = address->title();
  const auto keys = read_control_keys(*address);
  if (!keys) return tl::unexpected(ChannelError{"--control " + title + ": " + keys.error(), 1});
  // gRPC would write its own lines about a handshake that fails; the error of the call says it in one.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::ChannelArguments arguments = small_window();
  if (!address->name.empty()) arguments.SetSslTargetNameOverride(address->name);
  return grpc::CreateCustomChannel(address->host_port, grpc::SslCredentials({keys->ca, keys->key, keys->cert}),
                                   arguments);
}

}  // namespace weir::ctl
