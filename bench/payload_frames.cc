#include "bench/payload_frames.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "bench/frames.h"
#include "proto/base/byte_order.h"
#include "proto/base/tcp_flags.h"
#include "tests/support/dns_message.h"
#include "tests/support/tls_messages.h"

namespace weir::bench {
namespace {

constexpr std::uint32_t kIpv4Headers = 14 + 20;
constexpr std::uint32_t kBulkOctets = 540;
constexpr std::uint32_t kSequenceAt = kIpv4Headers + 4;  ///< the acknowledgment number comes after it

std::string random_octets(std::size_t count) {
  std::mt19937 random(7);
  std::string octets(count, '\0');
  for (char& octet : octets) octet = static_cast<char>(random());
  return octets;
}

std::string server_hello() {
  return test::tls_record(test::server_hello(
      0x0303, 0x1301, test::tls_extension(43, "\3\4") + test::tls_extension(51, std::string(36, 'k')),
      std::string(32, 's')));
}

/// RFC 9000 section 17.2.2, of version 1, with a destination connection id of 8 octets and one source id of none.
std::string quic_initial() {
  std::string packet = random_octets(1200);
  packet.replace(0, 18, std::string("\xc3\0\0\0\1\x08", 6) + "12345678" + std::string("\0\0\x44\x9e", 4));
  return packet;
}
std::string quic_short() {
  std::string packet = random_octets(kBulkOctets);
  packet[0] = 0x43;
  return packet;
}

}  // namespace

std::string browser_hello() {
  const std::string extensions =
      test::tls_extension(0x1a1a) + test::tls_server_name("www.example.org") + test::tls_extension(23) +
      test::tls_groups({0x1a1a, 29, 23, 24}) + test::tls_formats(std::string(1, '\0')) + test::tls_extension(35) +
      test::tls_alpn({"h2", "http/1.1"}) +
      test::tls_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}) +
      test::tls_extension(51, std::string(43, 'k')) + test::tls_versions({0x1a1a, 0x0304, 0x0303});
  const std::vector<std::uint16_t> suites = {0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                             0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  const auto made = [&](std::size_t padding) {
    return test::tls_record(test::client_hello(
        0x0303, suites, extensions + test::tls_extension(21, std::string(padding, '\0')), std::string(32, 's')));
  };
  return made(517 - made(0).size());
}

std::string browser_request() {
  return "GET /images/logo.png?v=20231114 HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 "
         "Safari/537.36\r\nAccept: image/avif,image/webp,image/apng,*/*;q=0.8\r\nReferer: http://www.example.org/\r\n"
         "Accept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n"
         "Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";
}

std::string server_response(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nServer: Example/2.4\r\n"
         "Last-Modified: Tue, 14 Nov 2023 20:00:00 GMT\r\nETag: \"0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n"
         "Content-Length: 12345\r\nCache-Control: max-age=3600\r\nContent-Type: text/html\r\n\r\n" +
         body;
}

PayloadFrames::PayloadFrames() {
  const std::string data = test::tls_record(random_octets(kBulkOctets - 5), 23, 0x0303);
  std::string text;
  while (text.size() < kBulkOctets) text += "<p>Some text of a page.</p>\r\n";
  text.resize(kBulkOctets);
  const auto connection = [](std::uint16_t port, const std::string& request, const std::string& response) {
    return std::vector<Kind>{{port, false, kTcpSyn, 0, ""},
                             {port, false, kTcpAck, 1, request},
                             {port, true, kTcpAck, 1, response},
                             {port, true, kTcpRst, 0, ""}};
  };
  const auto bulk = [](std::uint16_t port, const std::string& payload) {
    constexpr std::uint32_t kFirst = 100'000;
    constexpr std::uint32_t kAcknowledged = kFirst - 8 * kBulkOctets;  // eight segments are on their way
    constexpr std::uint32_t kNext = kAcknowledged + kBulkOctets;
    return std::vector<Kind>{{port, true, kTcpAck, kFirst, payload, true, kAcknowledged},
                             {port, false, kTcpAck, kFirst, "", true, kNext},
                             {port, false, kTcpAck, kFirst, payload, true, kNext},
                             {port, true, kTcpAck, kFirst + kBulkOctets, "", true, kNext}};
  };
  const auto datagrams = [](std::uint16_t port, const std::string& ahead, const std::string& back) {
    const Kind there{port, false, 0, 0, ahead}, here{port, true, 0, 0, back};
    return std::vector<Kind>{there, here, there, here};
  };
  tls_ = connection(443, browser_hello(), server_hello());
  http_ = connection(80, browser_request(), server_response(text.substr(0, 200)));
  bulk_tls_ = bulk(443, data);
  bulk_http_ = bulk(80, text);
  bulk_other_ = bulk(22, random_octets(kBulkOctets));
  const std::string question = test::dns_question("www.example.org", 28);
  dns_ = datagrams(53, test::dns_message(7, test::kDnsQuery, question) + std::string(11, '\0'),
                   test::dns_message(7, test::kDnsResponse, question, 2) + std::string(67, '\1'));
  quic_ = datagrams(443, quic_initial(), quic_initial());
  bulk_quic_ = datagrams(443, quic_short(), quic_short());
}

const PayloadFrames::Kind& PayloadFrames::kind_of(std::uint32_t flow, unsigned number) const {
  const auto& kinds = [&]() -> const std::vector<Kind>& {
    const std::uint32_t nth = flow / 50;
    if (!is_tcp(flow)) return flow % 50 == 0 ? dns_ : nth % 8 == 0 ? quic_ : bulk_quic_;
    if (flow % 25 == 1) return nth % 2 == 0 ? http_ : bulk_http_;
    if (flow % 25 < 5) return bulk_other_;
    return nth % 8 == 0 ? tls_ : bulk_tls_;
  }();
  return kinds[number % kRound];
}

std::uint32_t PayloadFrames::octets(std::uint32_t flow, unsigned number) const {
  const std::uint32_t transport = is_tcp(flow) ? 20 : 8;
  const auto payload = static_cast<std::uint32_t>(kind_of(flow, number).payload.size());
  return std::max(kIpv4Headers + transport + payload, 60U);
}

void PayloadFrames::write(std::uint8_t* frame, std::uint32_t flow, unsigned number) const {
  const Kind& kind = kind_of(flow, number);
  FrameFields fields;
  fields.reply = kind.reply;
  fields.tcp_flags = kind.tcp_flags;
  write_frame(frame, octets(flow, number), flow, fields);
  std::uint8_t* const transport = frame + kIpv4Headers;
  store_be<std::uint16_t>(transport + (kind.reply ? 0 : 2), kind.server_port);
  if (is_tcp(flow)) {
    store_be<std::uint32_t>(frame + kSequenceAt, kind.sequence);
    store_be<std::uint32_t>(frame + kSequenceAt + 4, kind.acknowledgment);
  }
  std::copy(kind.payload.begin(), kind.payload.end(), transport + (is_tcp(flow) ? 20 : 8));
  if (kind.bulk) move(frame, number / kRound);
}

void PayloadFrames::move(std::uint8_t* frame, std::uint32_t rounds) {
  for (std::uint8_t* const at : {frame + kSequenceAt, frame + kSequenceAt + 4}) {
    store_be<std::uint32_t>(at, load_be<std::uint32_t>(at) + rounds * kBulkOctets);
  }
}

}  // namespace weir::bench
