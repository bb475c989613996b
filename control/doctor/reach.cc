#include "control/doctor/reach.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "control/export/endpoint.h"
#include "control/export/export_uri.h"
#include "control/export/peer.h"
#include "control/run_user.h"
#include "proto/base/number_text.h"
#include "proto/base/split.h"
#include "proto/base/unique_fd.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

constexpr int kPatienceMs = 2000;

/// 0, or errno.
int try_connect(const Endpoint& to, int socket_type) {
  const UniqueFd socket(::socket(to.family(), socket_type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return errno;
  if (connect(socket.get(), to.get(), to.length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd wait{socket.get(), POLLOUT, 0};
  const int ready = poll(&wait, 1, kPatienceMs);
  if (ready == 0) return ETIMEDOUT;
  if (ready < 0) return errno;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// The same for the first of the host's addresses that takes it.
int try_any(const std::vector<Endpoint>& endpoints, int socket_type) {
  int error = EADDRNOTAVAIL;
  for (const Endpoint& endpoint : endpoints) {
    error = try_connect(endpoint, socket_type);
    if (error == 0) return 0;
  }
  return error;
}

void check_peer(const std::string& uri, const HostPort& peer, int socket_type, Findings& out) {
  const auto endpoints = resolve(peer.host, peer.port, socket_type, Names::looked_up);
  if (!endpoints) {
    out.push_back({Health::problem,
                   "exporter",
                   fmt::format("{}: {}", uri, endpoints.error()),
                   {fmt::format("getent ahosts {}", peer.host)}});
    return;
  }
  const int error = try_any(*endpoints, socket_type);
  if (error == 0) {
    out.push_back({Health::good,
                   "exporter",
                   socket_type == SOCK_DGRAM
                       ? fmt::format("{}: there is a route; over UDP nobody says who listens", uri)
                       : fmt::format("{}: answers", uri),
                   {}});
    return;
  }
  const bool route = error == ENETUNREACH || error == EHOSTUNREACH || socket_type == SOCK_DGRAM;
  out.push_back({Health::problem,
                 "exporter",
                 fmt::format("{}: {}", uri, error_text(error)),
                 {route ? fmt::format("ip route get {}", peer.host)
                        : fmt::format("# start the collector, then: nc -vz {} {}", peer.host, peer.port)}});
}

void check_unix(const std::string& uri, const std::string& path, Findings& out) {
  if (path.size() >= sizeof(sockaddr_un{}.sun_path)) return;  // its URI was parsed: it is not so long
  const int error = try_connect(unix_endpoint(path), SOCK_STREAM);
  if (error == 0) {
    out.push_back({Health::good, "exporter", uri + ": answers", {}});
    return;
  }
  out.push_back({Health::problem,
                 "exporter",
                 fmt::format("{}: {}", uri, error_text(error)),
                 {fmt::format("# start the collector, then: ls -l {}", path)}});
}

void check_read(const std::string& file, Findings& out) {
  if (eaccess(file.c_str(), R_OK) == 0) {
    out.push_back({Health::good, "file", fmt::format("{}: can be read", file), {}});
    return;
  }
  out.push_back(
      {Health::problem, "file", fmt::format("{}: {}", file, error_text(errno)), {fmt::format("ls -l {}", file)}});
}

void check_export(const std::string& text, Findings& out) {
  const auto uri = parse_export_uri(text);
  if (!uri || !uri->request->members().empty()) return;  // members are exporters of the list themselves
  if (const std::string file = uri->request->file(); !file.empty()) return check_written(uri->text, file, out);
  const std::string_view prefix = uri->kind->prefix();
  std::string_view target = std::string_view(text).substr(prefix.size());
  target = target.substr(0, target.find('?'));
  const std::string_view scheme = uri->kind->scheme;
  if (scheme.ends_with("+unix")) return check_unix(uri->text, std::string(target), out);
  if (const auto files = uri->request->check_files(); !files) {
    out.push_back({Health::problem,
                   "exporter",
                   fmt::format("{}: {}", uri->text, files.error()),
                   {"# ca=, cert= and key= name files in PEM; key= is the key of the certificate in cert="}});
  }
  const bool kafka = scheme.starts_with("kafka");
  if (kafka) target = target.substr(0, target.find('/'));
  const bool stream = kafka || scheme.ends_with("+tcp") || scheme.ends_with("+tls");
  for (const std::string_view one : split(target, ',')) {
    HostPort peer;
    if (!parse_target(peer, one, uri->kind->form)) continue;
    check_peer(kafka ? fmt::format("{} ({})", uri->text, peer.text()) : uri->text, peer,
               stream ? SOCK_STREAM : SOCK_DGRAM, out);
  }
}

/// `option` is the one that names the address.
void check_listener(std::string_view option, const std::string& address, Findings& out) {
  HostPort peer;
  if (!parse_target(peer, address, "ADDR:PORT")) return;  // its binding parsed it
  const auto endpoints = resolve(peer.host, peer.port, SOCK_STREAM, Names::looked_up);
  int error = EADDRNOTAVAIL;
  for (const Endpoint& endpoint : endpoints.value_or(std::vector<Endpoint>{})) {
    const UniqueFd socket(::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    (void)setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    error = bind(socket.get(), endpoint.get(), endpoint.length) == 0 ? 0 : errno;
    if (error != 0) break;
  }
  if (error == 0) {
    out.push_back({Health::good, "listen", fmt::format("{} {}: free", option, address), {}});
    return;
  }
  out.push_back(
      {Health::problem,
       "listen",
       fmt::format("{} {}: {}", option, address, error_text(error)),
       {error == EADDRINUSE ? fmt::format("ss -ltnp 'sport = :{}'", peer.port) : std::string("ip -br address")}});
}

/// `run` makes the folder of the socket: what counts is the first one above it that is there.
void check_socket_folder(const std::string& path, Findings& out) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::optional<AsRoot> root;
  if (path == kSystemSocket && RunUser::is_given(fs::path(path).parent_path().string())) root.emplace();
  fs::path folder = fs::absolute(path, ignored).parent_path();
  while (access(folder.c_str(), F_OK) != 0 && folder.has_relative_path()) folder = folder.parent_path();
  check_written("--socket " + path, (folder / fs::path(path).filename()).string(), out);
}

void check_socket(const std::string& path, Findings& out) {
  if (access(path.c_str(), F_OK) != 0) return check_socket_folder(path, out);
  if (path.size() < sizeof(sockaddr_un{}.sun_path) && try_connect(unix_endpoint(path), SOCK_STREAM) == 0) {
    out.push_back({Health::problem,
                   "listen",
                   fmt::format("--socket {}: another weir answers there", path),
                   {fmt::format("weirctl --socket {} status", path), "# or give this one a --socket of its own"}});
    return;
  }
  out.push_back({Health::good, "listen", fmt::format("--socket {}: nobody serves it", path), {}});
}

}  // namespace

int try_unix_socket(const std::string& path, int socket_type) {
  return try_connect(unix_endpoint(path), socket_type);
}

void check_written(const std::string& what, const std::string& file, Findings& out) {
  namespace fs = std::filesystem;
  if (file == "-") return;
  std::error_code ignored;
  const fs::path folder = fs::absolute(file, ignored).parent_path();
  const bool there = access(file.c_str(), F_OK) == 0;
  const std::string place = there ? file : folder.string();
  if (eaccess(place.c_str(), there ? W_OK : W_OK | X_OK) == 0) {
    constexpr std::uint64_t kLittle = std::uint64_t{1} << 30;
    struct statvfs disk {};
    const bool asked = statvfs(folder.c_str(), &disk) == 0 && disk.f_blocks != 0;  // a device has no blocks
    const std::uint64_t unused = asked ? std::uint64_t{disk.f_bavail} * disk.f_frsize : UINT64_MAX;
    if (fs::is_character_file(file, ignored) || unused >= kLittle) {
      out.push_back({Health::good, "file", fmt::format("{}: can be written", what), {}});
    } else {
      out.push_back({unused == 0 ? Health::problem : Health::advice,
                     "file",
                     fmt::format("{}: {} are free there", what, scaled(static_cast<double>(unused), "B")),
                     {fmt::format("df -h {}", folder.string())}});
    }
    return;
  }
  const int error = errno;
  out.push_back(
      {Health::problem,
       "file",
       fmt::format("{}: {}: {}", what, place, error_text(error)),
       {error == ENOENT
            ? fmt::format("mkdir -p {}", folder.string())
            : fmt::format("# give a file that this user may write, or run as another user: ls -ld {}", place)}});
}

void check_reach(const Reach& reach, Findings& out) {
  if (!reach.socket.empty()) check_socket(reach.socket, out);
  {
    const AsRoot root;  // as run listens there
    if (!reach.prometheus.empty()) check_listener("--prometheus", reach.prometheus, out);
    if (!reach.http.empty()) check_listener("--http", reach.http, out);
  }
  if (!reach.control.empty()) check_listener("--control", reach.control, out);
  for (const std::string& file : reach.reads) check_read(file, out);
  for (const std::string& file : reach.writes) check_written(file, file, out);
  for (const std::string& uri : reach.exports) check_export(uri, out);
}

}  // namespace weir
