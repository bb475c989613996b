// Prefix files that are loaded anew while records pass.
#include "control/enrich/prefix_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "proto/record/sections.h"
#include "tests/support/process.h"

namespace weir::prefix_store_test {
namespace {

class PrefixStoreTest : public ::testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(file_) << text; }
  /// The AS of 10.0.0.1 as a record gets it.
  static std::uint32_t as_of(PrefixStore& store) {
    FlowRecord record{};
    record.ip_version = 4;
    record.source_address[0] = 10;
    RecordBatch in;
    RecordBatch out;
    in.append(record);
    store.enrich(in.span(), out);
    const auto* const routing = out[0].find<RoutingSection>();
    return routing == nullptr ? 0 : routing->source_as;
  }
  /// Waits until nothing is loaded any more.
  static PrefixStoreStatus at_rest(const PrefixStore& store) {
    while (store.status().loading) std::this_thread::yield();
    return store.status();
  }

  test::TemporaryFolder folder_;
  std::string file_ = folder_.path("p.txt");
};

TEST_F(PrefixStoreTest, AReloadTakesThePlaceOfWhatWasThereAndABrokenFileDoesNot) {
  write("10.0.0.0/8 as=1\n");
  const auto opened = PrefixStore::open({file_});
  ASSERT_TRUE(opened) << opened.error();
  PrefixStore& store = **opened;
  EXPECT_EQ(as_of(store), 1U);
  PrefixStoreStatus status = store.status();
  EXPECT_EQ(status.prefixes, 1U);
  EXPECT_EQ(status.loads, 1U);
  EXPECT_GT(status.octets, 0U);
  EXPECT_EQ(status.lookups, 2U);
  EXPECT_EQ(status.not_found, 1U);
  ASSERT_EQ(status.files.size(), 1U);
  EXPECT_EQ(status.files[0].name, file_);
  EXPECT_EQ(status.files[0].form, PrefixForm::text);
  EXPECT_EQ(status.files[0].prefixes, 1U);

  write("10.0.0.0/8 as=2\n10.0.0.0/16 as=3\n");
  store.reload();
  status = at_rest(store);
  EXPECT_EQ(as_of(store), 3U);
  EXPECT_EQ(status.prefixes, 2U);
  EXPECT_EQ(status.loads, 2U);
  EXPECT_EQ(status.error, "");
  auto news = store.take_news();
  ASSERT_EQ(news.size(), 1U);
  EXPECT_FALSE(news[0].failed);
  EXPECT_EQ(news[0].text, "--prefixes: 2 prefixes are loaded");

  write("10.0.0.0/8 as=4\n10.0.0.0/16 as=x\n");
  const std::uint64_t loaded_ns = status.loaded_ns;
  store.reload();
  status = at_rest(store);
  EXPECT_EQ(as_of(store), 3U);
  EXPECT_EQ(status.prefixes, 2U);
  EXPECT_EQ(status.loads, 2U);
  EXPECT_EQ(status.loaded_ns, loaded_ns);
  EXPECT_EQ(status.error, file_ + ":2: as='x': expected an AS number from 1 to 4294967295");
  EXPECT_GE(status.error_ns, loaded_ns);
  news = store.take_news();
  ASSERT_EQ(news.size(), 1U);
  EXPECT_TRUE(news[0].failed);
  EXPECT_EQ(news[0].text, "--prefixes: " + status.error + "; the prefixes loaded before stay in use");

  write("10.0.0.0/8 as=5\n");
  store.reload();
  status = at_rest(store);
  EXPECT_EQ(as_of(store), 5U);
  EXPECT_EQ(status.error, "") << "the last reload went well";
}

TEST_F(PrefixStoreTest, AFileThatCannotBeReadAtTheStartIsAnError) {
  const auto opened = PrefixStore::open({file_});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), file_ + ": No such file or directory; expected a file of prefixes");
}

