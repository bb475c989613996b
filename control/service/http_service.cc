#include "control/service/http_service.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string_view>
#include <utility>

#include "control/service/http_api.h"
#include "control/service/http_door.h"
#include "control/service/http_page.h"
#include "control/service/http_request.h"
#include "control/service/prometheus.h"
#include "control/service/query_queue.h"
#include "proto/base/unique_fd.h"

namespace weir {
namespace {

using GivenUp = std::function<bool()>;

/// A request that is here, and the answer to it.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view request) : request_(request) {}
  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t octets = std::min(size, request_.size());
    std::memcpy(to, request_.data(), octets);
    request_.remove_prefix(octets);
    return static_cast<ssize_t>(octets);
  }
  ssize_t write(const char* from, std::size_t size) override {
    answer_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  [[nodiscard]] socket_t socket() const override { return -1; }
  std::string take_answer() { return std::move(answer_); }

 private:
  std::string_view request_;
  std::string answer_;
};

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::string random_nonce() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

/// A socket that listens at "127.0.0.1:8080" and does not block. Error: why not.
tl::expected<UniqueFd, std::string> listen_on(const std::string& address) {
  constexpr int kBacklog = 128;
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return tl::make_unexpected(std::string("no port"));
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found); error != 0) {
    return tl::make_unexpected(std::string(gai_strerror(error)));
  }
  UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  const bool listens = fd.valid() && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                       bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 && listen(fd.get(), kBacklog) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!listens) return tl::make_unexpected(std::string(std::strerror(error)));
  return fd;
}

/// Requests to answers. Several threads may ask at once.
class Answers final : private httplib::Server {
 public:
  Answers(StatusSource& source, FlowSource* flows) : source_(source), flows_(flows), machine_(machine_name()) {
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      route(request, response);
      return HandlerResponse::Handled;
    });
    set_exception_handler(
        [](const httplib::Request& /*request*/, httplib::Response& response, const std::exception_ptr& /*error*/) {
          refuse(response, 500, "weir cannot answer this");
        });
  }

  /// `head`: of a request, whole. Returns the whole answer.
  std::string answer(const std::string& head, const GivenUp& given_up) {
    const std::string counts = http_head_that_counts(head);
    MemoryStream stream(counts);
    bool closed = false;
    asker() = &given_up;
    process_request(stream, true, closed, nullptr);
    asker() = nullptr;
    return stream.take_answer();
  }

 private:
  /// Of this thread: whether whoever asks still waits. cpp-httplib passes nothing through to a handler.
  static const GivenUp*& asker() {
    thread_local const GivenUp* current = nullptr;
    return current;
  }

  static void refuse(httplib::Response& response, int status, std::string_view text) {
    response.status = status;
    response.set_content(http_error_json(text), "application/json");
  }

  void route(const httplib::Request& request, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Content-Type-Options", "nosniff");
    if (!host_is_ours(request)) {
      return refuse(response, request.has_header("Host") ? 421 : 400,
                    "Host: expected an address, localhost or the name of this machine");
    }
    if (request.method != "GET" && request.method != "HEAD") {
      response.set_header("Allow", "GET, HEAD");
      return refuse(response, 405, "expected GET or HEAD");
    }
    if (request.path == "/") return page(response);
    if (request.get_header_value("Sec-Fetch-Site") == "cross-site") {
      return refuse(response, 403, "another site's page asks; open weir's own page");
    }
    if (request.path == "/metrics") {
      const prometheus::TextSerializer serializer;
      response.status = 200;
      return response.set_content(serializer.Serialize(prometheus_families(source_.status(), source_.ledger())),
                                  "text/plain; version=0.0.4; charset=utf-8");
    }
    if (request.path == "/healthz") return give(response, http_health(source_.status()), "text/plain; charset=utf-8");
    if (request.path.starts_with(kHttpApi)) {
      const GivenUp* const given_up = asker();
      return give(response,
                  http_api(std::string_view(request.path).substr(kHttpApi.size()), request.params, source_, flows_,
                           given_up == nullptr ? GivenUp([] { return false; }) : *given_up),
                  "application/json");
    }
    refuse(response, 404, "not here; expected /, /metrics, /healthz or /api/v1/status");
  }

  static void give(httplib::Response& response, const HttpAnswer& answer, const char* type) {
    response.status = answer.status;
    response.set_content(answer.body, type);
  }

  /// HTTP/1.1 demands a Host (RFC 9112 section 3.2); what browsers send always has one.
  [[nodiscard]] bool host_is_ours(const httplib::Request& request) const {
    if (!request.has_header("Host")) return request.version == "HTTP/1.0";
    return request.get_header_value_count("Host") == 1 && is_own_host(request.get_header_value("Host"), machine_);
  }

  static void page(httplib::Response& response) {
    const std::string nonce = random_nonce();
    response.set_header(
        "Content-Security-Policy",
        fmt::format("default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
                    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                    nonce));
    response.set_header("Referrer-Policy", "no-referrer");
    std::string text;
    std::string_view rest = http_page();
    for (std::size_t at = 0; (at = rest.find(kPageNonceMark)) != std::string_view::npos;) {
      text.append(rest.substr(0, at)).append(nonce);
      rest.remove_prefix(at + kPageNonceMark.size());
    }
    text.append(rest);
    response.status = 200;
    response.set_content(text, "text/html; charset=utf-8");
  }

  StatusSource& source_;
  FlowSource* flows_;
  const std::string machine_;
};

/// What is said where too many questions wait.
std::string busy_answer() {
  const std::string body = http_error_json("too many questions wait; ask again");
  return fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

}  // namespace

struct HttpService::Impl {
  Impl(UniqueFd listening, StatusSource& source, FlowSource* flows)
      : answers(source, flows), door(std::move(listening), [this](std::uint64_t connection, std::string head) {
          QueryQueue& queue = http_asks_flows(http_path(head)) ? flow_questions : questions;
          const bool put = queue.put([this, connection, head = std::move(head)](const GivenUp& stopped) {
            door.answer(connection, answers.answer(head, stopped));
          });
          if (!put) door.answer(connection, busy_answer());
        }) {
    door.open();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { door.close(); }  // asks no more; what the queues still answer goes nowhere

  Answers answers;
  HttpDoor door;
  QueryQueue questions{HttpDoor::kMostConnections};
  QueryQueue flow_questions;
};

HttpService::HttpService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpService::~HttpService() = default;

tl::expected<std::unique_ptr<HttpService>, std::string> HttpService::start(const std::string& address,
                                                                           StatusSource& source, FlowSource* flows) {
  auto listening = listen_on(address);
  if (!listening) {
    return tl::make_unexpected(
        fmt::format("{}: cannot listen there: {}; use --http for another address or port", address, listening.error()));
  }
  return std::unique_ptr<HttpService>(new HttpService(std::make_unique<Impl>(std::move(*listening), source, flows)));
}

}  // namespace weir
