// What the metric `dns` keeps of messages over UDP and TCP, in segments of any length, and that the pool gets back all
// that it gave. The control side's decoding is tested apart; here the question is read as it came.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "dataplane/metric/dns.h"
#include "tests/support/dns_message.h"
#include "tests/support/payload_meter.h"

namespace weir::test::dns_metric_test {
namespace {

Metrics only_dns(std::uint16_t names = 0) {
  MetricParameters parameters;
  parameters.dns_names = names;
  return only_metric("dns", parameters);
}

class DnsMeter : public PayloadMeter {
 public:
  explicit DnsMeter(std::uint32_t capacity = 1024, const FlowTimeouts& timeouts = {})
      : PayloadMeter(only_dns(), capacity, timeouts) {}

  /// `captured`: of the payload.
  void datagram(bool query, const std::string& payload, std::uint64_t at, std::size_t captured = 100'000,
                std::uint16_t port = 1000) {
    FlowPacket packet = flow_packet().udp().octets(static_cast<std::uint32_t>(28 + payload.size())).at(at);
    see(addressed(packet, query, port), PacketFacts{}, payload, captured);
  }
  void segment(bool query, std::uint32_t sequence, const std::string& payload, std::uint64_t at,
               std::uint8_t flags = kFlagAck, std::size_t captured = 100'000) {
    see_segment(addressed(flow_packet().tcp(flags).at(at), query, 1000), sequence, payload, captured);
  }
  /// The section of the only record.
  DnsSection section() {
    const RecordBatch records = batch();
    if (records.size() != 1 || records[0].find<DnsSection>() == nullptr) {
      ADD_FAILURE() << records.size() << " records, or without DNS";
      return {};
    }
    return *records[0].find<DnsSection>();
  }

 private:
  static FlowPacket addressed(FlowPacket packet, bool query, std::uint16_t port) {
    return query ? packet.from("10.0.0.2", port).to("10.0.0.1", 53) : packet.from("10.0.0.1", 53).to("10.0.0.2", port);
  }
};

std::uint64_t missing_names(const DnsMeter& meter) {
  return meter.missing(MissingFact::dns_question_cut);
}

std::string question_of(const DnsSection& section) {
  return {reinterpret_cast<const char*>(section.name) + 1, section.question_octets};
}

const std::string kQuestion = dns_question("www.example.org", 28);
const std::string kAsk = dns_message(7, kDnsQuery, kQuestion);
const std::string kAnswer = dns_message(7, kDnsResponse, kQuestion, 2) + std::string(56, '\1');

TEST(DnsMetric, KeepsTheQuestionAndTheResponseOfAQuery) {
  DnsMeter meter;
  meter.datagram(true, kAsk, 1_s);
  EXPECT_EQ(meter.shard.pool().in_use(), 1U) << "21 octets of question in one line";
  meter.datagram(false, kAnswer, 1_s + 15_ms);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(question_of(section), kQuestion);
  EXPECT_EQ(section.id, 7U);
  EXPECT_EQ(section.flags, kDnsResponse);
  EXPECT_EQ(section.rcode, 0U);
  EXPECT_EQ(section.answers, 2U);
  EXPECT_EQ(section.response_time_ns, 15_ms);
  EXPECT_EQ(section.known, DnsSection::kResponse | DnsSection::kResponseTime);
  EXPECT_EQ(section.queries, 1U);
  EXPECT_EQ(section.responses, 1U);
  EXPECT_EQ(section.errors, 0U);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(DnsMetric, SaysWhatIsKnownOfAQueryWithoutResponse) {
  DnsMeter meter;
  meter.datagram(true, kAsk, 1_s);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.flags, kDnsQuery);
  EXPECT_EQ(section.known, 0U) << "no response";
  EXPECT_EQ(section.queries, 1U);
}

TEST(DnsMetric, TakesTheFirstResponseWhereTheQueryWasNotSeen) {
  DnsMeter meter;
  meter.datagram(false, dns_message(9, kDnsNoSuchName, kQuestion), 1_s);
  meter.datagram(false, kAnswer, 1_s);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.id, 9U);
  EXPECT_EQ(section.rcode, 3U);
  EXPECT_EQ(question_of(section), kQuestion);
  EXPECT_EQ(section.known, DnsSection::kResponse) << "without a time";
  EXPECT_EQ(section.responses, 2U);
  EXPECT_EQ(section.errors, 1U);
}

TEST(DnsMetric, TakesTheFirstOfSeveralQueriesAndItsOwnResponse) {
  DnsMeter meter;
  meter.datagram(false, dns_message(3, kDnsResponse, dns_question("before.example")), 1_s);
  meter.datagram(true, kAsk, 1_s + 1_ms);
  meter.datagram(true, dns_message(8, kDnsQuery, dns_question("other.example")), 1_s + 2_ms);
  meter.datagram(false, dns_message(8, kDnsNoSuchName, dns_question("other.example")), 1_s + 3_ms);
  meter.datagram(true, kAsk, 1_s + 4_ms);  // repeated
  meter.datagram(false, kAnswer, 1_s + 9_ms);
  meter.datagram(false, dns_message(7, 0x8185, kQuestion), 1_s + 10_ms);  // a second answer
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.id, 7U);
  EXPECT_EQ(question_of(section), kQuestion);
  EXPECT_EQ(section.rcode, 0U);
  EXPECT_EQ(section.response_time_ns, 8_ms) << "from the first time it was asked";
  EXPECT_EQ(section.queries, 3U);
  EXPECT_EQ(section.responses, 4U);
  EXPECT_EQ(section.errors, 2U);
}

