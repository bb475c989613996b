// Records with a tunnel, a label or an SPI: what NetFlow v9 and IPFIX make of their third line, octet by octet, and
// what weir's own decoder reads back.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/decode/value_text.h"
#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "tests/unit/proto/encoder_fixtures.h"

namespace weir {
namespace {

using namespace test;

const std::vector<std::string_view> kThirdLineFields{"src_addr", "tunnel_src_addr", "tunnel_dst_addr", "tunnel_id",
                                                     "esp_spi",  "mpls_label",      "tunnel_type",     "tunnel_depth"};

FlowRecord tunnelled() {
  FlowRecord record = ipv4_flow();
  add_reply(record);
  add_tunnel(record);
  return record;
}

const std::string kForwardRecord = joined({
    "0a000001",                          // 10.0.0.1
    "00000000000000000000ffffc6336401",  // ::ffff:198.51.100.1
    "00000000000000000000ffffc6336402",  //
    "01000000000a0b0c",                  // layer2SegmentId: VXLAN and the VNI
    "000a0b0c",                          // tunnel id
    "00000000",                          // no SPI
    "123450",                            // label 0x12345, 3 bits and bottom of stack 0
    "04",                                // the fourth of WEIR_TUNNELS
    "01",                                // one tunnel
});
const std::string kReverseRecord = joined({
    "c0000209",
    "00000000000000000000ffffc6336402",
    "00000000000000000000ffffc6336401",
    "01000000000a0b0c",
    "000a0b0c",
    "00000000",
    "123450",
    "04",
    "01",
});

TEST(ThirdLine, TravelsInASetOfItsOwnInIpfix) {
  IpfixOptions options;
  options.fields = kThirdLineFields;
  IpfixEncoder encoder(options);
  const auto announced = encoder.announce({}, nullptr, kBase);
  const std::string fields = joined({
      "80040010", "00007ed9", "80050010", "00007ed9",  // 32473:4, 32473:5
      "015f0008", "80030004", "00007ed9",              // layer2SegmentId, 32473:3
      "01270004", "00460003",                          // IPSecSPI, mplsTopLabelStackSection
      "80020001", "00007ed9", "80060001", "00007ed9",  // 32473:2, 32473:6
  });
  const std::string expected_templates = joined({"0002", "008c",  //
                                                 "0100", "0001", "00080004", "0101", "0001", "001b0010"}) +
                                         "01080009" + "00080004" + fields + "01090009" + "001b0010" + fields;
  EXPECT_EQ(hex(announced.at(0).octets).substr(32, expected_templates.size()), expected_templates);
  ASSERT_TRUE(encoder.add(tunnelled(), kBase));
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            "01000008"
            "0a000001"
            "01080078" +
                kForwardRecord + kReverseRecord + "0000");
}

TEST(ThirdLine, TravelsInASetOfItsOwnInNetflow9) {
  Netflow9Options options;
  options.start_ns = kBase;
  options.fields = kThirdLineFields;
  options.announced = true;
  Netflow9Encoder encoder(options);
  const auto announced = encoder.announce({}, nullptr, kBase);
  const std::string fields = joined({
      "c0040010",
      "c0050010",
      "015f0008",
      "c0030004",
      "01270004",
      "00460003",
      "c0020001",
      "c0060001",
  });
  const std::string expected_templates = joined({"0000", "0064",  //
                                                 "0100", "0001", "00080004", "0101", "0001", "001b0010"}) +
                                         "01080009" + "00080004" + fields + "01090009" + "001b0010" + fields;
  EXPECT_EQ(hex(announced.at(0).octets).substr(40, expected_templates.size()), expected_templates);
  ASSERT_TRUE(encoder.add(tunnelled(), kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(40), "01080078" + kForwardRecord + kReverseRecord + "0000");
}

TEST(ThirdLine, DoesNotTravelWhereItWasNotChosenNorWhereTemplatesStandBeforeRecords) {
  IpfixOptions plain;
  plain.fields = {"src_addr"};
  IpfixEncoder ipfix(plain);
  ASSERT_TRUE(ipfix.add(tunnelled(), kBase));
  EXPECT_EQ(hex(ipfix.finish(kBase)).substr(32),
            "0100000c"
            "0a000001"
            "c0000209");

  Netflow9Options in_front;
  in_front.start_ns = kBase;
  Netflow9Encoder netflow9(in_front);
  ASSERT_TRUE(netflow9.add(tunnelled(), kBase));
  EXPECT_EQ(netflow9.finish(kBase).size(), 20U + 164 + 4 + 2 * 56);
}

/// The values of the decoder that have no place in a flow, by name.
std::map<std::string, std::string> values_of(FlowVersion version, const Decoded& decoded, const DecodedFlow& flow) {
  std::map<std::string, std::string> named;
  for (std::uint32_t i = 0; i < flow.value_count; ++i) {
    const DecodedValue& value = decoded.values[flow.first_value + i];
    append_value_text(named[field_name(version, value)], version, value);
  }
  return named;
}

template <typename Encoder, typename Options>
void expect_read_back(const Options& options, FlowVersion version) {
  Encoder encoder(options);
  FlowDecoder decoder;
  Decoded decoded;
  FlowRecord record = tunnelled();
  record.tunnel_type = TunnelType::gtp_u;
  record.tunnel_ip_version = 6;
  record.tunnel_source[15] = 7;
  record.sections |= kSpiSection;
  for (const AnnouncedMessage& one : encoder.announce({}, &record, kBase)) {
    ASSERT_EQ(decoder.decode("probe", one.octets, decoded), DecodeError::none);
  }
  ASSERT_TRUE(encoder.add(record, kBase));
  const auto message = encoder.finish(kBase);
  ASSERT_EQ(decoder.decode("probe", message, decoded), DecodeError::none);
  ASSERT_EQ(decoded.flows.size(), 2U);
  EXPECT_EQ(decoded.flows[0].packets, 3U);
  EXPECT_EQ(decoded.flows[1].packets, 2U);
  const auto values = values_of(version, decoded, decoded.flows[0]);
  EXPECT_EQ(values.at("weirTunnelSourceAddress"), "c633:6401::7");
  EXPECT_EQ(values.at("weirTunnelDestinationAddress"), "c633:6402::");
  EXPECT_EQ(values.at("weirTunnelId"), "658188");
  EXPECT_EQ(values.at("weirTunnelType"), "6");
  EXPECT_EQ(values.at("weirTunnelDepth"), "1");
  EXPECT_EQ(values.at("IPSecSPI"), "3735928559");
  EXPECT_EQ(values.at("layer2SegmentId"), "0") << "a TEID is no segment";
  EXPECT_EQ(values_of(version, decoded, decoded.flows[1]).at("weirTunnelDestinationAddress"), "c633:6401::7");
}

TEST(ThirdLine, IsReadBackByWeirsDecoder) {
  Netflow9Options netflow9;
  netflow9.start_ns = kBase;
  netflow9.announced = true;
  expect_read_back<Netflow9Encoder>(netflow9, FlowVersion::netflow9);
  expect_read_back<IpfixEncoder>(IpfixOptions{}, FlowVersion::ipfix);
}

TEST(ThirdLine, FitsTheSmallestMessageInEveryForm) {
  FlowRecord record = tunnelled();
  record.ip_version = 6;
  for (const bool biflow : {false, true}) {
    for (const ExportProfile profile : {ExportProfile::rfc, ExportProfile::akvorado}) {
      IpfixOptions ipfix;
      ipfix.payload_octets = 1;
      ipfix.biflow = biflow;
      ipfix.profile = profile;
      IpfixEncoder ipfix_encoder(ipfix);
      for (const AnnouncedMessage& one : ipfix_encoder.announce({}, nullptr, kBase)) {
        EXPECT_LE(one.octets.size(), kMinPayload);
      }
      ASSERT_TRUE(ipfix_encoder.add(record, kBase));
      EXPECT_LE(ipfix_encoder.finish(kBase).size(), kMinPayload);
      Netflow9Options netflow9;
      netflow9.payload_octets = 1;
      netflow9.biflow = biflow;
      netflow9.profile = profile;
      netflow9.announced = true;
      netflow9.start_ns = kBase;
      Netflow9Encoder netflow9_encoder(netflow9);
      ASSERT_TRUE(netflow9_encoder.add(record, kBase));
      EXPECT_LE(netflow9_encoder.finish(kBase).size(), kMinPayload);
    }
  }
}

}  // namespace
}  // namespace weir
