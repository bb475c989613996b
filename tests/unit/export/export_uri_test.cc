#include "control/export/export_uri.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/export/export_hub.h"
#include "control/export/exporter_kinds.h"
#include "control/export/file_output.h"
#include "control/export/json_options.h"
#include "control/export/kafka_exporter.h"
#include "control/export/peer.h"
#include "control/export/protobuf_options.h"
#include "control/export/template_options.h"
#include "proto/encode/ipfix_encoder.h"

namespace weir::export_uri_test {
namespace {

/// What the URI of `text` asks for, whose kind has an `Options`.
template <typename Options>
Options asked(const std::string& text, const ExporterKind& kind) {
  const auto uri = parse_export_uri(text);
  EXPECT_TRUE(uri) << uri.error();
  if (!uri) return {};
  EXPECT_EQ(uri->text, text);
  EXPECT_EQ(uri->kind, &kind) << text;
  const auto* const request = dynamic_cast<const ExportRequestOf<Options>*>(uri->request.get());
  EXPECT_NE(request, nullptr) << text;
  return request == nullptr ? Options{} : request->options;
}

std::string file_of(const std::string& text) {
  const auto uri = parse_export_uri(text);
  EXPECT_TRUE(uri) << uri.error();
  return uri ? uri->request->file() : "";
}

TEST(ExportUri, TakesEveryForm) {
  const auto netflow = asked<Netflow9ExportOptions>("netflow9://collector.example:2055", netflow9_kind);
  EXPECT_EQ(netflow.host, "collector.example");
  EXPECT_EQ(netflow.port, 2055);
  EXPECT_EQ(netflow.mtu, 1400U);
  EXPECT_EQ(netflow.template_refresh_ns, 20'000'000'000U);
  EXPECT_FALSE(netflow.uniflow.has_value()) << "which is the profile's to say";
  EXPECT_EQ(netflow.profile, ExportProfile::rfc);
  EXPECT_EQ(netflow.source_id, 1U);
  EXPECT_EQ(netflow.rate, 0U);
  EXPECT_TRUE(netflow.fields.empty());

  const auto tcp = asked<ProtobufTcp>("protobuf+tcp://[2001:db8::1]:65535", protobuf_tcp_kind);
  EXPECT_EQ(tcp.host, "2001:db8::1");
  EXPECT_EQ(tcp.port, 65535);

  EXPECT_EQ(asked<ProtobufUnix>("protobuf+unix:///run/collect.sock", protobuf_unix_kind).path, "/run/collect.sock");
  EXPECT_EQ(asked<ProtobufFile>("protobuf:flows.pb", protobuf_kind).path, "flows.pb");
  EXPECT_FALSE(asked<ProtobufFile>("protobuf:flows.pb", protobuf_kind).uniflow);
  EXPECT_TRUE(asked<ProtobufFile>("protobuf:flows.pb?uniflow=1", protobuf_kind).uniflow);
  EXPECT_EQ(asked<JsonFile>("json:-", json_kind).path, "-");
  EXPECT_FALSE(asked<JsonFile>("json:-", json_kind).netobserv);
  EXPECT_FALSE(asked<JsonFile>("json:-?format=weir", json_kind).netobserv);
  EXPECT_TRUE(asked<JsonFile>("json:-?format=netobserv", json_kind).netobserv);
}

TEST(ExportUri, SaysWhichFileIsWritten) {
  EXPECT_EQ(file_of("protobuf:flows.pb?compression=zstd"), "flows.pb");
  EXPECT_EQ(file_of("json:-"), "-");
  EXPECT_EQ(file_of("json:///tmp/x"), "///tmp/x");
  EXPECT_EQ(file_of("protobuf+unix:///run/collect.sock"), "");
  EXPECT_EQ(file_of("netflow9://h:1"), "");
  EXPECT_EQ(file_of("kafka://b/t"), "");
}

TEST(ExportUri, TakesEveryOption) {
  const auto options = asked<Netflow9ExportOptions>(
      "netflow9://127.0.0.1:9995?mtu=9000&template_refresh=1500ms&uniflow=0&source_id=4294967295&rate=50000"
      "&profile=pmacct&fields=bytes,packets",
      netflow9_kind);
  EXPECT_EQ(options.mtu, 9000U);
  EXPECT_EQ(options.template_refresh_ns, 1'500'000'000U);
  EXPECT_EQ(options.uniflow, false);
  EXPECT_EQ(options.source_id, 4294967295U);
  EXPECT_EQ(options.rate, 50000U);
  EXPECT_EQ(options.profile, ExportProfile::pmacct);
  EXPECT_EQ(options.fields, (std::vector<std::string_view>{"bytes", "packets"}));
  for (const char* const good : {"1s", "2m", "24h", "1000ms", "1000000us", "1000000000ns"}) {
    EXPECT_TRUE(check_export_uri(std::string("netflow9://h:1?template_refresh=") + good)) << good;
  }
}

TEST(ExportUri, KnowsTheFormsOfEveryExporter) {
  asked<TemplateDatagramOptions>("ipfix://h:4739", ipfix_kind);
  const auto kind_of = [](const char* text) {
    const auto uri = parse_export_uri(text);
    EXPECT_TRUE(uri) << uri.error();
    return uri ? uri->kind : nullptr;
  };
  EXPECT_EQ(kind_of("ipfix+tcp://h:4739"), &ipfix_tcp_kind);
  EXPECT_EQ(kind_of("netflow5://h:2055?source_id=3"), &netflow5_kind);
  EXPECT_EQ(kind_of("netflow7://h:2055"), &netflow7_kind);
  const auto kafka =
      asked<KafkaOptions>("kafka://a:9092,b:9092/flows.weir?compression=zstd&uniflow=0&format=json", kafka_kind);
  EXPECT_EQ(kafka.brokers, "a:9092,b:9092");
  EXPECT_EQ(kafka.topic, "flows.weir");
  EXPECT_EQ(kafka.compression, "zstd");
  EXPECT_FALSE(kafka.uniflow);
  EXPECT_TRUE(kafka.json);
  const auto file =
      asked<ProtobufFile>("protobuf:/var/%Y%m%d-%H%M.pb?rotate=5m&rotate_size=64M&compression=lz4", protobuf_kind);
  EXPECT_EQ(file.rotate_ns, 300'000'000'000U);
  EXPECT_EQ(file.rotate_octets, 64U << 20);
  EXPECT_EQ(file.compression, Compression::lz4);
  EXPECT_TRUE(file.rotates());
  // Durations and sizes may have a fraction, as on the command line.
  const auto fine = asked<JsonFile>("json:x?rotate=1.5s&rotate_size=0.5M", json_kind);
  EXPECT_EQ(fine.rotate_ns, 1'500'000'000U);
  EXPECT_EQ(fine.rotate_octets, 1U << 19);
}

TEST(ExportUri, TakesUniflowFromTheProfileUnlessItIsGiven) {
  const auto uniflow = [](const char* text, const ExporterKind& kind, Dialect dialect) {
    IpfixOptions out;
    if (dialect == Dialect::netflow9) {
      asked<Netflow9ExportOptions>(text, kind).put(out, dialect);
    } else {
      asked<TemplateDatagramOptions>(text, kind).put(out, dialect);
    }
    return !out.biflow;
  };
  EXPECT_TRUE(uniflow("ipfix://h:1", ipfix_kind, Dialect::ipfix));
  EXPECT_TRUE(uniflow("ipfix://h:1?profile=goflow2", ipfix_kind, Dialect::ipfix));
  EXPECT_TRUE(uniflow("ipfix://h:1?profile=nfdump", ipfix_kind, Dialect::ipfix));
  EXPECT_FALSE(uniflow("ipfix://h:1?profile=akvorado", ipfix_kind, Dialect::ipfix));
  EXPECT_FALSE(uniflow("ipfix://h:1?uniflow=0", ipfix_kind, Dialect::ipfix));
  EXPECT_TRUE(uniflow("netflow9://h:1", netflow9_kind, Dialect::netflow9));
  EXPECT_FALSE(uniflow("netflow9://h:1?uniflow=0", netflow9_kind, Dialect::netflow9));
  EXPECT_TRUE(uniflow("netflow9://h:1?profile=akvorado", netflow9_kind, Dialect::netflow9));
  EXPECT_TRUE(uniflow("ipfix://h:1?uniflow=1&profile=akvorado", ipfix_kind, Dialect::ipfix));
}

TEST(ExportUri, TakesOwnElementsFromTheProfileUnlessTheyOrFieldsAreGiven) {
  const auto own = [](const char* text) {
    IpfixOptions out;
    asked<TemplateDatagramOptions>(text, ipfix_kind).put(out, Dialect::ipfix);
    return out.own_elements;
  };
  EXPECT_TRUE(own("ipfix://h:1"));
  for (const char* const profile : {"nfdump", "goflow2", "akvorado", "pmacct"}) {
    EXPECT_FALSE(own((std::string("ipfix://h:1?profile=") + profile).c_str())) << profile;
    EXPECT_TRUE(own((std::string("ipfix://h:1?own_elements=1&profile=") + profile).c_str())) << profile;
  }
  EXPECT_FALSE(own("ipfix://h:1?own_elements=0"));
  EXPECT_TRUE(own("ipfix://h:1?profile=nfdump&fields=src_addr,tunnel_depth")) << "who names a field wants it";
}

struct Bad {
  const char* uri;
  const char* what;  ///< part of the message
};

TEST(ExportUri, RefusesEachMistakeInOneLineThatNamesTheUriAndThePart) {
  const Bad table[] = {
      {"", "unknown form; expected one of netflow9://HOST:PORT, ipfix://HOST:PORT, ipfix+tcp://HOST:PORT"},
      {"netflow8://h:1", "unknown form"},
      {"NETFLOW9://h:1", "unknown form"},
      {"netflow9:h:1", "unknown form"},
      {"protobuf+udp://h:1", "unknown form"},
      {"flows.json", "unknown form"},
      {"netflow9://", "no host"},
      {"netflow9://:2055", "no host"},
      {"netflow9://[]:2055", "no host"},
      {"netflow9://host", "no port; expected netflow9://HOST:PORT"},
      {"netflow9://host:", "no port"},
      {"netflow9://host:0", "port '0' is not a number from 1 to 65535"},
      {"netflow9://host:65536", "port '65536'"},
      {"netflow9://host:-1", "port '-1'"},
      {"netflow9://host:http", "port 'http'"},
      {"netflow9://host:2055/", "port '2055/'"},
      {"netflow9://::1:2055", "an IPv6 address stands in brackets"},
      {"netflow9://[::1:2055", "'[' without ']'"},
      {"netflow9://[::1]", "no port"},
      {"netflow9://[::1]2055", "'2055' after ']'"},
      {"netflow9://h:1?mtu=575", "mtu '575' is not a number from 576 to 9000"},
      {"netflow9://h:1?mtu=9001", "mtu '9001'"},
      {"netflow9://h:1?mtu=", "mtu ''"},
      {"netflow9://h:1?mtu", "option 'mtu' has no value"},
      {"netflow9://h:1?mtu=1400&mtu=1400", "option 'mtu' is given twice"},
      {"netflow9://h:1?mtu=1400&&rate=1", "option '' has no value"},
      {"netflow9://h:1?compression=lz4", "no option 'compression'; netflow9 has mtu, template_refresh, uniflow"},
      {"netflow9://h:1?profile=ntop",
       "profile 'ntop' is unknown; expected one of rfc, nfdump, goflow2, akvorado, pmacct"},
      {"ipfix://h:1?fields=src_addr,bogus", "no field 'bogus'; there are src_addr,dst_addr,bytes"},
      {"ipfix://h:1?fields=src_addr,bytes,src_addr", "fields names 'src_addr' twice"},
      {"ipfix://h:1?fields=src_addr,", "no field ''"},
      {"ipfix://h:1?fields=rev_bytes,rev_packets", "fields names nothing that every record of one direction has"},
      {"netflow9://h:1?fields=src_addr,first_packets",
       "fields names 'first_packets', which is a list, and NetFlow v9 has none; leave it out, or use ipfix: instead"},
      {"ipfix://h:1?own_elements=0&fields=src_addr,tunnel_depth",
       "fields names 'tunnel_depth', which only an element of weir's own carries"},
      {"ipfix://h:1?own_elements=2", "own_elements '2' is not a number from 0 to 1"},
      {"netflow5://h:1?gso=yes", "gso 'yes'"},
      {"ipfix+tcp://h:1?gso=0", "no option 'gso'"},
      {"ipfix+tcp://h:1?mtu=1400", "no option 'mtu'; ipfix+tcp has template_refresh, uniflow"},
      {"netflow5://h:1?uniflow=1", "no option 'uniflow'; netflow5 has mtu, source_id, rate"},
      {"kafka://", "no broker; expected kafka://BROKER[:PORT][,BROKER...]/TOPIC"},
      {"kafka://b:9092", "no topic"},
      {"kafka://b:9092/", "no topic"},
      {"kafka://b/a b", "'a b' is not a topic name"},
      {"kafka://b/t?compression=brotli", "compression 'brotli' is not one of none, lz4, zstd, gzip, snappy"},
      {"kafka://b/t?format=avro", "format 'avro' is not one of protobuf, json"},
      {"json:x?compression=gzip", "compression 'gzip' is not one of none, lz4, zstd"},
      {"json:x&name=b", "'&name=b' stands in the name; options begin with '?', as in ?name=b"},
      {"json:x?format=protobuf", "format 'protobuf' is not one of weir, netobserv"},
      {"json:a?rotat=1h", "no option 'rotat'; did you mean rotate?; json has"},
      {"json:x?rotate=0s", "rotate '0s' is not a duration from 1s to 8784h"},
      {"json:x?rotate_size=1k", "rotate_size '1k' is not a size from 65536 up"},
      {"json:x?rotate_size=20000000000G", "rotate_size '20000000000G'"},
      {"json:x?rotate_size=1T", "rotate_size '1T'"},
      {"json:-?rotate=1h", "standard output does not rotate"},
      {"netflow9://h:1?template_refresh=20",
       "template_refresh '20' is not a duration from 1s to 24h: a unit is missing"},
      {"netflow9://h:1?template_refresh=0s", "template_refresh '0s'"},
      {"netflow9://h:1?template_refresh=999ms", "template_refresh '999ms'"},
      {"netflow9://h:1?template_refresh=25h", "template_refresh '25h'"},
      {"netflow9://h:1?template_refresh=18446744073709551615h", "template_refresh '18446744073709551615h'"},
      {"netflow9://h:1?uniflow=2", "uniflow '2' is not a number from 0 to 1"},
      {"netflow9://h:1?uniflow=yes", "uniflow 'yes'"},
      {"netflow9://h:1?source_id=4294967296", "source_id '4294967296'"},
      {"netflow5://h:1?source_id=256", "source_id '256'"},
      {"netflow7://h:1?source_id=1", "no option 'source_id'; netflow7 has mtu, rate, gso"},
      {"netflow9://h:1?rate=0", "rate '0'"},
      {"netflow9://h:1?rate=1e6", "rate '1e6'"},
      {"netflow9://h:1?rate=99999999999999999999", "rate '99999999999999999999'"},
      {"protobuf+tcp://h", "no port; expected protobuf+tcp://HOST:PORT"},
      {"protobuf+tcp://h:1?rate=5",
       "no option 'rate'; protobuf+tcp has uniflow, source, interface, dscp, anonymise, name"},
      {"protobuf+unix://", "'' is not an absolute path; expected protobuf+unix:///PATH"},
      {"protobuf+unix://run/x.sock", "'run/x.sock' is not an absolute path"},
      {"protobuf+unix:///", "'/' is not an absolute path"},
      {"protobuf:", "no file; expected protobuf:FILE"},
      {"json:", "no file; expected json:FILE"},
      {"json:x?pretty=1", "no option 'pretty'; json has append, rotate, rotate_size, compression"},
  };
  for (const Bad& bad : table) {
    const auto checked = check_export_uri(bad.uri);
    ASSERT_FALSE(checked) << bad.uri;
    EXPECT_NE(checked.error().find(bad.what), std::string::npos) << checked.error();
    EXPECT_EQ(checked.error().find(std::string("export '") + bad.uri + "'"), 0U) << checked.error();
    EXPECT_EQ(checked.error().find('\n'), std::string::npos) << checked.error();
  }
}

TEST(ExportUri, KnowsHowLongTheNameOfAUnixSocketMayBe) {
  // unix(7): sun_path has 108 octets, one of them the terminating zero.
  EXPECT_TRUE(check_export_uri("protobuf+unix:///" + std::string(106, 'x')));
  EXPECT_FALSE(check_export_uri("protobuf+unix:///" + std::string(107, 'x')));
}

TEST(ExportUri, GivesTheExporterANameWhateverTheKind) {
  for (const ExporterKind* const kind : exporter_kinds()) {
    const std::string text(kind->example);
    const auto bare = parse_export_uri(text);
    ASSERT_TRUE(bare) << bare.error();
    EXPECT_EQ(bare->name, text) << "without a name the URI is the name";
    const auto named = parse_export_uri(text + (text.find('?') == std::string::npos ? "?" : "&") + "name=core.v9_1-a");
    ASSERT_TRUE(named) << named.error();
    EXPECT_EQ(named->name, "core.v9_1-a");
    EXPECT_EQ(named->request->file(), bare->request->file());
  }
  EXPECT_EQ(asked<Netflow9ExportOptions>("netflow9://h:1?name=a&rate=5", netflow9_kind).rate, 5U);
  EXPECT_EQ(asked<Netflow9ExportOptions>("netflow9://h:1?mtu=1000&name=a&rate=5", netflow9_kind).mtu, 1000U);
}

TEST(ExportUri, RefusesANameThatOthersCouldNotSpell) {
  const std::string longest(64, 'a');
  EXPECT_TRUE(check_export_uri("json:x?name=" + longest));
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\"b"), std::string("a:b"),
                                  std::string("\xc3\xa4"), longest + "a"}) {
    EXPECT_EQ(
        check_export_uri("json:x?name=" + name).error(),
        "export 'json:x?name=" + name + "': name '" + name + "' is not 1 to 64 letters, digits, '.', '_' and '-'");
  }
  EXPECT_EQ(check_export_uri("json:x?name=a&name=b").error(),
            "export 'json:x?name=a&name=b': option 'name' is given twice");
  EXPECT_EQ(check_export_uri("json:x?name").error(),
            "export 'json:x?name': option 'name' has no value; expected NAME=VALUE with NAME one of append, "
            "rotate, rotate_size, compression, format, anonymise, name");
}

}  // namespace
}  // namespace weir::export_uri_test
