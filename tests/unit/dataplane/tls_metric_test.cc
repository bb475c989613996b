// What the metric `tls` keeps of handshakes in segments of any length and order, on any port, and that the pool gets
// back all that it gave. The control side's decoding is tested apart; here hellos are read as they are kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "dataplane/metric/tls.h"
#include "tests/support/payload_meter.h"
#include "tests/support/tls_messages.h"

namespace weir::test::tls_metric_test {
namespace {

class TlsMeter : public PayloadMeter {
 public:
  explicit TlsMeter(std::uint32_t capacity = 1024, const FlowTimeouts& timeouts = {})
      : PayloadMeter(only_metric("tls"), capacity, timeouts) {}

  void segment(bool client, std::uint32_t sequence, const std::string& payload, std::uint64_t at = 1_s,
               std::uint8_t flags = kFlagAck, std::size_t captured = 100'000) {
    FlowPacket packet = flow_packet().tcp(flags).at(at);
    client ? packet.from("10.0.0.2", port).to("10.0.0.1", 4711) : packet.from("10.0.0.1", 4711).to("10.0.0.2", port);
    seen += see_segment(packet, sequence, payload, captured) ? 1 : 0;
  }
  void open() {
    segment(true, kClient - 1, "", 1_s, kFlagSyn);
    segment(false, kServer - 1, "", 1_s, kFlagSyn | kFlagAck);
    seen = 0;
  }
  /// A side's stream in segments of so many octets.
  void stream(bool client, const std::string& octets, std::size_t each) {
    const std::uint32_t first = client ? kClient : kServer;
    for (std::size_t at = 0; at < octets.size(); at += each) {
      segment(client, first + static_cast<std::uint32_t>(at), octets.substr(at, each));
    }
  }
  /// The only record, with its sections.
  RecordBatch only() {
    drain(3_s);
    RecordBatch records = batch();
    EXPECT_EQ(records.size(), 1U);
    EXPECT_EQ(shard.pool().in_use(), 0U);
    expect_balanced();
    return records;
  }

