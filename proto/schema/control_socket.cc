#include "proto/schema/control_socket.h"

#include <unistd.h>

#include <cstdlib>

namespace weir {

std::string default_socket_path(unsigned user, std::string_view runtime_dir) {
  if (user == 0) return std::string(kSystemSocket);
  // The XDG Base Directory Specification: a path that is not absolute is to be ignored.
  if (runtime_dir.starts_with('/')) return std::string(runtime_dir) + "/weir.sock";
  return "/tmp/weir-" + std::to_string(user) + "/weir.sock";
}

std::string default_socket_path() {
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  return default_socket_path(geteuid(), runtime_dir == nullptr ? "" : runtime_dir);
}

std::string grpc_target(std::string_view socket_path) {
  static constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string target = "unix:";
  for (const char c : socket_path) {
    if (kPlain.find(c) != std::string_view::npos) {
      target += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    target += '%';
    target += kHex[octet >> 4];
    target += kHex[octet & 15];
  }
  return target;
}

std::string_view version() {
  return WEIR_VERSION;
}

}  // namespace weir
