// The HTTP service over loopback: what it answers, whom it refuses, and that clients that hang hold up nobody.
#include "control/service/http_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <future>
#include <string>
#include <vector>

#include "control/service/http_api.h"
#include "control/service/http_door.h"
#include "control/service/http_page.h"
#include "proto/base/unique_fd.h"
#include "tests/support/udp.h"

namespace weir::http_service_test {
namespace {

class FakeSource : public StatusSource {
 public:
  v1::StatusReply status() override {
    v1::StatusReply reply;
    reply.set_phase(phase);
    reply.set_doing(phase == "running" ? "" : "touching memory");
    reply.set_ledger("balanced");
    return reply;
  }
  v1::Ledger ledger() override {
    v1::Ledger reply;
    reply.mutable_received()->set_packets(4711);
    return reply;
  }
  v1::RssReply rss() override { return {}; }
  v1::MetricsReply metrics() override { return {}; }

  std::string phase = "running";
};

class FakeFlows : public FlowSource {
 public:
  tl::expected<v1::TopReply, std::string> top(const v1::TopRequest& request,
                                              const std::function<bool()>& given_up) override {
    if (request.by() == "wait") {
      started.set_value();
      while (!given_up()) std::this_thread::yield();
    }
    if (request.by() == "option") return tl::make_unexpected(std::string("--by: no such field"));
    if (request.by() == "nonsense") return tl::make_unexpected(std::string("cannot sum by \"nonsense\""));
    v1::TopReply reply;
    reply.add_fields(request.by());
    reply.set_all_groups(request.limit());
    return reply;
  }
  tl::expected<v1::FlowsReply, std::string> flows(const v1::FlowsRequest& /*request*/,
                                                  const std::function<bool()>& /*given_up*/) override {
    return v1::FlowsReply();
  }

  std::promise<void> started;
};

class Http : public testing::Test {
 protected:
  void SetUp() override {
    port_ = test::free_tcp_port();
    auto started = HttpService::start("127.0.0.1:" + std::to_string(port_), source_, &flows_);
    ASSERT_TRUE(started) << started.error();
    service_ = std::move(*started);
  }

