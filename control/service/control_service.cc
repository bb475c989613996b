#include "control/service/control_service.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "control/service/connection_guard.h"
#include "control/service/peers.h"
#include "control/service/query_queue.h"
#include "control/service/tail_feed.h"
#include "control/service/tls_port.h"
#include "control/socket_group.h"
#include "control/stale_socket.h"
#include "proto/base/unique_fd.h"
#include "proto/schema/control.grpc.pb.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

constexpr auto kShutdownDeadline = std::chrono::seconds(1);
constexpr int kMaxThreads = 4;  ///< two calls a second are much; the workers need the CPUs
// What gRPC may take for all clients together, and for each; connection_guard.h bounds what these limits do not.
constexpr std::size_t kMaxMemory = std::size_t{32} << 20;
constexpr int kMaxRequestOctets = 64 << 10;
constexpr int kMaxMetadataOctets = 8 << 10;
constexpr int kMaxCallsOfConnection = 16;
constexpr int kMaxIdleMs = 60'000;  ///< of a connection without calls
constexpr const char* kOtherSocket = "use --socket for another one";

std::string system_error(const std::string& what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

/// The process whose id stands in the lock file; empty: none stands there.
std::string owner_of(int lock) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(lock, text.data(), text.size() - 1, 0);
  if (got <= 0) return {};
  std::string pid(text.data(), static_cast<std::size_t>(got));
  pid.erase(pid.find_last_not_of("\n ") + 1);
  return pid.find_first_not_of("0123456789") == std::string::npos ? pid : std::string();
}

/// Makes the folder of a default socket path. Only the default's: a folder of the user's choice is the user's to make.
tl::expected<void, std::string> make_folder(const std::string& socket_path) {
  const auto slash = socket_path.rfind('/');
  if (slash == std::string::npos) return {};
  const std::string folder = slash == 0 ? "/" : socket_path.substr(0, slash);
  struct stat info {};
  if (socket_path == default_socket_path()) {
    // Under /tmp only the user may enter the folder. Everybody may list /run/weir, where the socket's mode protects it.
    const bool shared_parent = folder.starts_with("/tmp/");
    if (::mkdir(folder.c_str(), shared_parent ? 0700 : 0755) != 0 && errno != EEXIST) {
      return tl::make_unexpected(system_error(folder) + "; use --socket for a path that can be written");
    }
    if (shared_parent && (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
                          (info.st_mode & 0022) != 0)) {
      return tl::make_unexpected(fmt::format(
          "{}: not a folder that only this user can write to; remove it or use --socket for another path", folder));
    }
  }
  if (::stat(folder.c_str(), &info) != 0) {
    return tl::make_unexpected(system_error(folder) +
                               fmt::format("; make the folder of the socket {} or use --socket", socket_path));
  }
  if (!S_ISDIR(info.st_mode)) {
    return tl::make_unexpected(
        fmt::format("{}: not a folder; the socket {} cannot be made in it", folder, socket_path));
  }
  return {};
}

/// A socket that listens at `path` and does not block.
tl::expected<UniqueFd, std::string> listen_on(const std::string& path, unsigned mode, gid_t group) {
  constexpr int kBacklog = 512;  // clients that wait for their turn; one that finds no place there is refused
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  // It is made with the process's umask, mostly 0755. Nobody can connect before it listens, by when it has its mode.
  // (The umask itself is the whole process's: to change it here would change the files that other threads make.)
  const bool other_group = group != kNoGroup;  // a service may not be allowed to call chown() at all
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      (other_group && ::chown(path.c_str(), static_cast<uid_t>(-1), group) != 0) || ::chmod(path.c_str(), mode) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return tl::make_unexpected(std::string(std::strerror(errno)));
  }
  return fd;
}

/// An exclusive lock on a file that holds this process's id, for its user alone (0600). The kernel drops it when the
/// process dies.
class LockFile {
 public:
  LockFile() = default;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile() {
    if (fd_.valid()) ::unlink(path_.c_str());  // while it is still locked: see take()
  }