TEST(DnsMetric, HasNoNameOfAMessageWithoutQuestion) {
  DnsMeter meter;
  std::string message = dns_message(0, 0x8400, dns_question("answer.local"), 1);
  message[5] = 0;  // no question: what follows is an answer
  meter.datagram(false, message, 1_s);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.question_octets, 0U);
  EXPECT_EQ(section.name[0], 0U) << "nothing was cut";
  EXPECT_EQ(section.answers, 1U);
}

TEST(DnsMetric, TakesNothingElseForDns) {
  std::string odd_opcode = kAsk;
  odd_opcode[2] = 0x18;
  std::string many_questions = kAsk;
  many_questions[4] = 1;
  for (const std::string& payload :
       {std::string(kAsk.substr(0, 11)), odd_opcode, many_questions, std::string(1, 'x')}) {
    DnsMeter meter;
    meter.datagram(true, payload, 1_s);
    meter.drain(2_s);
    const RecordBatch records = meter.batch();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0]->sections, 0U);
  }
}

TEST(DnsMetric, SaysThatNothingOfTheNameWasCaptured) {
  DnsMeter meter;
  meter.datagram(true, kAsk, 1_s, 12);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.id, 7U);
  EXPECT_EQ(section.question_octets, 0U);
  EXPECT_EQ(section.name[0], 1U);
}

TEST(DnsMetric, KeepsAQuestionOfAnyLengthWithinItsBound) {
  for (const std::size_t octets : {1U, 59U, 60U, 61U, 120U, 259U, 260U, 1000U}) {
    std::string question(octets, 'q');
    for (std::size_t i = 0; i < octets; ++i) question[i] = static_cast<char>(i);
    DnsMeter meter;
    meter.datagram(true, dns_message(1, kDnsQuery, question), 1_s);
    const std::size_t kept = octets < 5 ? 0 : std::min<std::size_t>(octets, 259);
    EXPECT_EQ(meter.shard.pool().in_use(), (kept + 59) / 60);
    meter.drain(2_s);
    if (kept == 0) continue;  // shorter than any question: no DNS
    EXPECT_EQ(question_of(meter.section()), question.substr(0, kept));
    EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  }
}

