// What weirctl self-check finds, of values that are right and of values that are not.
#include "control/probe/self_check.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/support/numbered_record.h"

namespace weir::self_check_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNow = 1'700'000'010'000'000'000;

RecordTap::Batch batch(std::uint32_t from, std::uint32_t to) {
  auto records = std::make_shared<RecordBatch>();
  for (std::uint32_t number = from; number < to; ++number) {
    FlowRecord record = test::numbered_record(number);
    if (number % 3 == 0) {  // a conversation
      record.packets[kReverse] = 5;
      record.octets[kReverse] = 500 + number;
      record.first_ns[kReverse] = record.first_ns[kForward] + 2'000'000;
      record.last_ns[kReverse] = record.first_ns[kForward] + 9'000'000;
    }
    records->append(record);
  }
  return records;
}

TEST(SelfCheck, RecordsComeBackFromEncodersAndDecoder) {
  EXPECT_EQ(check_loopback({}, kNow).outcome(), "skipped");
  const v1::SelfCheckItem item = check_loopback({batch(1, 700), batch(700, 1001)}, kNow);
  EXPECT_EQ(item.outcome(), "ok") << item.text();
  EXPECT_EQ(item.text(), "the last 1000 records came back from IPFIX and NetFlow v9 with the same figures");
}

TEST(SelfCheck, ARecordThatCannotComeBackIsNamed) {
  auto records = std::make_shared<RecordBatch>();
  records->append(test::numbered_record(1));
  FlowRecord wrong = test::numbered_record(2);
  wrong.source_address[9] = 1;  // no octet of an IPv4 address, so that no message carries it
  records->append(wrong);
  const v1::SelfCheckItem item = check_loopback({records}, kNow);
  EXPECT_EQ(item.outcome(), "failed");
  EXPECT_EQ(item.text(), "IPFIX: of 2 records 2 came back, 1 of them different, the first 10.0.0.0:2-192.0.0.0:53/udp");
}

TEST(SelfCheck, TheWallClockMayNotBeSetByMoreThanASecond) {
  EXPECT_EQ(check_clock(5, 5 + kSecond).outcome(), "ok");
  EXPECT_EQ(check_clock(5, 6 + kSecond).outcome(), "failed");
  const v1::SelfCheckItem back = check_clock(0, -2 * kSecond);
  EXPECT_EQ(back.outcome(), "failed");
  EXPECT_NE(back.text().find("set back by 2.000 s"), std::string::npos) << back.text();
}

TEST(SelfCheck, PacketsMustBeSpreadOverTheWorkers) {
  v1::StatusReply status;
  status.add_workers();
  status.set_queue_skew(1);
  EXPECT_EQ(check_skew(status).outcome(), "skipped") << "one worker";
  status.add_workers();
  EXPECT_EQ(check_skew(status).outcome(), "ok");
  status.set_queue_skew(2.01);
  EXPECT_EQ(check_skew(status).outcome(), "failed");
  status.set_queue_skew(0);
  EXPECT_EQ(check_skew(status).outcome(), "skipped") << "no packets";
}

TEST(SelfCheck, ConversationsMustNotBeSplit) {
  v1::RssReply rss;
  EXPECT_EQ(check_rss(rss).outcome(), "failed");
  rss.set_ok(true);
  EXPECT_EQ(check_rss(rss).outcome(), "ok");
  rss.set_doing("starting: the ports");
  EXPECT_EQ(check_rss(rss).outcome(), "skipped");
}

}  // namespace
}  // namespace weir::self_check_test