  tl::expected<void, std::string> take(const std::string& socket_path) {
    path_ = socket_path + ".lock";
    // Between open and lock the owner may have removed the file, and a lock on a removed file protects nothing. So
    // the locked file must be the one that the path names, else once more. Each turn needs another weir to end in
    // just that moment: a hundred are no race any more.
    for (int turn = 0; turn < 100; ++turn) {
      UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
      if (!fd.valid()) return tl::make_unexpected(system_error(path_) + "; " + kOtherSocket);
      struct stat opened {};
      if (::fstat(fd.get(), &opened) != 0 || !S_ISREG(opened.st_mode)) {
        return tl::make_unexpected(fmt::format("{}: not a regular file; {}", path_, kOtherSocket));
      }
      // Every user who can open the file could lock it and keep weir from starting.
      ::fchmod(fd.get(), 0600);
      if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        const std::string owner = owner_of(fd.get());
        return tl::make_unexpected(fmt::format("{} is served by process {}; {}", socket_path,
                                               owner.empty() ? "(id not known)" : owner, kOtherSocket));
      }
      struct stat named {};
      if (::stat(path_.c_str(), &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev) {
        fd_ = std::move(fd);
        return write_owner();
      }
    }
    return tl::make_unexpected(fmt::format("{}: could not be locked; {}", path_, kOtherSocket));
  }

 private:
  tl::expected<void, std::string> write_owner() const {
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd_.get(), 0) != 0 ||
        ::pwrite(fd_.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return tl::make_unexpected(system_error(path_));
    }
    return {};
  }

  std::string path_;
  UniqueFd fd_;
};

