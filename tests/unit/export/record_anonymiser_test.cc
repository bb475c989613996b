// anonymise=: what of a record changes, what stays, and that other exporters of the same batch see nothing of it.
#include "control/export/record_anonymiser.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "control/export/export_uri.h"
#include "proto/record/fields.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::record_anonymiser_test {
namespace {

using test::balanced;
using test::content_of;
using test::numbered_batch_with_sections;
using test::TemporaryFolder;
using test::totals_of_batch;

/// The key of the sample trace of Crypto-PAn (crypto_pan_test.cc has its vectors).
const std::string kKey = "1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202";

RecordAnonymiser sample() {
  const auto uri = parse_export_uri("json:x?anonymise=" + kKey);
  EXPECT_TRUE(uri) << uri.error();
  EXPECT_TRUE(uri->anonymise.has_value());
  return RecordAnonymiser(std::move(*CryptoPan::make(uri->anonymise.value_or(CryptoPanKey{}))));
}

template <std::size_t N>
void put(std::uint8_t (&place)[N], const std::string& text) {
  const IpAddress address = parse_ip_address(text).value_or(IpAddress{});
  std::memcpy(place, address.octets, N);
}

std::string text_of(const std::uint8_t* octets, std::uint8_t version) {
  IpAddress address;
  address.ip_version = version;
  std::memcpy(address.octets, octets, address.size());
  return address.text();
}

/// IPv4 in a tunnel over IPv6, with all that names somebody.
OwnedRecord telling_record() {
  OwnedRecord record(test::numbered_record(7));
  record->ip_version = 4;
  put(record->source_address, "128.11.68.132");
  put(record->destination_address, "129.118.74.4");
  auto& tunnel = record.add<TunnelSection>();
  tunnel.ip_version = 6;
  put(tunnel.source, "2001:db8::1");
  put(tunnel.destination, "2001:db8::2");
  auto& layer2 = record.add<Layer2Section>();
  layer2.source_mac[0] = 0xaa;
  layer2.destination_mac[5] = 0xbb;
  layer2.ttl[kForward] = 64;
  record.add<IdsSection>().community_id[3] = 9;
  auto& dns = record.add<DnsSection>();
  dns.known = DnsSection::kName;
  dns.query_type = 12;
  put_text_at(dns.name, "132.68.11.128.in-addr.arpa");
  record.add<RoutingSection>().ip_version = 4;
  (void)record.add(Section::as_path);
  (void)record.add(Section::as_names);
  return record;
}

TEST(RecordAnonymiser, ChangesEveryAddressAndLeavesOutWhatLeadsToOne) {
  RecordAnonymiser anonymiser = sample();
  const RecordBatch batch = test::batch_of(std::vector<OwnedRecord>{telling_record()});
  const RecordSpan changed = anonymiser.anonymise(batch.span());
  ASSERT_EQ(changed.size(), 1U);
  const RecordView record = changed[0];
  EXPECT_EQ(text_of(record->source_address, 4), "135.242.180.132");
  EXPECT_EQ(text_of(record->destination_address, 4), "134.136.186.123");
  const auto* const tunnel = record.find<TunnelSection>();
  ASSERT_NE(tunnel, nullptr);
  EXPECT_EQ(text_of(tunnel->source, 6), "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e");
  EXPECT_EQ(text_of(tunnel->destination, 6), "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c");
  const auto* const layer2 = record.find<Layer2Section>();
  ASSERT_NE(layer2, nullptr);
  EXPECT_EQ(layer2->source_mac[0], 0);
  EXPECT_EQ(layer2->destination_mac[5], 0);
  EXPECT_EQ(layer2->ttl[kForward], 64);
  EXPECT_FALSE(record.has(Section::ids)) << "a hash of the true addresses";
  for (const Section section : {Section::routing, Section::as_path, Section::as_names}) {
    EXPECT_FALSE(record.has(section)) << "what is said of the true addresses";
  }
  const auto* const dns = record.find<DnsSection>();
  ASSERT_NE(dns, nullptr);
  EXPECT_EQ(text_at(dns->name), "");
  EXPECT_EQ(dns->name[0], 1) << "not whole";
  EXPECT_EQ(dns->query_type, 12);
}

TEST(RecordAnonymiser, ChangesNoRecordInPlaceAndNoCount) {
  RecordAnonymiser anonymiser = sample();
  const auto batch = numbered_batch_with_sections(0, 500);
  const RecordBatch before = *batch;
  const RecordSpan changed = anonymiser.anonymise(batch->span());
  ASSERT_EQ(changed.size(), batch->size());
  EXPECT_TRUE(test::same_records(batch->span(), before.span()));
  EXPECT_EQ(totals_of(changed), totals_of_batch(*batch));
  for (std::size_t i = 0; i < changed.size(); ++i) {
    EXPECT_EQ(changed[i]->ports[kForward], (*batch)[i]->ports[kForward]);
    EXPECT_EQ(changed[i]->first_ns[kForward], (*batch)[i]->first_ns[kForward]);
    EXPECT_EQ(changed[i]->sections, (*batch)[i]->sections & ~section_bit(Section::ids));
  }
}

TEST(RecordAnonymiser, IsAskedForByEachExporterForItself) {
  const TemporaryFolder folder;
  const std::string secret = "protobuf:" + folder.path("secret.pb") + "?anonymise=" + kKey;
  auto hub = ExportHub::open({secret, "protobuf:" + folder.path("plain.pb")}, {});
  ASSERT_TRUE(hub) << hub.error();
  const RecordBatch batch = test::batch_of(std::vector<OwnedRecord>{telling_record()});
  for (int i = 0; i < 3; ++i) (*hub)->offer(std::make_shared<const RecordBatch>(batch), true);
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  const RecordBatch changed = test::records_in(content_of(folder.path("secret.pb")));
  const RecordBatch plain = test::records_in(content_of(folder.path("plain.pb")));
  ASSERT_EQ(changed.size(), 3U);
  ASSERT_EQ(plain.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(text_of(changed[i]->source_address, 4), "135.242.180.132");
    EXPECT_EQ(text_of(plain[i]->source_address, 4), "128.11.68.132");
  }
  for (const ExporterSnapshot& snapshot : (*hub)->snapshot()) {
    EXPECT_EQ(snapshot.exported.records, 3U);
    EXPECT_EQ(snapshot.exported.octets, 3 * totals_of_batch(batch).octets);
    EXPECT_TRUE(balanced(snapshot));
    EXPECT_EQ(snapshot.uri.find(kKey), std::string::npos) << "the key is shown to nobody";
    EXPECT_EQ(snapshot.name.find(kKey), std::string::npos);
  }
  EXPECT_TRUE((*hub)->snapshot()[0].uri.ends_with("?anonymise=***"));
}

TEST(RecordAnonymiser, NeedsAKeyOfTheRightLengthAndDoesNotRepeatIt) {
  for (const std::string& key : {std::string(), kKey.substr(1), kKey + "0", "g" + kKey.substr(1)}) {
    const auto refused = parse_export_uri("json:x?anonymise=" + key);
    ASSERT_FALSE(refused) << key;
    EXPECT_TRUE(
        refused.error().ends_with("anonymise: expected 64 hexadecimal digits, as 'openssl rand -hex 32' makes them"))
        << refused.error();
  }
}

}  // namespace
}  // namespace weir::record_anonymiser_test
