// Header lines as a worker may have kept them, from ordinary to hostile: method, host, URL and the rest, or what is
// left of them.
#include "control/http_header.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "proto/base/http1.h"
#include "proto/record/fields.h"

namespace weir::test::http_header_test {
namespace {

HttpSection decoded(const std::string& request, const std::string& response = "") {
  HttpSection section{};
  section.request_octets = static_cast<std::uint16_t>(request.size());
  section.response_octets = static_cast<std::uint16_t>(response.size());
  const std::string both = request + response;
  EXPECT_LE(both.size(), sizeof section.texts);
  std::memcpy(section.texts, both.data(), both.size());
  decode_http_header(section);
  EXPECT_EQ(section.request_octets + section.response_octets, 0);
  return section;
}

bool known(const HttpSection& section, HttpSection::Text text) {
  return (section.known & HttpSection::known_bit(text)) != 0;
}
/// The text, "~" after it where it was cut; "none" where it is not known.
std::string text(const HttpSection& section, HttpSection::Text text) {
  if (!known(section, text)) return "none";
  return std::string(text_at(section.texts[text])) + (section.texts[text][0] != 0 ? "~" : "");
}

TEST(HttpHeader, HasTheMethodTheTargetAndTheFieldsOfARequest) {
  const HttpSection section = decoded(
      "GET /index.html?a=b HTTP/1.1\r\nHost: www.example.org:8080\r\nUser-Agent: Example/1.0 (X; Y)\r\n"
      "Referer: http://example.com/\r\n",
      "Content-Type: text/html; charset=utf-8\r\n");
  EXPECT_EQ(text(section, HttpSection::kMethod), "GET");
  EXPECT_EQ(text(section, HttpSection::kUrl), "/index.html?a=b");
  EXPECT_EQ(text(section, HttpSection::kHost), "www.example.org:8080");
  EXPECT_EQ(text(section, HttpSection::kUserAgent), "Example/1.0 (X; Y)");
  EXPECT_EQ(text(section, HttpSection::kReferer), "http://example.com/");
  EXPECT_EQ(text(section, HttpSection::kContentType), "text/html; charset=utf-8");
}

TEST(HttpHeader, TakesNamesOfAnyCaseAndValuesWithoutTheWhiteSpaceAroundThem) {
  const HttpSection section = decoded("GET / HTTP/1.0\nhOST:\t a.example \t\r\nuser-agent:x\nREFERER:\r\n");
  EXPECT_EQ(text(section, HttpSection::kHost), "a.example");
  EXPECT_EQ(text(section, HttpSection::kUserAgent), "x");
  EXPECT_EQ(text(section, HttpSection::kReferer), "") << "there, and empty";
  EXPECT_EQ(text(section, HttpSection::kContentType), "none");
}

TEST(HttpHeader, JoinsLinesThatGoOn) {
  const HttpSection section =
      decoded("GET / HTTP/1.1\r\nUser-Agent: one\r\n  two\r\n\t three \r\n \r\nHost: a.example\r\n");
  EXPECT_EQ(text(section, HttpSection::kUserAgent), "one two three");
  EXPECT_EQ(text(section, HttpSection::kHost), "a.example");
}

TEST(HttpHeader, TakesTheHostFromATargetWithoutAHostField) {
  const auto host = [](const std::string& line) { return text(decoded(line), HttpSection::kHost); };
  EXPECT_EQ(host("GET http://www.example.org/a?b HTTP/1.1\r\n"), "www.example.org");
  EXPECT_EQ(host("GET http://me:secret@www.example.org:81?b HTTP/1.1\r\n"), "www.example.org:81");
  EXPECT_EQ(host("CONNECT www.example.org:443 HTTP/1.1\r\n"), "www.example.org:443");
  EXPECT_EQ(host("GET /?to=http://www.example.org/ HTTP/1.1\r\n"), "none");
  EXPECT_EQ(host("OPTIONS * HTTP/1.1\r\n"), "none");
  EXPECT_EQ(host("GET http://target.example/ HTTP/1.1\r\nHost: field.example\r\n"), "field.example");
  EXPECT_EQ(text(decoded("GET http://www.example.org/a HTTP/1.1\r\n"), HttpSection::kUrl), "http://www.example.org/a")
      << "as sent";
}

TEST(HttpHeader, SaysWhatIsNotWhole) {
  // Longer than a text, and than what a worker keeps of a line.
  const std::string target = "/" + std::string(280, 'u');
  HttpSection section = decoded("GET " + target + " HTTP/1.1\r\nHost: " + std::string(254, 'h') +
                                "\r\nReferer: " + std::string(255, 'r') + "\r\n");
  EXPECT_EQ(text(section, HttpSection::kUrl), target.substr(0, 254) + "~");
  EXPECT_EQ(text(section, HttpSection::kHost), std::string(254, 'h')) << "the longest that there may be";
  EXPECT_EQ(text(section, HttpSection::kReferer), std::string(254, 'r') + "~");
  const std::string line = "GET /" + std::string(kHttpMostRequestLine - 5, 'u');
  section = decoded(line + "\nUser-Agent:" + std::string(kHttpMostFieldLine - 12, ' ') + "x\nHost: a.exam");
  EXPECT_EQ(text(section, HttpSection::kUrl), line.substr(4, 254) + "~");
  EXPECT_EQ(text(section, HttpSection::kUserAgent), "x~") << "no more than this of the line was kept";
  EXPECT_EQ(text(section, HttpSection::kHost), "a.exam~") << "the line does not end";
  section = decoded("GET / HTTP/1.1\nReferer: " + std::string(140, 'a') + "\n " + std::string(140, 'b') + "\n");
  EXPECT_EQ(text(section, HttpSection::kReferer).size(), 254U + 1) << "with a mark";
}

TEST(HttpHeader, IsNotDecodedTwice) {
  HttpSection section = decoded("GET / HTTP/1.1\nHost: a\n");
  const HttpSection once = section;
  decode_http_header(section);
  EXPECT_EQ(std::memcmp(&section, &once, sizeof section), 0);
  HttpSection none{};
  none.known = HttpSection::kStatus;
  decode_http_header(none);
  EXPECT_EQ(none.known, HttpSection::kStatus);
}

TEST(HttpHeader, OfAnyOctetsLeavesZerosAfterItsTexts) {
  std::mt19937 random(7);
  const std::string pieces[] = {"Host:", "\n", "\n ", "GET ", " HTTP/1.1\r\n", "user-agent:", "://", "@", "\r", ":"};
  for (unsigned round = 0; round < 20'000; ++round) {
    std::string lines;
    const std::size_t octets = 1 + random() % 1500;
    while (lines.size() < octets) {
      if (random() % 2 == 0) {
        lines += pieces[random() % std::size(pieces)];
      } else {
        lines += static_cast<char>(random());
      }
    }
    const std::size_t request = random() % lines.size();
    const HttpSection section = decoded(lines.substr(0, request), lines.substr(request));
    for (const auto& place : section.texts) {
      const std::size_t length = text_at(place).size();
      ASSERT_LE(length, kMostTextOctets);
      for (std::size_t i = 2 + length; i < sizeof place; ++i) ASSERT_EQ(place[i], 0U);
    }
  }
}

}  // namespace
}  // namespace weir::test::http_header_test