/// No thread waits for a client that does not take its answer: hence gRPC's callbacks.
class Service final : public v1::Control::CallbackService {
 public:
  explicit Service(const ControlSources& sources)
      : source_(sources.status), flows_(sources.flows), operations_(sources.operations), changes_(sources.changes) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::StatusRequest* /*request*/,
                                   v1::StatusReply* reply) override {
    *reply = source_.status();
    return done(*context);
  }

  grpc::ServerUnaryReactor* Ledger(grpc::CallbackServerContext* context, const v1::LedgerRequest* /*request*/,
                                   v1::Ledger* reply) override {
    *reply = source_.ledger();
    return done(*context);
  }

  grpc::ServerUnaryReactor* Rss(grpc::CallbackServerContext* context, const v1::RssRequest* /*request*/,
                                v1::RssReply* reply) override {
    *reply = source_.rss();
    return done(*context);
  }

  grpc::ServerUnaryReactor* Metrics(grpc::CallbackServerContext* context, const v1::MetricsRequest* /*request*/,
                                    v1::MetricsReply* reply) override {
    *reply = source_.metrics();
    return done(*context);
  }

  grpc::ServerUnaryReactor* Top(grpc::CallbackServerContext* context, const v1::TopRequest* request,
                                v1::TopReply* reply) override {
    return ask_flows(*context, *request, *reply, &FlowSource::top);
  }

  grpc::ServerUnaryReactor* Flows(grpc::CallbackServerContext* context, const v1::FlowsRequest* request,
                                  v1::FlowsReply* reply) override {
    return ask_flows(*context, *request, *reply, &FlowSource::flows);
  }

  grpc::ServerWriteReactor<v1::TailReply>* Tail(grpc::CallbackServerContext* context,
                                                const v1::TailRequest* request) override {
    return operations_ == nullptr ? v1::Control::CallbackService::Tail(context, request)  // which is unimplemented
                                  : tails_.open(*operations_, *request);
  }

  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context, const v1::DrainRequest* /*request*/,
                                  v1::DrainReply* /*reply*/) override {
    return operate(*context, &OperatorSource::drain);
  }

  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context, const v1::StopRequest* /*request*/,
                                 v1::StopReply* reply) override {
    reply->set_pid(static_cast<std::uint64_t>(::getpid()));
    return operate(*context, &OperatorSource::stop);
  }

  grpc::ServerUnaryReactor* SelfCheck(grpc::CallbackServerContext* context, const v1::SelfCheckRequest* request,
                                      v1::SelfCheckReply* reply) override {
    if (operations_ == nullptr) return v1::Control::CallbackService::SelfCheck(context, request, reply);
    *reply = operations_->self_check();
    return done(*context);
  }

  grpc::ServerUnaryReactor* Config(grpc::CallbackServerContext* context, const v1::ConfigRequest* /*request*/,
                                   v1::ConfigReply* reply) override {
    return ask_changes(*context, *reply, nullptr,
                       [](ChangeSource& source, const Asker&) { return Answer<v1::ConfigReply>(source.config()); });
  }

  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* context, const v1::ChangeRequest* request,
                                   v1::ChangeReply* reply) override {
    const bool only_looks = request->how() == "diff";
    return ask_changes(*context, *reply, only_looks ? nullptr : "a change of the configuration",
                       [request](ChangeSource& source, const Asker& asker) { return source.change(*request, asker); });
  }

  grpc::ServerUnaryReactor* History(grpc::CallbackServerContext* context, const v1::HistoryRequest* /*request*/,
                                    v1::HistoryReply* reply) override {
    return ask_changes(*context, *reply, nullptr,
                       [](ChangeSource& source, const Asker&) { return Answer<v1::HistoryReply>(source.history()); });
  }

  grpc::ServerUnaryReactor* Exporter(grpc::CallbackServerContext* context, const v1::ExporterRequest* request,
                                     v1::ChangeReply* reply) override {
    return ask_changes(
        *context, *reply, "a change of an exporter",
        [request](ChangeSource& source, const Asker& asker) { return source.exporter(*request, asker); });
  }

  grpc::ServerUnaryReactor* Log(grpc::CallbackServerContext* context, const v1::LogRequest* request,
                                v1::LogReply* reply) override {
    return ask_changes(*context, *reply, "another level of the log",
                       [request](ChangeSource& source, const Asker& asker) { return source.log(*request, asker); });
  }

  Peers& peers() { return peers_; }
  /// Every call of Tail is finished.
  void end_tails() { tails_.end(); }

 private:
  template <typename Reply>
  using Answer = ChangeSource::Answer<Reply>;

  /// As for questions about flows, by a queue of their own: a change is not to wait for a walk. `change`: what it is;
  /// nullptr: none. weir reads and writes files for it, so that it is for those alone who could do that anyway; the
  /// socket's group may only look.
  template <typename Reply, typename Ask>
  grpc::ServerUnaryReactor* ask_changes(grpc::CallbackServerContext& context, Reply& reply, const char* change,
                                        Ask ask) {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    const Asker asker = peers_.asker(context.peer());
    if (change != nullptr && asker.uid != 0 && asker.uid != ::geteuid()) {
      if (changes_ != nullptr) changes_->denied(change, asker);
      reactor->Finish({grpc::StatusCode::PERMISSION_DENIED, "only root and the user of weir may change it"});
      return reactor;
    }
    if (changes_ == nullptr) {
      reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, "nothing here can be changed"});
      return reactor;
    }
    const bool put = change_queue_.put([this, &context, &reply, reactor, ask, asker](const auto& stopped) {
      // Who has gone before his turn came is not served: a change that nobody hears of would be one too many.
      if (stopped() || context.IsCancelled()) {
        return reactor->Finish({grpc::StatusCode::UNAVAILABLE, "weir is stopping"});
      }
      auto answer = ask(*changes_, asker);
      if (!answer) {
        const auto code =
            answer.error().of_request ? grpc::StatusCode::INVALID_ARGUMENT : grpc::StatusCode::FAILED_PRECONDITION;
        return reactor->Finish({code, answer.error().what});
      }
      reply = std::move(*answer);
      reactor->Finish(grpc::Status::OK);
    });
    if (!put) {
      reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED,
                       fmt::format("{} changes wait already; ask again", QueryQueue::kMostWaiting)});
    }
    return reactor;
  }

  grpc::ServerUnaryReactor* operate(grpc::CallbackServerContext& context,
                                    tl::expected<void, std::string> (OperatorSource::*ask)(std::string_view)) {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    if (operations_ == nullptr) {
      reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, "nothing here can be drained or stopped"});
      return reactor;
    }
    const auto asked = (operations_->*ask)(who_asks(context));
    reactor->Finish(asked ? grpc::Status::OK : grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, asked.error()));
    return reactor;
  }

  /// The call is finished by the queue's thread. Until then gRPC keeps context, request and reply.
  template <typename Request, typename Reply>
  grpc::ServerUnaryReactor* ask_flows(
      grpc::CallbackServerContext& context, const Request& request, Reply& reply,
      tl::expected<Reply, std::string> (FlowSource::*ask)(const Request&, const std::function<bool()>&)) {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    if (flows_ == nullptr) {
      reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, "nothing here knows of live flows"});
      return reactor;
    }
    const bool put = queries_.put([this, &context, &request, &reply, reactor, ask](const auto& stopped) {
      const auto given_up = [&] { return stopped() || context.IsCancelled(); };
      if (given_up()) return reactor->Finish({grpc::StatusCode::UNAVAILABLE, "weir is stopping"});
      auto answer = (flows_->*ask)(request, given_up);
      if (!answer) return reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, answer.error()});
      reply = std::move(*answer);
      reactor->Finish(grpc::Status::OK);
    });
    if (!put) {
      reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED,
                       fmt::format("{} questions about flows wait already; ask again", QueryQueue::kMostWaiting)});
    }
    return reactor;
  }

  /// By the kernel's word for a socket, by the certificate over TLS.
  [[nodiscard]] std::string who_asks(const grpc::CallbackServerContext& context) const {
    const auto names = context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
    if (names.empty()) return peers_.text(context.peer());
    return fmt::format("'{}' at {}", std::string(names.front().data(), names.front().size()), context.peer());
  }

  static grpc::ServerUnaryReactor* done(grpc::CallbackServerContext& context) {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  StatusSource& source_;
  FlowSource* flows_;
  OperatorSource* operations_;
  ChangeSource* changes_;
  Peers peers_;
  QueryQueue queries_;
  QueryQueue change_queue_;
  TailFeed tails_;
};

}  // namespace