TEST(DnsMetric, HasALongestNameOfEachFlowInASmallTable) {
  DnsMeter meter(64);  // 64 flows and 64 * 5 lines
  const std::string longest = dns_message(1, kDnsQuery, std::string(259, 'q'));
  for (std::uint16_t port = 1; port <= 64; ++port) meter.datagram(true, longest, 1_s, 100'000, port);
  EXPECT_EQ(meter.shard.pool().in_use(), meter.shard.pool().capacity());
  EXPECT_EQ(missing_names(meter), 0U);
  meter.datagram(true, longest, 1_s, 100'000, 1);  // not the first
  EXPECT_EQ(missing_names(meter), 0U);
  meter.drain(2_s);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(DnsMetric, CutsNamesWhereThePoolIsEmptyAndCountsThem) {
  constexpr std::uint16_t kFlows = 5000;
  DnsMeter meter(8192);
  ASSERT_EQ(meter.shard.pool().capacity(), 4096U * 5);
  const std::string longest = dns_message(1, kDnsQuery, std::string(259, 'q'));
  for (std::uint16_t port = 1; port <= kFlows; ++port) meter.datagram(true, longest, 1_s, 100'000, port);
  EXPECT_EQ(meter.shard.pool().in_use(), 4096U * 5);
  EXPECT_EQ(missing_names(meter), kFlows - 4096U);
  meter.datagram(true, longest, 1_s, 100'000, kFlows);  // not the first: nothing more of it is missing
  EXPECT_EQ(missing_names(meter), kFlows - 4096U);
  meter.drain(2_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), kFlows);
  std::uint64_t whole = 0, cut = 0;
  for (const RecordView record : records) {
    const DnsSection& section = *record.find<DnsSection>();
    whole += section.question_octets == 259 && section.name[0] == 0 ? 1 : 0;
    cut += section.question_octets == 0 && section.name[0] == 1 ? 1 : 0;
  }
  EXPECT_EQ(whole, 4096U);
  EXPECT_EQ(cut, kFlows - 4096U);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(DnsMetric, BeginsAnewAfterAnActiveTimeout) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  DnsMeter meter(1024, timeouts);
  meter.datagram(true, kAsk, 0);
  meter.pass(1100_ms);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  EXPECT_EQ(meter.section().queries, 1U);
  meter.datagram(false, kAnswer, 1200_ms);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.queries, 0U);
  EXPECT_EQ(section.responses, 1U);
  EXPECT_EQ(section.known, DnsSection::kResponse) << "its query is in the record before";
}

// ---- TCP

/// Both streams of a conversation: two queries, their responses.
const std::string kAskStream =
    dns_over_tcp(kAsk) + dns_over_tcp(dns_message(8, kDnsQuery, dns_question("other.example")));
const std::string kAnswerStream =
    dns_over_tcp(kAnswer) + dns_over_tcp(dns_message(8, kDnsNoSuchName, dns_question("other.example")));

void expect_both(const DnsSection& section, const std::string& what) {
  EXPECT_EQ(section.id, 7U) << what;
  EXPECT_EQ(question_of(section), kQuestion) << what;
  EXPECT_EQ(section.flags, kDnsResponse) << what;
  EXPECT_EQ(section.answers, 2U) << what;
  EXPECT_EQ(section.queries, 2U) << what;
  EXPECT_EQ(section.responses, 2U) << what;
  EXPECT_EQ(section.errors, 1U) << what;
}

TEST(DnsOverTcp, MayBeCutIntoSegmentsAnywhere) {
  for (std::size_t octets = 1; octets <= kAnswerStream.size(); ++octets) {
    DnsMeter meter;
    std::uint32_t ask = 0xffff'fff0, answer = 100;  // the first one wraps
    meter.segment(true, ask++, "", 0, kFlagSyn);
    meter.segment(false, answer++, "", 0, kFlagSyn | kFlagAck);
    for (std::size_t at = 0; at < kAskStream.size(); at += octets) {
      meter.segment(true, ask + static_cast<std::uint32_t>(at), kAskStream.substr(at, octets), 1_ms);
    }
    for (std::size_t at = 0; at < kAnswerStream.size(); at += octets) {
      meter.segment(false, answer + static_cast<std::uint32_t>(at), kAnswerStream.substr(at, octets), 4_ms);
    }
    meter.drain(2_s);
    const DnsSection section = meter.section();
    // What a question has after it in its message is kept, too, and cut by the decoder.
    EXPECT_EQ(question_of(section).substr(0, kQuestion.size()), kQuestion) << octets;
    expect_both(section, std::to_string(octets) + " octets a segment");
    EXPECT_EQ(section.response_time_ns, 3_ms);
    EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  }
}

TEST(DnsOverTcp, CountsWhatIsSentAgainOnce) {
  DnsMeter meter;
  meter.segment(true, 0, "", 0, kFlagSyn);
  meter.segment(false, 0, "", 0, kFlagSyn | kFlagAck);
  meter.segment(true, 1, kAskStream.substr(0, 20), 1_ms);
  meter.segment(true, 1, kAskStream.substr(0, 20), 1_ms);
  meter.segment(true, 11, kAskStream.substr(10), 1_ms);  // half of it again
  meter.segment(true, 0, std::string(1, '\0'), 1_ms);    // a keep-alive
  meter.segment(false, 1, kAnswerStream, 2_ms);
  meter.segment(false, 1, kAnswerStream, 3_ms);
  meter.drain(2_s);
  expect_both(meter.section(), "repeated");
}

TEST(DnsOverTcp, IsReadInAConnectionThatWasOpenBefore) {
  DnsMeter meter;
  meter.segment(true, 5000, kAskStream.substr(10, 20), 0);  // the end of a message that nobody saw begin
  meter.segment(true, 70'000, kAskStream, 1_ms);
  meter.segment(false, 9000, kAnswerStream, 2_ms);
  meter.drain(2_s);
  expect_both(meter.section(), "midstream");
}

TEST(DnsOverTcp, GoesOnAfterAGapWithinAMessage) {
  const std::size_t end = dns_over_tcp(kAnswer).size();
  DnsMeter meter;
  meter.segment(true, 1, kAskStream, 1_ms);
  meter.segment(false, 1, kAnswerStream.substr(0, 30), 2_ms);
  meter.segment(false, static_cast<std::uint32_t>(end - 9), kAnswerStream.substr(end - 10), 2_ms);
  meter.drain(2_s);
  expect_both(meter.section(), "a gap");
}

TEST(DnsOverTcp, GoesOnAfterAGapThatHidesTheNextMessage) {
  DnsMeter meter;
  meter.segment(true, 1, kAskStream, 1_ms);
  meter.segment(false, 1, kAnswerStream.substr(0, 5), 2_ms);
  meter.segment(false, 100'000, kAnswerStream, 3_ms);
  meter.drain(2_s);
  expect_both(meter.section(), "a gap");
}

TEST(DnsOverTcp, GoesOnAfterASegmentOfWhichOnlyTheBeginningWasCaptured) {
  DnsMeter meter;
  meter.segment(true, 1, kAskStream, 1_ms);
  meter.segment(false, 1, dns_over_tcp(kAnswer), 2_ms, kFlagAck, 20);
  meter.segment(false, static_cast<std::uint32_t>(1 + dns_over_tcp(kAnswer).size()),
                kAnswerStream.substr(dns_over_tcp(kAnswer).size()), 2_ms);
  meter.drain(2_s);
  expect_both(meter.section(), "cut");
}

TEST(DnsOverTcp, GoesOnInTheNextRecordInTheMiddleOfAMessage) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  DnsMeter meter(1024, timeouts);
  const std::size_t half = dns_over_tcp(kAsk).size() + 5;
  meter.segment(true, 1, kAskStream.substr(0, half), 0);
  meter.pass(1100_ms);
  EXPECT_EQ(meter.section().queries, 1U);
  meter.segment(true, static_cast<std::uint32_t>(1 + half), kAskStream.substr(half), 1200_ms);
  meter.drain(2_s);
  const DnsSection section = meter.section();
  EXPECT_EQ(section.queries, 1U);
  EXPECT_EQ(section.id, 8U);
}

TEST(DnsOverTcp, IgnoresWhatIsNone) {
  DnsMeter meter;
  meter.segment(true, 0, "", 0, kFlagSyn);
  meter.segment(true, 1, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 1_ms);
  meter.segment(true, 39, std::string(2000, '\xff'), 1_ms);
  meter.drain(2_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->sections, 0U);
}

// ---- which packets' payload is wanted

TEST(DnsPorts, AreFiftyThreeAndThoseThatWereAskedFor) {
  const auto wanted = [](std::uint16_t names, std::uint16_t port, bool tcp) {
    FlowPacket packet = flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", port);
    return only_dns(names).wanted_payload((tcp ? packet.tcp(kFlagAck) : packet.udp()).packet());
  };
  EXPECT_EQ(wanted(0, 53, false), 12U + 259);
  EXPECT_EQ(wanted(0, 53, true), 2048U);
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{54, 5353, 5355, 443})
    EXPECT_EQ(wanted(0, port, false), 0U);
  EXPECT_EQ(wanted(Dns::kMulticast, 5353, false), 12U + 259);
  EXPECT_EQ(wanted(Dns::kMulticast, 5355, false), 0U);
  EXPECT_EQ(wanted(Dns::kLinkLocal, 5355, true), 2048U);
  EXPECT_EQ(wanted(Dns::kLinkLocal | Dns::kMulticast, 53, false), 12U + 259);
  EXPECT_FALSE(Metrics(1).wants_payload()) << "another metric";
}

}  // namespace
}  // namespace weir::test::dns_metric_test