TEST_F(PrefixStoreTest, NoRecordIsLostOrHalfEnrichedWhileReloadsGoOn) {
  const auto text = [](unsigned as_number) {
    std::string lines;
    for (unsigned i = 0; i < 20'000; ++i) {
      lines += "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) +
               ".0/24 as=" + std::to_string(as_number) + " name=" + std::string(as_number, 'n') + "\n";
    }
    return lines;
  };
  write(text(1));
  const auto opened = PrefixStore::open({file_});
  ASSERT_TRUE(opened) << opened.error();
  PrefixStore& store = **opened;

  std::atomic<bool> stop{false};
  std::uint64_t sent = 0;
  std::uint64_t came = 0;
  std::uint64_t torn = 0;
  std::thread records([&] {
    RecordBatch in;
    for (std::uint32_t i = 0; i < 512; ++i) {
      FlowRecord record{};
      record.ip_version = 4;
      record.source_address[0] = record.destination_address[0] = 10;
      record.source_address[1] = static_cast<std::uint8_t>(i % 78);
      record.destination_address[2] = static_cast<std::uint8_t>(i);
      in.append(record);
    }
    while (!stop.load()) {
      RecordBatch out;
      store.enrich(in.span(), out);
      sent += in.size();
      came += out.size();
      for (const RecordView one : out) {
        const auto* const routing = one.find<RoutingSection>();
        const auto* const names = one.find<AsNamesSection>();
        torn += routing == nullptr || names == nullptr || routing->source_as != routing->destination_as ||
                        routing->source_as != (*out.begin()).find<RoutingSection>()->source_as ||
                        std::string(names->source_name) != std::string(routing->source_as, 'n')
                    ? 1
                    : 0;
      }
    }
  });
  for (unsigned i = 2; i < 8; ++i) {
    write(text(i));
    store.reload();
    EXPECT_EQ(at_rest(store).loads, i);
  }
  stop = true;
  records.join();
  EXPECT_EQ(came, sent);
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(store.status().lookups, 2 * sent);
  EXPECT_EQ(store.status().not_found, 0U);
}

TEST_F(PrefixStoreTest, KeepsAMapOfAllPrefixesForKeysWithAnAsWhateverTheyHaveOfAnAddress) {
  write("10.0.0.0/8 as=1\n10.1.0.0/16 as=2\n");
  const auto as_of = [](const PrefixStore& store, std::uint64_t high) {
    std::uint32_t found = 0;
    const AddressBits address{high << 32, 0};
    store.whole_map()->find_as_numbers(4, {&address, 1}, {&found, 1});
    return found;
  };
  KeyBits bits;
  bits.ipv4 = {8, 24};
  EXPECT_EQ((*PrefixStore::open({file_}, bits))->whole_map(), nullptr);
  bits.as_in_key[kReverse] = true;
  for (const std::array<std::uint8_t, 2> ipv4 : {std::array<std::uint8_t, 2>{8, 24}, {24, 8}, {0, 0}, {32, 32}}) {
    bits.ipv4 = ipv4;
    const auto store = PrefixStore::open({file_}, bits);
    ASSERT_TRUE(store) << store.error();
    EXPECT_EQ((*store)->status().prefixes, 2U);
    EXPECT_EQ(as_of(**store, 0x0a010203), 2U);
    EXPECT_EQ(as_of(**store, 0x0a020203), 1U);
    EXPECT_EQ(as_of(**store, 0x0b000001), 0U);
  }
}

TEST_F(PrefixStoreTest, AMapThatAWorkerHoldsOutlivesAReload) {
  write("10.0.0.0/8 as=1\n");
  KeyBits bits;
  bits.as_in_key[kForward] = true;
  auto opened = PrefixStore::open({file_}, bits);
  ASSERT_TRUE(opened) << opened.error();
  auto held = (*opened)->whole_map();
  write("10.0.0.0/8 as=2\n");
  (*opened)->reload();
  while ((*opened)->whole_map() == held) std::this_thread::yield();
  const AddressBits address{std::uint64_t{0x0a000001} << 32, 0};
  std::uint32_t found = 0;
  held->find_as_numbers(4, {&address, 1}, {&found, 1});
  EXPECT_EQ(found, 1U);
  held.reset();  // so that the reload ends
}

}  // namespace
}  // namespace weir::prefix_store_test