struct ControlService::Impl {
  explicit Impl(const ControlSources& sources) : service(sources) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (!server) return;
    service.end_tails();
    server->Shutdown(std::chrono::system_clock::now() + kShutdownDeadline);
    guard.reset();
    server.reset();
    ::unlink(socket_path.c_str());
  }

  LockFile lock;  ///< released last
  std::string socket_path;
  Service service;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<ConnectionGuard> guard;
};

ControlService::ControlService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlService::~ControlService() = default;

tl::expected<std::unique_ptr<ControlService>, std::string> ControlService::start(const std::string& socket_path,
                                                                                 const ControlSources& sources,
                                                                                 const ControlAccess& access) {
  if (socket_path.empty() || socket_path.size() > kMaxSocketPath) {
    return tl::make_unexpected(fmt::format("'{}' is not a path for a socket; expected 1 to {} octets, with --socket",
                                           socket_path, kMaxSocketPath));
  }
  const auto group = socket_group(access.group);
  if (!group) return tl::make_unexpected(group.error());
  auto impl = std::make_unique<Impl>(sources);
  impl->socket_path = socket_path;
  if (auto made = make_folder(socket_path); !made) return tl::make_unexpected(made.error());
  if (auto taken = impl->lock.take(socket_path); !taken) return tl::make_unexpected(taken.error());
  // This process holds the lock, so no other weir serves the socket; another program may.
  if (auto free = remove_stale_socket(socket_path); !free) {
    return tl::make_unexpected(free.error() + "; " + kOtherSocket);
  }

  // gRPC would write its own lines about a socket that cannot be bound; the error below says it in one.
  gpr_set_log_function([](gpr_log_func_args*) {});
  grpc::ResourceQuota quota("weir-control");
  quota.SetMaxThreads(kMaxThreads);
  quota.Resize(kMaxMemory);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();  // of every builder from now on
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxRequestOctets);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataOctets);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsOfConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs);
  builder.RegisterService(&impl->service);
  int tls_port = 0;
  if (access.tls) {
    if (auto added = add_tls_port(builder, *access.tls, tls_port); !added) return tl::make_unexpected(added.error());
  }
  impl->server = builder.BuildAndStart();
  if (access.tls && (!impl->server || tls_port == 0)) return tl::make_unexpected(why_no_tls_port(*access.tls));
  auto listening = listen_on(socket_path, access.mode, *group);
  if (!impl->server || !listening) {
    return tl::make_unexpected(fmt::format("{}: the socket cannot be made here{}; {}", socket_path,
                                           listening ? "" : " (" + listening.error() + ")", kOtherSocket));
  }
  impl->guard = std::make_unique<ConnectionGuard>(std::move(*listening), [&impl = *impl](UniqueFd end, Peer peer) {
    impl.service.peers().add(end.get(), peer);
    grpc::AddInsecureChannelFromFd(impl.server.get(), end.release());
  });
  return std::unique_ptr<ControlService>(new ControlService(std::move(impl)));
}

}  // namespace weir
