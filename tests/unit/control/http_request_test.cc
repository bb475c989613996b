// The head of an HTTP request: where it ends, what of it counts, and which Host is one's own.
#include "control/service/http_request.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http_request_test {
namespace {

TEST(HttpRequest, EndsAtItsEmptyLine) {
  EXPECT_EQ(http_head_length(""), 0U);
  EXPECT_EQ(http_head_length("GET / HTTP/1.1\r\nHost: a\r\n"), 0U);
  EXPECT_EQ(http_head_length("GET / HTTP/1.1\r\n\r\nmore"), 18U);
}

TEST(HttpRequest, KeepsTheLinesThatAnAnswerDependsOn) {
  EXPECT_EQ(http_head_that_counts("GET /a HTTP/1.1\r\nhost: x\r\nRange: bytes=0-,0-,0-\r\nContent-Length: 7\r\n"
                                  "SEC-FETCH-SITE: none\r\n\r\nContent"),
            "GET /a HTTP/1.1\r\nhost: x\r\nSEC-FETCH-SITE: none\r\n\r\n");
  EXPECT_EQ(http_head_that_counts(""), "\r\n");
}

TEST(HttpRequest, HasAPathBeforeItsParameters) {
  EXPECT_EQ(http_path("GET /api/v1/top?by=proto HTTP/1.1\r\n\r\n"), "/api/v1/top");
  EXPECT_EQ(http_path("GET / HTTP/1.1\r\n\r\n"), "/");
  EXPECT_EQ(http_path("GET\r\nHost: a b\r\n\r\n"), "");
}

TEST(HttpRequest, HasAHostOfItsOwnIfThatIsAnAddressOrANameOfThisMachine) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:8080", "localhost:1", "LocalHost",
                           "probe-7", "Probe-7:8080"}) {
    EXPECT_TRUE(is_own_host(host, "probe-7")) << host;
  }
  for (const char* host : {"", ":8080", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1",
                           "[evil.example]", "probe-77", "1.2.3"}) {
    EXPECT_FALSE(is_own_host(host, "probe-7")) << host;
  }
  EXPECT_FALSE(is_own_host(":80", "")) << "a machine without a name";
}

}  // namespace
}  // namespace weir::http_request_test
