// What the metric `http` keeps of requests and responses in segments of any length, and that the pool gets back all
// that it gave. The control side's decoding is tested apart; here the lines are read as they were kept.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "dataplane/metric/http.h"
#include "tests/support/payload_meter.h"

namespace weir::test::http_metric_test {
namespace {

class HttpMeter : public PayloadMeter {
 public:
  explicit HttpMeter(std::uint32_t capacity = 1024, const FlowTimeouts& timeouts = {})
      : PayloadMeter(only_metric("http"), capacity, timeouts) {}

  /// `captured`: of the payload.
  void segment(bool client, std::uint32_t sequence, const std::string& payload, std::uint64_t at = 1_ms,
               std::size_t captured = PacketPayload::kMost, std::uint16_t port = 1000) {
    FlowPacket made = flow_packet().tcp(kFlagAck).at(at);
    made = client ? made.from("10.0.0.2", port).to("10.0.0.1", 8000) : made.from("10.0.0.1", 8000).to("10.0.0.2", port);
    see_segment(made, sequence, payload, captured);
  }
  /// A side's stream, in segments of so many octets.
  void stream(bool client, const std::string& octets, std::size_t each = 1400, std::uint32_t sequence = 1) {
    for (std::size_t at = 0; at < octets.size(); at += each) {
      segment(client, sequence + static_cast<std::uint32_t>(at), octets.substr(at, each));
    }
  }
  /// The section of the only record.
  HttpSection section() {
    drain(2_s);
    EXPECT_EQ(shard.pool().in_use(), 0U);
    expect_balanced();
    const RecordBatch records = batch();
    if (records.size() != 1 || records[0].find<HttpSection>() == nullptr) {
      ADD_FAILURE() << records.size() << " records, or without HTTP";
      return {};
    }
    return *records[0].find<HttpSection>();
  }
  bool has_section() {
    drain(2_s);
    EXPECT_EQ(shard.pool().in_use(), 0U);
    const RecordBatch records = batch();
    EXPECT_EQ(records.size(), 1U);
    return records.size() == 1 && records[0].has(Section::http);
  }
};

std::uint64_t missing_lines(const HttpMeter& meter) {
  return meter.missing(MissingFact::http_header_cut);
}

std::string request_of(const HttpSection& section) {
  return {reinterpret_cast<const char*>(section.texts[0]), section.request_octets};
}
std::string response_of(const HttpSection& section) {
  return {reinterpret_cast<const char*>(section.texts[0]) + section.request_octets, section.response_octets};
}
/// 0: there is none.
unsigned status_of(const HttpSection& section) {
  return (section.known & HttpSection::kStatus) != 0 ? section.status : 0;
}

const std::string kRequest =
    "GET /a?b=c HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\nUser-Agent: Example/1.0\r\n"
    "Referer: http://example.com/\r\nCookie: host: no.example\r\n\r\n";
const std::string kKeptRequest =
    "GET /a?b=c HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Example/1.0\r\nReferer: http://example.com/\r\n";
const std::string kResponse =
    "HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 4\r\nContent-Type: text/html\r\nHost: "
    "no.example\r\n\r\ngone";
const std::string kKeptResponse = "Content-Type: text/html\r\n";

void expect_both(const HttpSection& section, const std::string& what = "") {
  EXPECT_EQ(request_of(section), kKeptRequest) << what;
  EXPECT_EQ(status_of(section), 404U) << what;
  EXPECT_EQ(response_of(section), kKeptResponse) << what;
  EXPECT_EQ(section.header_cut, 0U) << what;
}

TEST(HttpMetric, KeepsTheLinesThatTheRecordWants) {
  HttpMeter meter;
  meter.stream(true, kRequest);
  EXPECT_EQ(meter.shard.pool().in_use(), (kKeptRequest.size() + 59) / 60);
  meter.stream(false, kResponse);
  expect_both(meter.section());
}

TEST(HttpMetric, MayBeCutIntoSegmentsAnywhere) {
  for (std::size_t octets = 1; octets <= kRequest.size(); ++octets) {
    HttpMeter meter;
    meter.stream(true, kRequest, octets, 0xffff'fff0);  // wraps
    meter.stream(false, kResponse, octets);
    expect_both(meter.section(), std::to_string(octets) + " octets a segment");
  }
}

TEST(HttpMetric, ReadsWhatIsSentAgainOnce) {
  HttpMeter meter;
  meter.segment(true, 1, kRequest.substr(0, 30));
  meter.segment(true, 1, kRequest.substr(0, 30));
  meter.segment(true, 11, kRequest.substr(10, 60));
  meter.segment(true, 70, "o");  // a keep-alive
  meter.segment(true, 71, kRequest.substr(70));
  meter.segment(false, 1, kResponse);
  meter.segment(true, 1, kRequest);
  meter.segment(false, 1, kResponse);
  expect_both(meter.section());
}

TEST(HttpMetric, TakesTheFirstRequestAndItsResponseOfAConnectionThatStaysOpen) {
  HttpMeter meter;
  std::uint32_t asked = 1, answered = 1;
  const std::string next = "POST /next HTTP/1.1\r\nHost: next.example\r\n\r\n";
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n";
  meter.segment(true, asked, kRequest);
  asked += static_cast<std::uint32_t>(kRequest.size());
  meter.segment(false, answered, kResponse);
  answered += static_cast<std::uint32_t>(kResponse.size());
  for (unsigned i = 0; i < 3; ++i) {
    meter.segment(true, asked, next);
    meter.segment(false, answered, answer);
    asked += static_cast<std::uint32_t>(next.size());
    answered += static_cast<std::uint32_t>(answer.size());
  }
  expect_both(meter.section(), "one after the other");
  HttpMeter pipelined;
  pipelined.stream(true, kRequest + next + next);
  pipelined.stream(false, kResponse + answer + answer);
  expect_both(pipelined.section(), "pipelined");
}

TEST(HttpMetric, TakesMethodsOfAnyNameAndTargetsOfAnyForm) {
  for (const std::string line :
       {"HEAD / HTTP/1.0", "CONNECT www.example.org:443 HTTP/1.1", "OPTIONS * HTTP/1.1", "M-SEARCH * HTTP/1.1",
        "GET http://www.example.org/x HTTP/1.1", "RPC_OUT_DATA /rpc HTTP/1.1", "UPDATEREDIRECTREF /x HTTP/1.1",
        "GET /with space HTTP/1.1"}) {
    HttpMeter meter;
    meter.stream(true, line + "\r\n\r\n");
    EXPECT_EQ(request_of(meter.section()), line + "\r\n");
  }
}

TEST(HttpMetric, WaitsForTheFinalResponse) {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: no/no\r\n\r\n";
  for (const std::size_t octets : {1U, 7U, 1400U}) {
    HttpMeter meter;
    meter.stream(true, kRequest);
    meter.stream(false, interim + kResponse, octets);
    expect_both(meter.section());
  }
  HttpMeter alone;
  alone.stream(true, kRequest);
  alone.stream(false, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(status_of(alone.section()), 100U) << "if no other comes";
  HttpMeter upgrade;
  upgrade.stream(true, "GET / HTTP/1.1\r\nUpgrade: h2c\r\nHost: a\r\n\r\n");
  upgrade.stream(false, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  const HttpSection section = upgrade.section();
  EXPECT_EQ(status_of(section), 101U) << "after which another protocol follows";
  EXPECT_EQ(request_of(section), "GET / HTTP/1.1\r\nHost: a\r\n");
}

TEST(HttpMetric, TakesNamesOfAnyCaseLinesWithoutReturnAndLinesThatGoOn) {
  HttpMeter meter;
  meter.stream(
      true, "\r\nGET / HTTP/1.1\nhOST:a\nuser-AGENT: b\n c\n\td\nX: y\n Referer: no\nuser-agent: twice\n\nHost: b\n");
  EXPECT_EQ(request_of(meter.section()), "GET / HTTP/1.1\nhOST:a\nuser-AGENT: b\n c\n\td\n");
}

TEST(HttpMetric, SaysThatAHeaderWasNotSeenToItsEnd) {
  HttpMeter gap;
  gap.segment(true, 1, kRequest.substr(0, 50));
  gap.segment(true, 60, kRequest.substr(59));
  gap.stream(false, kResponse);
  HttpSection section = gap.section();
  EXPECT_EQ(request_of(section), kKeptRequest.substr(0, 44)) << "as far as it was seen";
  EXPECT_EQ(section.header_cut, HttpSection::kRequest);
  EXPECT_EQ(status_of(section), 404U);
  HttpMeter captured;
  captured.segment(true, 1, kRequest);
  captured.segment(false, 1, kResponse, 1_ms, 20);
  section = captured.section();
  EXPECT_EQ(section.header_cut, HttpSection::kResponse);
  EXPECT_EQ(status_of(section), 404U);
}

TEST(HttpMetric, DoesNotCountARequestWhoseVersionWasNotSeen) {
  HttpMeter meter;
  meter.segment(true, 1, "GET /" + std::string(1000, 'u'));
  meter.segment(true, 2000, kRequest);  // begins anew after a gap
  meter.stream(false, kResponse);
  expect_both(meter.section());
  HttpMeter cut;
  cut.segment(true, 1, "GET /" + std::string(1000, 'u'));
  EXPECT_FALSE(cut.has_section());
}

TEST(HttpMetric, TakesAResponseWhoseRequestWasNotSeenUntilARequestComes) {
  HttpMeter meter;
  meter.segment(false, 1, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n");
  meter.segment(true, 5, kRequest);
  meter.segment(false, 1000, kResponse);
  expect_both(meter.section());
  HttpMeter alone;
  alone.stream(false, kResponse);
  const HttpSection section = alone.section();
  EXPECT_EQ(section.request_octets, 0U);
  EXPECT_EQ(status_of(section), 404U);
  EXPECT_EQ(response_of(section), kKeptResponse);
}

TEST(HttpMetric, FindsMessagesAmongOtherSegmentsUntilItGivesUp) {
  for (const unsigned others : {31U, 32U}) {
    HttpMeter meter;
    for (unsigned i = 0; i < others; ++i) meter.segment(true, 1 + i * 10, "some text\n");
    for (unsigned i = 0; i < 1000; ++i) meter.segment(true, 5000 + i, std::string("\x16\x03\x01", 3));  // no text
    meter.segment(true, 100'000, kRequest);
    EXPECT_EQ(meter.has_section(), others == 31) << others;
  }
}

TEST(HttpMetric, TakesNothingElseForHttp) {
  for (const std::string& text :
       {std::string("MAIL FROM:<a@example.org>\r\nGET / HTTP/1.1\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("GET /\r\n"),
        std::string("GET / HTTP/1.x\r\n\r\n"), std::string("get / HTTP/1.1\r\n\r\n"),
        std::string("DESCRIBE rtsp://x/ RTSP/1.0\r\n\r\n"), std::string("HTTP/2.0 200\r\n\r\n"),
        std::string("HTTP/1.1 2x0 OK\r\n\r\n"), std::string("GET HTTP/1.1\r\n\r\n"), std::string(3000, 'G'),
        std::string("A / HTTP/1.1\r\n\r\n")}) {
    HttpMeter meter;
    meter.stream(true, text);
    meter.stream(false, text);
    EXPECT_FALSE(meter.has_section()) << text.substr(0, 40);
  }
}

TEST(HttpMetric, BoundsWhatItKeepsOfEndlessHeaders) {
  std::string fold = "GET / HTTP/1.1\r\nHost: a";
  while (fold.size() < 20'000) fold += "\n ";
  for (const std::string& stream :
       {"GET /" + std::string(200'000, 'u'), "GET / HTTP/1.1\r\nHost: " + std::string(200'000, 'h'),
        "GET / HTTP/1.1\r\n" + std::string(200'000, 'x'), fold,
        "GET " + std::string(70'000, '\t') + " HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    HttpMeter meter;
    meter.stream(true, stream);
    EXPECT_LE(meter.shard.pool().in_use(), Http::kPoolLines) << stream.substr(0, 30);
    EXPECT_EQ(missing_lines(meter), 0U);
    meter.stream(false, kResponse);
    const HttpSection section = meter.section();
    EXPECT_LE(section.request_octets, Http::kMostKept);
    EXPECT_EQ(status_of(section), 404U);
  }
  HttpMeter interim;
  std::string endless;
  for (unsigned i = 0; i < 1000; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  interim.stream(false, endless + kResponse);
  EXPECT_EQ(status_of(interim.section()), 100U) << "it gave up";
}

TEST(HttpMetric, KeepsTheLongestLinesThatItSays) {
  const std::string host = "Host: " + std::string(kHttpMostFieldLine, 'h');
  const std::string line = "GET /" + std::string(600, 'u');
  HttpMeter meter;
  meter.stream(true, line + " HTTP/1.1\r\n" + host + "\r\n\r\n", 50);
  const HttpSection section = meter.section();
  EXPECT_EQ(request_of(section),
            line.substr(0, kHttpMostRequestLine) + "\n" + host.substr(0, kHttpMostFieldLine) + "\n");
  EXPECT_EQ(section.header_cut, 0U) << "the header itself was seen whole";
}

TEST(HttpMetric, LeavesOutWhatThePoolHasNoRoomForAndCountsIt) {
  constexpr std::uint16_t kFlows = 4500;  // whose records the ring has room for
  HttpMeter meter(8192);
  ASSERT_EQ(meter.shard.pool().capacity(), 4096U * Http::kPoolLines);
  const std::string longest = "GET /" + std::string(400, 'u') + " HTTP/1.1\r\nHost: " + std::string(400, 'h') +
                              "\r\nUser-Agent: " + std::string(400, 'a') + "\r\nReferer: " + std::string(400, 'r') +
                              "\r\n\r\n";
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(400, 't') + "\r\n\r\n";
  for (std::uint16_t port = 1; port <= kFlows; ++port) meter.segment(true, 1, longest, 1_ms, 2048, port);
  for (std::uint16_t port = 1; port <= kFlows; ++port) meter.segment(false, 1, answer, 1_ms, 2048, port);
  EXPECT_EQ(meter.shard.pool().in_use(), meter.shard.pool().capacity());
  meter.drain(2_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), kFlows);
  std::uint64_t cut = 0, recognised = 0;
  for (const RecordView record : records) {
    const HttpSection& section = *record.find<HttpSection>();
    cut += (section.header_cut & HttpSection::kRequest) != 0 ? 1 : 0;
    cut += (section.header_cut & HttpSection::kResponse) != 0 ? 1 : 0;
    recognised += status_of(section) == 200 ? 1 : 0;
  }
  EXPECT_EQ(recognised, kFlows) << "the status needs no room";
  EXPECT_GT(cut, 0U);
  EXPECT_EQ(missing_lines(meter), cut);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(HttpMetric, BeginsAnewAfterAnActiveTimeout) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  HttpMeter meter(1024, timeouts);
  meter.segment(true, 1, kRequest, 0);
  meter.pass(1100_ms);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  const RecordBatch first = meter.batch();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(request_of(*first[0].find<HttpSection>()), kKeptRequest);
  meter.segment(false, 1, kResponse, 1200_ms);
  const HttpSection section = meter.section();
  EXPECT_EQ(section.request_octets, 0U) << "its request is in the record before";
  EXPECT_EQ(status_of(section), 404U);
}

TEST(HttpMetric, OfAnyOctetsInAnySegmentsTakesAndGivesBackBoundedRoom) {
  std::mt19937 random(11);
  const std::string pieces[] = {"GET / HTTP/1.1\r\n",
                                "HTTP/1.1 100 C\r\n",
                                "HTTP/1.1 200 OK\r\n",
                                "\r\n",
                                "Host: a",
                                "\n ",
                                "User-Agent: ",
                                "Content-Type: x\r\n",
                                "POST ",
                                " HTTP/1.0",
                                std::string(300, 'x')};
  HttpMeter meter(64);
  for (std::uint16_t round = 0; round < 2000; ++round) {
    const std::uint64_t at = round * 3_s;
    const auto port = static_cast<std::uint16_t>(1000 + round);
    std::uint32_t sequences[2] = {0, 0};
    for (unsigned i = 0; i < 40; ++i) {
      const unsigned side = random() % 2;
      std::string payload;
      for (unsigned n = random() % 4; n != 0; --n) payload += pieces[random() % std::size(pieces)];
      payload = payload.substr(0, 1 + random() % 700);
      meter.segment(side == 0, sequences[side], payload, at + 1_ms, PacketPayload::kMost, port);
      sequences[side] += static_cast<std::uint32_t>(payload.size());
      if (random() % 10 == 0) sequences[side] += static_cast<std::uint32_t>(random() % 20) - 10;
      ASSERT_LE(meter.shard.pool().in_use(), Http::kPoolLines);
    }
    ASSERT_EQ(missing_lines(meter), 0U);
    meter.drain(at + 2_s);
    ASSERT_EQ(meter.shard.pool().in_use(), 0U);
    ASSERT_EQ(meter.batch().size(), 1U);
  }
  meter.expect_balanced();
}

TEST(HttpText, IsWhatAHeaderMayBeginWith) {
  const auto text = [](const std::string& octets) {
    const auto size = static_cast<std::uint32_t>(octets.size());
    PacketFacts facts{};
    facts.payload = {reinterpret_cast<const std::uint8_t*>(octets.data()), size, size, 0};
    return Http::recognises({}, facts);
  };
  EXPECT_TRUE(text("GET / HTTP/1.1\r\n\tx"));
  EXPECT_TRUE(text("x"));
  EXPECT_TRUE(text("\xc3\xa4\xff"));
  EXPECT_FALSE(text(""));
  EXPECT_FALSE(text(std::string("a\0b", 3)));
  EXPECT_FALSE(text("a\x7f"));
  EXPECT_FALSE(text("\x16\x03\x01 and so on, as long as it may be, in a record of TLS"));
  EXPECT_FALSE(text(std::string(31, 'x') + '\x01'));
  EXPECT_TRUE(text(std::string(32, 'x') + '\x01')) << "no more is looked at";
}

TEST(HttpText, OfTcpAloneIsLookedAt) {
  const FlowPacket made = flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", 9);
  EXPECT_EQ(only_metric("http").wanted_payload(FlowPacket(made).tcp(kFlagAck).packet()), 2048U);
  EXPECT_EQ(only_metric("http").wanted_payload(FlowPacket(made).udp().packet()), 0U);
}

}  // namespace
}  // namespace weir::test::http_metric_test