  static constexpr std::uint32_t kClient = 0xffff'ff00;  // wraps soon
  static constexpr std::uint32_t kServer = 1000;
  unsigned seen = 0;  ///< segments whose payload was wanted
  std::uint16_t port = 40'000;
};

std::string client_of(const TlsSection& section) {
  return {reinterpret_cast<const char*>(section.octets), section.client_octets};
}
std::string server_of(const TlsSection& section) {
  return {reinterpret_cast<const char*>(section.octets) + TlsSection::kMostClient, section.server_octets};
}
std::string certificate_of(RecordView record) {
  const auto* const section = record.find<TlsCertificateSection>();
  return section == nullptr ? std::string()
                            : std::string(reinterpret_cast<const char*>(section->octets), section->certificate_octets);
}
const TlsSection& tls_of(const RecordBatch& records) {
  static const TlsSection kNone{};
  const auto* const section = records.empty() ? nullptr : records[0].find<TlsSection>();
  EXPECT_NE(section, nullptr);
  return section == nullptr ? kNone : *section;
}

const std::vector<std::uint16_t> kSuites = {0x1301, 0xc02f, 0x002f};
/// Those whose data are kept, and between them what is not.
const std::string kExtensions = tls_extension(0x0a0a) + tls_server_name("www.example.org") +
                                tls_extension(51, std::string(1216, 'k')) + tls_alpn({"h2"}) +
                                tls_extension(21, std::string(50, '\0'));
const std::string kKeptExtensions = tls_extension(0x0a0a) + tls_server_name("www.example.org") + tls_extension(51) +
                                    tls_alpn({"h2"}) + tls_extension(21);
const std::string kHello = client_hello(0x0303, kSuites, kExtensions, std::string(32, 's'));
const std::string kKeptHello = kept_client_hello(0x0303, kSuites, kKeptExtensions);

const std::string kCertificate(1500, 'c');
const std::string kServerExtensions = tls_extension(65281, std::string(1, '\0')) + tls_alpn({"h2"});
const std::string kKeptServer = tls_number(0x0303, 2) + tls_number(0xc02f, 2) + tls_extension(65281) + tls_alpn({"h2"});

const std::string kClientStream =
    tls_record(kHello) + tls_record(tls_message(16, std::string(66, 'x'))) + tls_record("\1", 20);
/// Up to TLS 1.2: hello, certificates, the end of the server's part in one record.
const std::string kServerStream =
    tls_record(server_hello(0x0303, 0xc02f, kServerExtensions) +
               certificate_message({kCertificate, std::string(900, 'i')}) + tls_message(14, ""));

void expect_all(const RecordBatch& records, const std::string& what) {
  const TlsSection& section = tls_of(records);
  EXPECT_EQ(client_of(section), kKeptHello) << what;
  EXPECT_EQ(section.kept, TlsSection::kClientWhole) << what;
  EXPECT_EQ(server_of(section), kKeptServer) << what;
  EXPECT_EQ(certificate_of(records[0]), kCertificate.substr(0, 1024)) << what;
}

TEST(TlsMetric, KeepsWhatIsNeededOfBothHellosAndTheCertificate) {
  TlsMeter meter;
  meter.open();
  meter.stream(true, kClientStream, 1400);
  meter.stream(false, kServerStream, 1400);
  EXPECT_EQ(meter.shard.pool().in_use(), 1U + 1U + 18U) << "lines of 60 octets";
  expect_all(meter.only(), "1400 octets a segment");
}

TEST(TlsMetric, TakesSegmentsThatAreCutAnywhere) {
  for (std::size_t each = 1; each <= 1500; each += each < 80 ? 1 : 137) {
    TlsMeter meter;
    meter.open();
    meter.stream(true, kClientStream, each);
    meter.stream(false, kServerStream, each);
    expect_all(meter.only(), std::to_string(each) + " octets a segment");
  }
}

TEST(TlsMetric, TakesMessagesInRecordsThatAreCutAnywhere) {
  const std::string messages = server_hello(0x0303, 0xc02f, kServerExtensions) + certificate_message({kCertificate});
  for (std::size_t each = 1; each <= 400; each += each < 20 ? 1 : 61) {
    std::string client, server;
    for (std::size_t at = 0; at < kHello.size(); at += each) client += tls_record(kHello.substr(at, each));
    for (std::size_t at = 0; at < messages.size(); at += each) server += tls_record(messages.substr(at, each));
    TlsMeter meter;
    meter.open();
    meter.stream(true, client, 1000);
    meter.stream(false, server, 1000);
    if (each == 1) {  // 6 octets of stream for each of the message: more than is looked at
      EXPECT_EQ(tls_of(meter.only()).kept, 0U);
      continue;
    }
    expect_all(meter.only(), std::to_string(each) + " octets a record");
  }
}

TEST(TlsMetric, PutsSegmentsInOrder) {
  std::mt19937 random(11);
  for (unsigned round = 0; round < 200; ++round) {
    struct Piece {
      bool client;
      std::size_t at, octets;
    };
    std::vector<Piece> pieces;
    const std::string client = kClientStream.substr(0, tls_record(kHello).size());
    for (const bool side : {true, false}) {
      const std::string& stream = side ? client : kServerStream;
      for (std::size_t at = 0; at < stream.size();) {
        const std::size_t octets = 100 + random() % 1300;
        pieces.push_back({side, at, octets});
        at += octets - (at + octets < stream.size() ? random() % 30 : 0);  // some octets come twice
      }
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    TlsMeter meter;
    meter.open();
    for (const Piece& piece : pieces) {
      const std::string& stream = piece.client ? client : kServerStream;
      meter.segment(piece.client, (piece.client ? meter.kClient : meter.kServer) + static_cast<std::uint32_t>(piece.at),
                    stream.substr(piece.at, piece.octets));
    }
    expect_all(meter.only(), "round " + std::to_string(round));
    EXPECT_EQ(meter.missing(MissingFact::tls_segment_cut), 0U);
  }
}

TEST(TlsMetric, GivesUpWhereMoreComesEarlyThanItHolds) {
  TlsMeter meter;
  meter.open();
  for (std::uint32_t i = 0; i <= Tls::kMostHeldLines; ++i) meter.segment(true, meter.kClient + 100 + i, "x");
  EXPECT_EQ(meter.shard.pool().in_use(), 0U) << "given back";
  meter.stream(true, kClientStream, 1400);
  const RecordBatch records = meter.only();
  EXPECT_EQ(records[0]->sections, 0U);
}

TEST(TlsMetric, HoldsOnceWhatIsSentAgainBeforeItsTurn) {
  TlsMeter meter;
  meter.open();
  const auto early = [&] { meter.segment(true, meter.kClient + 700, kClientStream.substr(700)); };
  early();
  const std::uint32_t held = meter.shard.pool().in_use();
  EXPECT_EQ(held, (kClientStream.size() - 700 + 54) / 55);
  for (unsigned i = 0; i < 10; ++i) early();
  EXPECT_EQ(meter.shard.pool().in_use(), held);
  meter.segment(true, meter.kClient, kClientStream.substr(0, 700));
  meter.stream(false, kServerStream, 900);
  expect_all(meter.only(), "again");
}

TEST(TlsMetric, GivesUpWhereAHeldSegmentWasCut) {
  TlsMeter meter;
  meter.open();
  const auto size = static_cast<std::uint32_t>(kClientStream.size());
  meter.segment(true, meter.kClient + 40, kClientStream.substr(40), 1_s, kFlagAck, 200);
  meter.segment(true, meter.kClient + size, "more");
  meter.segment(true, meter.kClient, kClientStream.substr(0, 40));
  const std::uint32_t in_use = meter.shard.pool().in_use();
  meter.segment(true, meter.kClient + size + 4, "and more");
  EXPECT_EQ(meter.shard.pool().in_use(), in_use) << "nothing is held for a turn that does not come";
  const RecordBatch records = meter.only();
  EXPECT_EQ(tls_of(records).kept, 0U);
  EXPECT_NE(client_of(tls_of(records)).find("www.example.org"), std::string::npos) << "what was captured is there";
}

TEST(TlsMetric, ReadsWhatIsSentAgainOnce) {
  TlsMeter meter;
  meter.open();
  meter.segment(true, meter.kClient - 1, "\0", 1_s);  // a keep-alive
  meter.segment(true, meter.kClient, kClientStream.substr(0, 700));
  meter.segment(true, meter.kClient, kClientStream.substr(0, 700));
  meter.segment(true, meter.kClient + 300, kClientStream.substr(300));
  meter.stream(false, kServerStream, 900);
  meter.stream(false, kServerStream, 700);
  expect_all(meter.only(), "again");
}

TEST(TlsMetric, RecognisesAConnectionThatWasOpenBefore) {
  TlsMeter meter;
  meter.segment(true, 5000, "EHLO example.org\r\n");
  meter.segment(false, 9000, "220 go ahead\r\n");
  EXPECT_EQ(meter.seen, 0U) << "nothing of it begins like TLS";
  meter.stream(true, kClientStream, 1000);
  meter.stream(false, kServerStream, 1000);
  expect_all(meter.only(), "midstream");
}

TEST(TlsMetric, RecognisesTlsAfterStarttls) {
  TlsMeter meter;
  meter.open();
  meter.segment(false, meter.kServer, "220 mail.example.org\r\n");
  meter.segment(true, meter.kClient, "EHLO example.org\r\n");
  meter.segment(false, meter.kServer + 22, "250 STARTTLS\r\n");
  meter.segment(true, meter.kClient + 18, "STARTTLS\r\n");
  meter.segment(false, meter.kServer + 36, "220 go ahead\r\n");
  for (std::size_t at = 0; at < kClientStream.size(); at += 500) {
    meter.segment(true, meter.kClient + 28 + static_cast<std::uint32_t>(at), kClientStream.substr(at, 500));
  }
  for (std::size_t at = 0; at < kServerStream.size(); at += 500) {
    meter.segment(false, meter.kServer + 50 + static_cast<std::uint32_t>(at), kServerStream.substr(at, 500));
  }
  expect_all(meter.only(), "STARTTLS");
}

TEST(TlsMetric, WantsNothingMoreOfAConnectionWithoutTls) {
  TlsMeter meter;
  meter.open();
  meter.segment(true, meter.kClient, "GET / HTTP/1.1\r\n\r\n");
  meter.segment(false, meter.kServer, "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(meter.seen, 2U) << "the first segments say what it is";
  for (std::uint32_t i = 0; i < 20; ++i) meter.segment(false, meter.kServer + 19 + i * 1000, std::string(1000, 'b'));
  EXPECT_EQ(meter.seen, 2U);
  EXPECT_EQ(meter.only()[0]->sections, 0U);
}

TEST(TlsMetric, WantsNothingOfAnEstablishedConnection) {
  TlsMeter meter;
  meter.open();
  meter.stream(true, kClientStream, 1400);
  meter.stream(false, kServerStream, 1400);
  for (std::uint32_t at = 8192; at < 100'000; at += 1400) {
    meter.segment(false, meter.kServer + at, tls_record(std::string(1395, 'd'), 23, 0x0303));
  }
  EXPECT_EQ(meter.seen, 4U) << "those of the handshake";
  expect_all(meter.only(), "established");
}

TEST(TlsMetric, KeepsTheVersionOfAnSsl2ClientHello) {
  for (const std::uint16_t version : std::initializer_list<std::uint16_t>{2, 0x0300, 0x0301}) {
    for (const std::size_t each : {1U, 7U, 1000U}) {
      TlsMeter meter;
      meter.open();
      meter.stream(true, ssl2_client_hello(version, 20), each);
      meter.stream(false, kServerStream, 1400);
      const RecordBatch records = meter.only();
      EXPECT_EQ(client_of(tls_of(records)), tls_number(version, 2)) << each;
      EXPECT_EQ(tls_of(records).kept, TlsSection::kClientWhole | TlsSection::kSsl2);
      EXPECT_EQ(server_of(tls_of(records)), kKeptServer) << "the server answers with TLS";
    }
  }
}

TEST(TlsMetric, EndsAServersStreamWhereItIsEncrypted) {
  TlsMeter meter;
  meter.open();
  meter.stream(false,
               tls_record(server_hello(0x0303, 0x1301, tls_extension(43, tls_number(0x0304, 2)))) +
                   tls_record("\1", 20) + tls_record(certificate_message({kCertificate}), 23),
               100);
  const RecordBatch records = meter.only();
  EXPECT_EQ(server_of(tls_of(records)),
            tls_number(0x0303, 2) + tls_number(0x1301, 2) + tls_extension(43, tls_number(0x0304, 2)));
  EXPECT_EQ(certificate_of(records[0]), "");
  EXPECT_EQ(tls_of(records).client_octets, 0U) << "only the server was seen";
}

TEST(TlsMetric, SkipsWarningsAndRequestsBeforeTheCertificate) {
  TlsMeter meter;
  meter.open();
  meter.stream(true, kClientStream, 1400);
  meter.stream(false,
               tls_record(server_hello(0x0303, 0xc02f, kServerExtensions)) + tls_record("\1\x70", 21) +
                   tls_record(tls_message(0, "") + tls_message(23, "data")) +
                   tls_record(certificate_message({kCertificate})),
               1400);
  expect_all(meter.only(), "a warning");
}

TEST(TlsMetric, IsEndedByWhatIsOutOfPlace) {
  const std::string hello = server_hello(0x0303, 0xc02f);
  for (const std::string& odd : {tls_record(tls_message(12, "keys")), tls_record("\2\x28 ", 21), std::string(9, 'x'),
                                 tls_record("\1", 20), tls_record(tls_message(2, "again"))}) {
    TlsMeter meter;
    meter.open();
    meter.stream(false, tls_record(hello) + odd + tls_record(certificate_message({kCertificate})), 1400);
    const RecordBatch records = meter.only();
    EXPECT_EQ(server_of(tls_of(records)), tls_number(0x0303, 2) + tls_number(0xc02f, 2));
    EXPECT_EQ(certificate_of(records[0]), "");
  }
}

TEST(TlsMetric, KeepsWhatComesBeforeWhatIsMalformed) {
  std::string hello = kHello;
  hello[hello.size() - 51] = '\x7f';  // of the last extension's length: it ends after the message
  TlsMeter meter;
  meter.open();
  meter.stream(true, tls_record(hello), 1400);
  const RecordBatch records = meter.only();
  EXPECT_EQ(tls_of(records).kept, 0U) << "no fingerprint of it";
  EXPECT_EQ(client_of(tls_of(records)).substr(0, kKeptHello.size() - 4), kKeptHello.substr(0, kKeptHello.size() - 4));
}

TEST(TlsMetric, KeepsWhatWasCapturedOfASegment) {
  TlsMeter meter;
  meter.open();
  meter.segment(true, meter.kClient, kClientStream, 1_s, kFlagAck, 200);
  meter.segment(true, meter.kClient + static_cast<std::uint32_t>(kClientStream.size()), kClientStream);
  const RecordBatch records = meter.only();
  EXPECT_EQ(tls_of(records).kept, 0U);
  EXPECT_EQ(client_of(tls_of(records)), kKeptHello.substr(0, client_of(tls_of(records)).size()));
  EXPECT_NE(client_of(tls_of(records)).find("www.example.org"), std::string::npos);
}

TEST(TlsMetric, KeepsNoMoreOfAHelloThanItsBound) {
  TlsMeter meter;
  meter.open();
  const std::vector<std::uint16_t> suites(600, 0x002f);
  meter.stream(true, tls_record(client_hello(0x0303, suites, kExtensions)), 1400);
  const RecordBatch records = meter.only();
  EXPECT_EQ(tls_of(records).client_octets, TlsSection::kMostClient);
  EXPECT_EQ(tls_of(records).kept, 0U);
}

TEST(TlsMetric, GivesUpAnEndlessHandshake) {
  TlsMeter meter;
  meter.open();
  std::string endless = tls_message(1, std::string(60'000, 'h'));
  endless[6 + 32] = 0;                       // no session
  endless[6 + 33] = endless[6 + 34] = '\0';  // no suites
  std::string stream;
  for (std::size_t at = 0; at < endless.size(); at += 16'000) stream += tls_record(endless.substr(at, 16'000));
  meter.stream(true, stream, 1000);
  EXPECT_EQ(meter.seen, 9U) << "8192 octets, and none more";
  EXPECT_EQ(tls_of(meter.only()).kept, 0U);

  TlsMeter requests;
  requests.open();
  std::string many = server_hello(0x0303, 1);
  for (unsigned i = 0; i < 4000; ++i) many += tls_message(0, "");
  requests.stream(false, tls_record(many), 1000);
  EXPECT_LE(requests.seen, 9U);
  EXPECT_EQ(certificate_of(requests.only()[0]), "");
}

TEST(TlsMetric, LeavesOutWhatThePoolHasNoRoomForAndCountsIt) {
  TlsMeter meter(64);
  const std::uint32_t lines = meter.shard.pool().capacity();
  ASSERT_EQ(lines, 64U * Tls::kKeptLines);
  // Segments that wait, an octet each, take all lines but four.
  meter.port = 1;
  for (std::uint32_t left = lines - 4; left != 0; ++meter.port) {
    meter.open();
    const std::uint32_t early = std::min<std::uint32_t>(left, Tls::kMostHeldLines);
    for (std::uint32_t i = 0; i < early; ++i) meter.segment(true, meter.kClient + 100 + i, "x");
    left -= early;
  }
  ASSERT_EQ(meter.shard.pool().in_use(), lines - 4);
  meter.stream(true, kClientStream, 1400);
  meter.stream(false, kServerStream, 1400);
  EXPECT_EQ(meter.missing(MissingFact::tls_certificate_cut), 1U) << "two lines of 18";
  EXPECT_EQ(meter.missing(MissingFact::tls_hello_cut), 0U);
  ++meter.port;
  meter.stream(true, kClientStream, 1400);
  EXPECT_EQ(meter.missing(MissingFact::tls_hello_cut), 1U);
  ++meter.port;
  meter.open();
  meter.segment(true, meter.kClient + 1400, "x");
  EXPECT_EQ(meter.missing(MissingFact::tls_segment_cut), 1U);
  meter.drain(3_s);
  const RecordBatch records = meter.batch();
  unsigned with_hello = 0, with_certificate = 0, without_room = 0;
  for (const RecordView record : records) {
    const auto* const section = record.find<TlsSection>();
    if (section == nullptr) continue;
    with_hello += section->kept == TlsSection::kClientWhole && client_of(*section) == kKeptHello ? 1 : 0;
    with_certificate += certificate_of(record) == kCertificate.substr(0, 120) ? 1 : 0;
    without_room += section->client_octets == 0 && section->kept == 0 ? 1 : 0;
  }
  EXPECT_EQ(with_hello, 1U);
  EXPECT_EQ(with_certificate, 1U);
  EXPECT_EQ(without_room, 1U);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(TlsMetric, HasAHandshakeInOneRecordAlone) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  TlsMeter meter(1024, timeouts);
  meter.segment(true, meter.kClient - 1, "", 0, kFlagSyn);
  meter.segment(true, meter.kClient, kClientStream, 0);
  meter.segment(false, meter.kServer, kServerStream.substr(0, 1000), 0);
  meter.pass(1100_ms);
  const RecordBatch first = meter.batch();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(tls_of(first).kept, TlsSection::kClientWhole);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.segment(false, meter.kServer + 1000, kServerStream.substr(1000), 1200_ms);
  EXPECT_EQ(meter.only()[0]->sections, 0U) << "the rest is given up";
}

TEST(TlsMetric, TakesTheFirstHelloOfEachKind) {
  TlsMeter meter;
  meter.open();
  meter.stream(true, kClientStream, 1400);
  meter.segment(false, 70'000, tls_record(client_hello(0x0301, {5}, "")));  // the other side, too
  meter.stream(false, kServerStream, 1400);
  const RecordBatch records = meter.only();
  EXPECT_EQ(client_of(tls_of(records)), kKeptHello);
}

TEST(TlsMetric, IsOfTcpAlone) {
  EXPECT_EQ(only_metric("tls").wanted_payload(flow_packet().from("10.0.0.2", 1).to("10.0.0.1", 443).udp().packet()),
            0U);
  EXPECT_EQ(
      only_metric("tls").wanted_payload(flow_packet().from("10.0.0.2", 1).to("10.0.0.1", 25).tcp(kFlagAck).packet()),
      2048U);
}

}  // namespace
}  // namespace weir::test::tls_metric_test
