#include "tools/ctl/asking.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "proto/base/unique_fd.h"
#include "proto/schema/control_address.h"

namespace weir::ctl {

int fail(const std::string& message, int exit_code) {
  std::fprintf(stderr, "weirctl: %s\n", message.c_str());
  return exit_code;
}

namespace {

/// 0: a program takes connections there; else why not, as errno says it.
int try_socket(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  const weir::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

}  // namespace

bool is_served(v1::Control::Stub& stub, const std::string& socket_path) {
  if (socket_path.starts_with(kControlScheme)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::StatusReply reply;
    return stub.Status(&context, {}, &reply).error_code() != grpc::StatusCode::UNAVAILABLE;
  }
  const int error = try_socket(socket_path);
  return error != ENOENT && error != ECONNREFUSED;
}

// gRPC says UNAVAILABLE for every socket that cannot be connected to, so the operating system is asked for the reason.
std::string describe(const grpc::Status& status, const std::string& socket_path) {
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return socket_path + ": no answer in time";
  }
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) {
    return socket_path + ": " + (status.error_message().empty() ? "the call failed" : status.error_message());
  }
  if (socket_path.starts_with(kControlScheme)) {
    return socket_path + ": " + status.error_message() + "; is weir run running, and are the certificates right?";
  }
  const int error = try_socket(socket_path);
  if (error == 0) return socket_path + ": the program that serves it does not answer like weir";
  if (error == EACCES || error == EPERM) {
    return socket_path + ": permission denied; only the user and the group of weir may ask it";
  }
  return socket_path + ": " + std::strerror(error) + "; is weir run running? (another socket: --socket PATH)";
}

int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    if (errno == EPIPE) return 0;  // `| head` had enough
    return fail(std::string("standard output: ") + std::strerror(errno), 1);
  }
  return 0;
}

}  // namespace weir::ctl
