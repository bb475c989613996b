// Records with sections on their way through messages: what weir's own decoder reads back, how many templates there
// are, and what is shortened or left out where a message has no room for all.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "proto/decode/flow_decoder.h"
#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "tests/unit/proto/section_records.h"

namespace weir::section_messages_test {
namespace {

using namespace test;

/// What a collector makes of a stream that starts with all templates.
struct Stream {
  FlowDecoder decoder;
  std::vector<OwnedRecord> flows;

  void take(std::span<const std::uint8_t> message) {
    Decoded decoded;
    ASSERT_EQ(decoder.decode("probe", message, decoded), DecodeError::none);
    for (const RecordView flow : decoded.flows) flows.emplace_back(flow);
  }
  template <typename Encoder>
  void send(Encoder& encoder, const OwnedRecord& record) {
    if (encoder.announcement_due(&record.base(), kBase)) {
      for (const AnnouncedMessage& one : encoder.announce({}, &record.base(), kBase)) take(one.octets);
    }
    ASSERT_TRUE(encoder.add(record, kBase));
    take(encoder.finish(kBase));
  }
};

/// The columns of `sections` that differ: of a uniflow of direction `way`, or (biflow) of both directions.
std::string differences(RecordView sent, RecordView got, std::uint32_t sections, Direction way, bool biflow) {
  std::string text;
  for (const Column& column : kColumns) {
    const FieldRow& row = kFieldRows[column.row];
    if ((sections & section_bit(row.section)) == 0 || row.section == Section::base) continue;
    if (row.field.wire.rule == WireRule::none || (column.side == kReverse && !biflow)) continue;
    const auto* const from = static_cast<const std::uint8_t*>(sent.find(row.section));
    const auto* const to = static_cast<const std::uint8_t*>(got.find(row.section));
    const std::uint16_t in = row.field.place.offset[way == kReverse ? 1 - column.side : column.side];
    const std::uint16_t out = row.field.place.offset[column.side];
    if (from == nullptr || to == nullptr || std::memcmp(from + in, to + out, row.field.place.octets) != 0) {
      text.append(column_name(column).view()).append(" ");
    }
  }
  return text;
}

template <typename Encoder, typename Options>
void expect_read_back(const Options& options, bool biflow, std::uint32_t sections) {
  for (const std::uint8_t ip_version : {std::uint8_t{4}, std::uint8_t{6}}) {
    Encoder encoder(options);
    Stream stream;
    const OwnedRecord record = with_sections(sections, ip_version);
    stream.send(encoder, record);
    ASSERT_EQ(stream.flows.size(), biflow ? 1U : 2U);
    EXPECT_EQ(differences(record, stream.flows[0], sections, kForward, biflow), "");
    if (biflow) continue;
    EXPECT_EQ(differences(record, stream.flows[1], sections, kReverse, false), "");
  }
}

/// What has no room beside all metrics together.
constexpr std::uint32_t kAddedLater = kSectionBit<RoutingSection> | kSectionBit<AsNamesSection> |
                                      kSectionBit<DirectionSection> | kSectionBit<InterfaceNamesSection> |
                                      kSectionBit<LinkSection> | kSectionBit<PsampleSection>;

/// What `record` becomes with one direction or both, in messages of `payload` octets.
template <typename Encoder, typename Options>
std::vector<OwnedRecord> sent_in(Options options, const OwnedRecord& record, std::uint32_t payload) {
  options.payload_octets = payload;
  Encoder encoder(options);
  Stream stream;
  for (const AnnouncedMessage& one : encoder.announce({}, &record.base(), kBase)) {
    EXPECT_LE(one.octets.size(), payload);
    stream.take(one.octets);
  }
  EXPECT_TRUE(encoder.add(record, kBase));
  const auto message = encoder.finish(kBase);
  EXPECT_LE(message.size(), payload);
  stream.take(message);
  return stream.flows;
}

TEST(SectionTemplates, ShortenTextsToWhatTheMessageHasRoomForAndSaySo) {
  OwnedRecord record = with_sections(0, 6);
  put_text_at(record.add<DnsSection>().name, std::string(250, 'x'));
  std::size_t before = 0;
  for (const std::uint32_t payload : {512U, 600U, 700U, 1400U}) {
    IpfixOptions options;
    options.payload_octets = payload;
    IpfixEncoder encoder(options);
    Stream stream;
    stream.send(encoder, record);
    ASSERT_EQ(stream.flows.size(), 2U);
    for (const OwnedRecord& flow : stream.flows) {
      const auto* const got = flow.view().find<DnsSection>();
      ASSERT_NE(got, nullptr) << payload;
      const std::string_view name = text_at(got->name);
      EXPECT_GT(name.size(), before);
      EXPECT_EQ(name, std::string(name.size(), 'x'));
      EXPECT_EQ(got->name[0], name.size() < 250 ? 1U : 0U) << name.size();
    }
    before = text_at(stream.flows[0].view().find<DnsSection>()->name).size();
    if (before == 250) break;
  }
  EXPECT_EQ(before, 250U);
}

TEST(SectionTemplates, HaveShorterTextsInNetflow9WhereOthersDoNotFit) {
  OwnedRecord record = with_sections(0, 6);
  auto& http = record.add<HttpSection>();
  for (auto& text : http.texts) put_text_at(text, std::string(60, 'x'));
  std::size_t before = 0;
  for (const std::uint32_t payload : {512U, 900U, 1400U}) {
    Netflow9Options options;
    options.payload_octets = payload;
    options.start_ns = kBase;
    options.announced = true;
    Netflow9Encoder encoder(options);
    Stream stream;
    stream.send(encoder, record);
    ASSERT_EQ(stream.flows.size(), 2U) << payload;
    for (const OwnedRecord& flow : stream.flows) {
      const auto* const got = flow.view().find<HttpSection>();
      ASSERT_NE(got, nullptr) << payload;
      const std::string_view host = text_at(got->texts[HttpSection::kHost]);
      EXPECT_EQ(host, std::string(host.size(), 'x'));
      EXPECT_GT(host.size(), before);
      EXPECT_GE(host.size(), kLeastTextOctets);
      EXPECT_EQ(got->texts[HttpSection::kHost][0], host.size() < 60 ? 1U : 0U) << host.size();
    }
    before = text_at(stream.flows[0].view().find<HttpSection>()->texts[HttpSection::kHost]).size();
  }
  EXPECT_EQ(before, 60U);
}

TEST(SectionTemplates, KeepFingerprintsWholeOrLeaveThemOut) {
  const std::string ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
  OwnedRecord record = with_sections(0, 6);
  auto& tls = record.add<TlsSection>();
  put_text_at(tls.octets + TlsSection::kSniAt, std::string(200, 'x'));
  put_text_at(tls.octets + TlsSection::kJa3At, std::string(32, 'e'));
  put_text_at(tls.octets + TlsSection::kJa4At, ja4);
  (void)record.add(Section::tcp);
  (void)record.add(Section::rtt);
  unsigned left_out = 0, whole = 0;
  const auto expect_whole = [&](const std::vector<OwnedRecord>& flows, std::uint32_t payload) {
    ASSERT_EQ(flows.size(), 2U) << payload;
    for (const OwnedRecord& flow : flows) {
      const auto* const got = flow.view().find<TlsSection>();
      if (got == nullptr) continue;  // the whole section has no room
      const std::string_view sent = text_at(got->octets + TlsSection::kJa4At);
      EXPECT_TRUE(sent.empty() || sent == ja4) << sent << " in " << payload;
      sent.empty() ? ++left_out : ++whole;
      EXPECT_EQ(text_at(got->octets + TlsSection::kJa3At).size(), sent.empty() ? 0U : 32U) << payload;
      const std::string_view name = text_at(got->octets + TlsSection::kSniAt);
      EXPECT_EQ(name, std::string(name.size(), 'x'));
      EXPECT_EQ(got->octets[TlsSection::kSniAt], name.size() < 200 ? 1U : 0U);
      if (!sent.empty()) {
        EXPECT_GE(name.size(), kLeastTextOctets);
      }
    }
  };
  for (std::uint32_t payload = kMinPayload; payload <= 1400; payload += 24) {
    expect_whole(sent_in<IpfixEncoder>(IpfixOptions{}, record, payload), payload);
    Netflow9Options netflow9;
    netflow9.announced = true;
    netflow9.start_ns = kBase;
    expect_whole(sent_in<Netflow9Encoder>(netflow9, record, payload), payload);
  }
  EXPECT_GT(left_out, 10U);
  EXPECT_GT(whole, 40U);
}

TEST(SectionTemplates, CutListsOfPacketsToWhatTheMessageHasRoomFor) {
  // Of a flow of TCP, which has no QUIC.
  const std::uint32_t sections = kAllSections & ~(kSectionBit<LabelSection> | kTexts | kAddedLater |
                                                  kSectionBit<QuicSection> | kSectionBit<Quic2017Section>);
  for (const bool biflow : {false, true}) {
    std::uint32_t before = 0;
    for (const std::uint32_t payload : {1400U, 2000U, kMaxPayload}) {
      IpfixOptions options;
      options.payload_octets = payload;
      options.biflow = biflow;
      IpfixEncoder encoder(options);
      Stream stream;
      const OwnedRecord record = with_sections(sections, 6);
      stream.send(encoder, record);
      ASSERT_EQ(stream.flows.size(), biflow ? 1U : 2U);
      for (const OwnedRecord& flow : stream.flows) {
        const auto* const got = flow.view().find<PacketsSection>();
        ASSERT_NE(got, nullptr) << payload;
        EXPECT_GT(got->count, before);
        EXPECT_LE(got->count, PacketsSection::kMost);
        EXPECT_EQ(
            std::memcmp(got->packets, record.view().find<PacketsSection>()->packets, got->count * sizeof(FirstPacket)),
            0)
            << "the first ones";
      }
      before = stream.flows[0].view().find<PacketsSection>()->count;
      if (before == PacketsSection::kMost) break;
    }
    EXPECT_EQ(before, PacketsSection::kMost);
  }
}

TEST(SectionTemplates, AreReadBackByWeirsDecoderEachSectionAloneAndAllTogether) {
  for (std::size_t i = 1; i <= kSectionCount; ++i) {
    const std::uint32_t sections = i == kSectionCount ? kAllSections & ~(kSectionBit<LabelSection> | kAddedLater)
                                                      : section_bit(static_cast<Section>(i));
    SCOPED_TRACE(i == kSectionCount ? "all" : kSectionNames[i]);
    for (const bool biflow : {false, true}) {
      for (const bool usual : {true, false}) {
        IpfixOptions ipfix;
        ipfix.biflow = biflow;
        ipfix.payload_octets = kMaxPayload;  // else lists of packets are cut
        ipfix.profile = usual ? ExportProfile::rfc : ExportProfile::pmacct;
        expect_read_back<IpfixEncoder>(ipfix, biflow, sections);
      }
    }
    for (const bool usual : {true, false}) {
      Netflow9Options netflow9;
      netflow9.start_ns = kBase;
      netflow9.announced = true;
      netflow9.payload_octets = kMaxPayload;  // else texts are shorter
      netflow9.profile = usual ? ExportProfile::rfc : ExportProfile::pmacct;
      expect_read_back<Netflow9Encoder>(netflow9, false, sections & ~kPackets);  // which has no lists
    }
  }
}

TEST(SectionTemplates, TurnTheInterfacesOfAPairRoundForTheWayBack) {
  OwnedRecord record = with_sections(section_bit(Section::egress));
  add_reply(record.base());
  const auto expect_interfaces = [&](auto encoder, std::uint32_t in, std::uint32_t out) {
    Stream stream;
    stream.send(encoder, record);
    ASSERT_EQ(stream.flows.size(), 2U);
    EXPECT_EQ(stream.flows[0]->ingress_interface, 7U);
    EXPECT_EQ(stream.flows[0].view().template find<EgressSection>()->interface, 9U);
    EXPECT_EQ(stream.flows[1]->ingress_interface, in);
    EXPECT_EQ(stream.flows[1].view().template find<EgressSection>()->interface, out);
  };
  for (const ExportProfile profile : {ExportProfile::rfc, ExportProfile::pmacct}) {
    IpfixOptions ipfix;
    ipfix.profile = profile;
    Netflow9Options netflow9;
    netflow9.start_ns = kBase;
    netflow9.announced = true;
    netflow9.profile = profile;
    record.add<EgressSection>() = {9, 7};
    expect_interfaces(IpfixEncoder(ipfix), 9, 7);
    expect_interfaces(Netflow9Encoder(netflow9), 9, 7);
    record.add<EgressSection>() = {9, 0};  // as an exporter said it of the flow
    expect_interfaces(IpfixEncoder(ipfix), 7, 9);
    expect_interfaces(Netflow9Encoder(netflow9), 7, 9);
  }
}

TEST(SectionTemplates, AreAtMostSixtyFourAndThenOneForEachWiderCombination) {
  IpfixOptions options;
  options.template_refresh_messages = UINT32_MAX;  // each announcement is of a new template
  options.payload_octets = kMaxPayload;
  IpfixEncoder encoder(options);
  Stream stream;
  std::size_t made = 0;
  std::vector<std::string> ids;
  constexpr std::uint32_t kMost = (1U << 11) - 1;  // of the combinations, many more than have templates of their own
  static_assert(kMost < kAllSections && TemplateSet::kClassicSections < kMost);
  for (std::uint32_t sections = 1; sections <= kMost; ++sections) {
    if ((sections & ~TemplateSet::kClassicSections) == 0) continue;
    OwnedRecord record = with_sections(sections);
    record->packets[kReverse] = record->octets[kReverse] = 0;
    if (encoder.announcement_due(&record.base(), kBase)) {
      ++made;
      for (const AnnouncedMessage& one : encoder.announce({}, &record.base(), kBase)) stream.take(one.octets);
    }
    ASSERT_TRUE(encoder.add(record, kBase));
    const auto message = encoder.finish(kBase);
    ids.push_back(hex(message).substr(32, 4));
    stream.take(message);
    // A wider template has element 70 twice, of which a collector takes one.
    const std::uint32_t labels = kSectionBit<LabelSection> | kStack;
    EXPECT_EQ(differences(record, stream.flows.back(), sections & ~labels, kForward, false), "") << sections;
  }
  ASSERT_EQ(ids.size(), kMost + 1 - 8U) << "all but the 8 of the classic sections alone";
  EXPECT_EQ(made, 66U) << "of the groups there is TCP, or none";
  EXPECT_EQ(ids[0], "010c");   // 268
  EXPECT_EQ(ids[63], "014b");  // 331
  EXPECT_EQ(ids[64], "014c");  // 332
  EXPECT_EQ(ids.back(), "014c");
  EXPECT_EQ(std::set<std::string>(ids.begin() + 64, ids.end()), (std::set<std::string>{"014c", "014d"}));
}

TEST(SectionTemplates, LeaveNoSectionOutOfTheUsualMessageWhateverTheFlowIsOf) {
  constexpr std::uint32_t kOfTcp = kTcp | kSectionBit<RttSection>;
  constexpr std::uint32_t kOnTcp =
      kSectionBit<TlsSection> | kSectionBit<TlsCertificateSection> | kSectionBit<HttpSection>;
  constexpr std::uint32_t kOnUdp = kSectionBit<WireguardSection> | kSectionBit<QuicSection> |
                                   kSectionBit<QuicHelloSection> | kSectionBit<Quic2017Section>;
  constexpr std::uint32_t kAlways =
      kAllSections & ~(kOfTcp | kOnTcp | kOnUdp | kSectionBit<DnsSection> | kSectionBit<LabelSection> | kAddedLater |
                       kSectionBit<AsPathSection>);
  for (const std::uint32_t sections :
       {kAlways | kOfTcp | kOnTcp, kAlways | kOfTcp | kSectionBit<DnsSection>,
        kAlways | kOnUdp | kSectionBit<DnsSection>, kAlways | kOnUdp | kSectionBit<TlsSection>}) {
    const OwnedRecord record = with_sections(sections, 6);
    // Of lists a message takes as much as it has room for after texts, here nothing; NetFlow v9 has none.
    const auto expect_all = [&](const std::vector<OwnedRecord>& flows) {
      EXPECT_GE(flows.size(), 1U);
      for (const OwnedRecord& got : flows) EXPECT_EQ(got.base().sections & ~kPackets, sections & ~kPackets);
    };
    for (const bool both : {false, true}) {
      IpfixOptions ipfix;
      ipfix.biflow = both;
      expect_all(sent_in<IpfixEncoder>(ipfix, record, 1400));
      Netflow9Options netflow9;
      netflow9.biflow = both;
      netflow9.announced = true;
      netflow9.start_ns = kBase;
      expect_all(sent_in<Netflow9Encoder>(netflow9, record, 1400));
    }
  }
}

TEST(SectionTemplates, LeaveTheLastSectionsOutWhereTheyDoNotFitTheSmallestMessage) {
  const std::uint32_t all = kAllSections & ~(kSectionBit<LabelSection> | kAddedLater);
  for (const std::uint32_t payload : {512U, 3000U}) {
    IpfixOptions options;
    options.biflow = true;
    const OwnedRecord record = with_sections(all, 6);
    const std::vector<OwnedRecord> flows = sent_in<IpfixEncoder>(options, record, payload);
    ASSERT_EQ(flows.size(), 1U);
    const RecordView got = flows[0];
    // 512: the fields of tcp (340 octets of template), icmp (64), lengths (128 of it, and 96 of the record), histograms
    // (176 of the record), dns, tls, http and wireguard (104, 80, 112 and 56 of the template), the certificate (64) and
    // quic (216 of it) do not fit after those of tunnel, SPI, stack, layer 2 and rtt. Of lists of packets and of texts
    // the length differs.
    const bool whole = payload == 3000;
    EXPECT_EQ(got.has(Section::tcp), whole);
    EXPECT_EQ(got.has(Section::tls_certificate), whole);
    EXPECT_TRUE(got.has(Section::packets)) << "of lists a message takes as much as it has room for";
    const std::uint32_t out = kTcp | kSectionBit<IcmpSection> | kSectionBit<LengthsSection> |
                              kSectionBit<HistogramsSection> | kSectionBit<WireguardSection> |
                              kSectionBit<QuicSection> | kSectionBit<Quic2017Section>;
    EXPECT_EQ(differences(record, got, all & ~(kPackets | kTexts | (whole ? 0 : out)), kForward, true), "");
  }
}

/// Every combination of at most two sections, or of all but two, and as many others as one can wait for.
std::set<std::uint32_t> combinations() {
  std::set<std::uint32_t> found;
  for (std::uint32_t sections = 0; sections <= kAllSections; ++sections) {
    const std::uint32_t there = sections & kAllSections;
    const int count = std::popcount(there);
    if (count <= 2 || std::popcount(kAllSections) - count <= 2) found.insert(there);
  }
  std::mt19937 random(26);
  for (int i = 0; i < 200; ++i) found.insert(static_cast<std::uint32_t>(random()) & kAllSections);
  return found;
}

TEST(SectionTemplates, TakeAnyCombinationIntoTheSmallestMessage) {
  for (const std::uint32_t sections : combinations()) {
    for (const bool both : {false, true}) {
      const OwnedRecord record = with_sections(sections, 6);
      IpfixOptions ipfix;
      ipfix.payload_octets = 1;
      ipfix.biflow = both;
      IpfixEncoder ipfix_encoder(ipfix);
      for (const AnnouncedMessage& one : ipfix_encoder.announce({}, &record.base(), kBase)) {
        ASSERT_LE(one.octets.size(), kMinPayload);
      }
      ASSERT_TRUE(ipfix_encoder.add(record, kBase)) << sections;
      ASSERT_LE(ipfix_encoder.finish(kBase).size(), kMinPayload);
      Netflow9Options netflow9;
      netflow9.payload_octets = 1;
      netflow9.biflow = both;
      netflow9.announced = true;
      netflow9.start_ns = kBase;
      Netflow9Encoder netflow9_encoder(netflow9);
      for (const AnnouncedMessage& one : netflow9_encoder.announce({}, &record.base(), kBase)) {
        ASSERT_LE(one.octets.size(), kMinPayload);
      }
      ASSERT_TRUE(netflow9_encoder.add(record, kBase)) << sections;
      ASSERT_LE(netflow9_encoder.finish(kBase).size(), kMinPayload);
    }
  }
}

TEST(SectionTemplates, OfTunnelsFitTheSmallestMessageInEveryForm) {
  OwnedRecord record = tunnelled();
  record->ip_version = 6;
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
}  // namespace weir::section_messages_test