  [[nodiscard]] UniqueFd connected() const {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval limit{10, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
  }
  static void say(const UniqueFd& fd, const std::string& text) {
    EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  static std::string rest(const UniqueFd& fd) {
    std::string all;
    std::array<char, 4096> piece;
    for (ssize_t got = 0; (got = recv(fd.get(), piece.data(), piece.size(), 0)) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  [[nodiscard]] std::string exchange(const std::string& request) const {
    const UniqueFd fd = connected();
    say(fd, request);
    return rest(fd);
  }
  [[nodiscard]] std::string get(const std::string& target) const {
    return exchange("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  std::uint16_t port_ = 0;
  FakeSource source_;
  FakeFlows flows_;
  std::unique_ptr<HttpService> service_;
};

std::string status_of(const std::string& answer) {
  return answer.size() < 12 ? answer : answer.substr(9, 3);
}
std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

TEST_F(Http, ServesThePageWithAPolicyThatLetsOnlyItsOwnScriptsRun) {
  const std::string answer = get("/");
  EXPECT_EQ(status_of(answer), "200");
  const std::string mark = "script-src 'nonce-";
  const std::size_t at = answer.find(mark);
  ASSERT_NE(at, std::string::npos);
  const std::string nonce = answer.substr(at + mark.size(), 32);
  EXPECT_NE(body_of(answer).find("<script nonce=\"" + nonce + "\">"), std::string::npos);
  EXPECT_EQ(body_of(answer).find(std::string(kPageNonceMark)), std::string::npos);
  EXPECT_NE(get("/").find(mark), std::string::npos);
  EXPECT_EQ(get("/").find(nonce), std::string::npos) << "each page has a nonce of its own";
}

TEST_F(Http, ThePageNamesNoOtherHost) {
  const std::string page(http_page());
  EXPECT_EQ(page.find("https:"), std::string::npos);
  for (std::size_t at = 0; (at = page.find("http:", at)) != std::string::npos; ++at) {
    EXPECT_EQ(page.substr(at, 26), "http://www.w3.org/2000/svg") << "the name of SVG, which nobody fetches";
  }
}

TEST_F(Http, AnswersWithTheRepliesOfTheControlServiceAsJson) {
  EXPECT_NE(body_of(get("/api/v1/ledger")).find("\"received\":{\"packets\":4711,"), std::string::npos);
  EXPECT_NE(body_of(get("/metrics")).find("\nweir_received_packets_total 4711\n"), std::string::npos);
  EXPECT_NE(body_of(get("/api/v1/top?by=src_addr%2F24&limit=7")).find("\"fields\":[\"src_addr/24\"]"),
            std::string::npos);
  const std::string refused = get("/api/v1/top?by=nonsense");
  EXPECT_EQ(status_of(refused), "400");
  EXPECT_EQ(body_of(refused), "{\"error\": \"cannot sum by \\u0022nonsense\\u0022\"}\n");
  EXPECT_EQ(body_of(get("/api/v1/top?by=option")), "{\"error\": \"by: no such field\"}\n") << "not weirctl's --by";
}

TEST_F(Http, NamesAParameterThatIsWrong) {
  const auto error = [&](const std::string& target) {
    const std::string answer = get(target);
    return status_of(answer) + " " + body_of(answer);
  };
  EXPECT_EQ(error("/api/v1/top?limit=many"), "400 {\"error\": \"limit 'many': expected a number\"}\n");
  EXPECT_EQ(error("/api/v1/top?limit=4294967296"), "400 {\"error\": \"limit '4294967296': expected a number\"}\n");
  EXPECT_EQ(error("/api/v1/top?limit=1&limit=2"), "400 {\"error\": \"limit is given twice\"}\n");
  EXPECT_EQ(error("/api/v1/top?filter=%00"), "400 {\"error\": \"filter: expected text without control characters\"}\n");
  EXPECT_EQ(error("/api/v1/ledger?x=1"), "400 {\"error\": \"no parameter is named 'x'; expected none\"}\n");
  EXPECT_EQ(status_of(get("/api/v1/nothing")), "404");
  EXPECT_EQ(status_of(get("/../etc/passwd")), "404");
}

TEST_F(Http, SaysWhetherWeirRuns) {
  EXPECT_EQ(body_of(get("/healthz")), "running, ledger balanced\n");
  source_.phase = "starting";
  const std::string answer = get("/healthz");
  EXPECT_EQ(status_of(answer), "503");
  EXPECT_EQ(body_of(answer), "starting: touching memory\n");
}

TEST_F(Http, RefusesWhatIsNotForIt) {
  EXPECT_EQ(status_of(exchange("POST /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody")),
            "405");
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")), "421");
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\n\r\n")), "400") << "RFC 9112 section 3.2";
  EXPECT_EQ(status_of(exchange("GET /healthz HTTP/1.0\r\n\r\n")), "200") << "HTTP/1.0 knows no Host";
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")), "421");
  EXPECT_EQ(status_of(exchange("GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n")),
            "403");
  EXPECT_EQ(status_of(exchange("nonsense\r\n\r\n")), "400");
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nX: " + std::string(HttpDoor::kMostHead, 'x'))), "431");
}

TEST_F(Http, HeadHasTheLengthAndNoBody) {
  const std::string answer = exchange("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 25\r\n"), std::string::npos) << answer;
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(Http, AnswersWhileTwoHundredClientsHang) {
  std::vector<UniqueFd> hanging;
  for (int i = 0; i < 200; ++i) {
    hanging.push_back(connected());
    if (i % 2 == 0) say(hanging.back(), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n");  // and no empty line
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(status_of(get("/metrics")), "200");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, HttpDoor::kPatience);
}

TEST_F(Http, TheConnectionThatSaysNothingForLongestMakesRoom) {
  std::vector<UniqueFd> hanging;
  for (std::size_t i = 0; i < HttpDoor::kMostConnections + 40; ++i) hanging.push_back(connected());
  EXPECT_EQ(status_of(get("/healthz")), "200");
  EXPECT_EQ(rest(hanging.front()), "") << "cut off without an answer";
}

TEST_F(Http, AnswersAboutCountsWhileAQuestionAboutFlowsTakesItsTime) {
  const UniqueFd slow = connected();
  say(slow, "GET /api/v1/top?by=wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  flows_.started.get_future().wait();
  EXPECT_EQ(status_of(get("/healthz")), "200");
  service_.reset();  // ends the question, too
}

TEST_F(Http, SaysWhyItCannotListen) {
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  const auto second = HttpService::start(address, source_, &flows_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(),
            address + ": cannot listen there: Address already in use; use --http for another address or port");
}

}  // namespace
}  // namespace weir::http_service_test
