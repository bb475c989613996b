#include "tools/collect/listen_uri.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::listen_uri_test {
namespace {

using Kind = ListenUri::Kind;

TEST(ListenUri, TakesNetflow9WithNameAddressAndIpv6InBrackets) {
  EXPECT_EQ(parse_listen_uri("netflow9://127.0.0.1:9995"), (ListenUri{Kind::netflow9_udp, "127.0.0.1", 9995, ""}));
  EXPECT_EQ(parse_listen_uri("netflow9://collector:0"), (ListenUri{Kind::netflow9_udp, "collector", 0, ""}));
  EXPECT_EQ(parse_listen_uri("netflow9://[::1]:65535"), (ListenUri{Kind::netflow9_udp, "::1", 65535, ""}));
}

TEST(ListenUri, TakesEveryVersionAndIpfixOverTcp) {
  EXPECT_EQ(parse_listen_uri("netflow5://127.0.0.1:1"), (ListenUri{Kind::netflow5_udp, "127.0.0.1", 1, ""}));
  EXPECT_EQ(parse_listen_uri("netflow7://127.0.0.1:1"), (ListenUri{Kind::netflow7_udp, "127.0.0.1", 1, ""}));
  EXPECT_EQ(parse_listen_uri("netflow1://127.0.0.1:1"), (ListenUri{Kind::netflow1_udp, "127.0.0.1", 1, ""}));
  EXPECT_EQ(parse_listen_uri("sflow5://[::]:6343"), (ListenUri{Kind::sflow5_udp, "::", 6343, ""}));
  EXPECT_TRUE(parse_listen_uri("sflow5://[::]:6343")->udp());
  EXPECT_EQ(scheme_name(Kind::sflow5_udp), "sflow5");
  EXPECT_EQ(parse_listen_uri("ipfix://[::]:4739"), (ListenUri{Kind::ipfix_udp, "::", 4739, ""}));
  EXPECT_EQ(parse_listen_uri("ipfix+tcp://[::]:4739"), (ListenUri{Kind::ipfix_tcp, "::", 4739, ""}));
  EXPECT_TRUE(parse_listen_uri("ipfix://[::]:4739")->udp());
  EXPECT_FALSE(parse_listen_uri("ipfix+tcp://[::]:4739")->udp());
  EXPECT_EQ(scheme_name(Kind::ipfix_tcp), "ipfix+tcp");
}

TEST(ListenUri, TakesProtobufOverTcpAndUnixSockets) {
  EXPECT_EQ(parse_listen_uri("protobuf+tcp://0.0.0.0:7000"), (ListenUri{Kind::protobuf_tcp, "0.0.0.0", 7000, ""}));
  EXPECT_EQ(parse_listen_uri("protobuf+unix:///run/x.sock"), (ListenUri{Kind::protobuf_unix, "", 0, "/run/x.sock"}));
}

TEST(ListenUri, RefusesWhatItCannotListenOnAndNamesIt) {
  for (const std::string text :
       {"", "netflow9", "netflow9:/127.0.0.1:1", "netflow6://127.0.0.1:1", "netflow9://127.0.0.1", "netflow9://:9995",
        "netflow9://127.0.0.1:", "netflow9://127.0.0.1:65536", "netflow9://127.0.0.1:-1", "netflow9://127.0.0.1:9x",
        "netflow9://::1:9995", "netflow9://[]:9995", "protobuf+unix://relative", "protobuf+unix:///",
        "protobuf+tcp:///path"}) {
    const auto result = parse_listen_uri(text);
    ASSERT_FALSE(result) << text;
    EXPECT_NE(result.error().find("'" + text + "'"), std::string::npos) << result.error();
    EXPECT_EQ(result.error().find('\n'), std::string::npos);
  }
}

TEST(ListenUri, RefusesASocketPathThatDoesNotFitTheAddress) {
  // sockaddr_un has room for 107 octets and the terminating zero (unix(7)).
  EXPECT_TRUE(parse_listen_uri("protobuf+unix:///" + std::string(106, 'x')));
  EXPECT_FALSE(parse_listen_uri("protobuf+unix:///" + std::string(107, 'x')));
}

}  // namespace
}  // namespace weir::listen_uri_test
