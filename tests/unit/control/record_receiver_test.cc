// Raw records on their way in: counted as a worker counts packets, and, over a socket, lost by name and taken again.
#include "control/probe/record_receiver.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "control/ledger/ledger_report.h"
#include "control/record_intake.h"
#include "tests/support/raw_records.h"
#include "tests/support/temporary_folder.h"

namespace weir::test::record_receiver_test {
namespace {

void add(RecordIntake& intake, const RawOctets& record) {
  const auto bytes = record.bytes();
  ASSERT_TRUE(intake.add(bytes));
}

RecordTotals drain(RecordRing& ring) {
  RecordTotals drained;
  ring.consume(SIZE_MAX, [&](const RingLine& line) { drained.add(RecordMessage::record(line)); });
  return drained;
}

TEST(RecordIntake, CountsAsAWorkerDoesSoThatTheLedgerBalances) {
  RecordIntake intake;
  RawOctets record;
  record.packets = 3;
  record.octets = 444;
  add(intake, record);
  record.packets = 2;
  record.octets = 20;  // less than two headers
  add(intake, record);
  record.ether_type = 0x0806;
  record.packets = 5;
  record.octets = 300;
  add(intake, record);
  record.ether_type = 0x0800;
  record.packets = 0;
  record.octets = 7;
  add(intake, record);
  intake.publish();

  const WorkerCounters& counters = intake.counters();
  EXPECT_EQ(intake.raw_records(), 4U);
  EXPECT_EQ(counters.received, (PacketCount{3 + 2 + 5 + 1, 444 + 20 + 300 + 7}));
  EXPECT_EQ(counters.counted, (PacketCount{5, 464}));
  EXPECT_EQ(counters.counted_ip_octets, 444U - 3 * 14);
  EXPECT_EQ(counters.emitted, (RecordTotals{2, 5, 402}));
  EXPECT_EQ(counters.rejects[static_cast<std::size_t>(Reject::ether_type_arp)], (PacketCount{5, 300}));
  EXPECT_EQ(counters.rejects[static_cast<std::size_t>(Reject::raw_record_invalid)], (PacketCount{1, 7}))
      << "a record without packets counts as one";

  DrainTotals totals;
  totals.drained = {drain(intake.records())};
  totals.overflow.taken = totals.overflow.given = totals.drained[0];
  const v1::Ledger ledger = make_whole_ledger({}, {counters}, totals, {}, true);
  EXPECT_TRUE(ledger.balanced()) << ledger.violations(0);
  EXPECT_EQ(ledger.drained().packets(), 5U);
}

TEST(RecordIntake, LosesByNameWhatTheRingHasNoRoomForAndGoesOn) {
  RecordIntake intake;
  RawOctets record;
  record.packets = 2;
  const auto bytes = record.bytes();
  std::uint64_t taken = 0;
  while (intake.add(bytes)) ++taken;
  EXPECT_EQ(intake.raw_records(), taken) << "what had no room was not counted";
  intake.add_or_lose(bytes);
  const RecordTotals& lost = intake.counters().lost[static_cast<std::size_t>(Loss::ring_full)];
  EXPECT_EQ(lost, (RecordTotals{1, 2, 72}));
  intake.publish();
  DrainTotals totals;
  totals.drained = {drain(intake.records())};
  EXPECT_EQ(totals.drained[0].records, taken);
  intake.add_or_lose(bytes);
  EXPECT_EQ(lost.records, 1U) << "there is room again";
  intake.publish();
  totals.drained[0] += drain(intake.records());
  totals.overflow.taken = totals.overflow.given = totals.drained[0];
  EXPECT_TRUE(make_whole_ledger({}, {intake.counters()}, totals, {}, true).balanced());
}

class RecordReceiverTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = RecordReceiver::listen(path_);
    ASSERT_TRUE(made) << made.error();
    receiver_ = std::move(*made);
    receiver_->start();
  }
  /// An agent that has connected.
  [[nodiscard]] UniqueFd agent() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << strerror(errno);
    return fd;
  }
  static void send(const UniqueFd& fd, const std::string& octets) {
    std::size_t sent = 0;
    while (sent < octets.size()) {
      const ssize_t count = write(fd.get(), octets.data() + sent, octets.size() - sent);
      ASSERT_GT(count, 0) << strerror(errno);
      sent += static_cast<std::size_t>(count);
    }
  }
  /// Waits for what other threads do; false after 20 s.
  template <typename Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.path("agent.sock");
  std::unique_ptr<RecordReceiver> receiver_;
};

TEST_F(RecordReceiverTest, TakesRecordsOfSeveralAgentsHoweverTheyArePartedOnTheWay) {
  const UniqueFd one = agent();
  const UniqueFd other = agent();
  const std::string records = raw_file({{}, {}, {}});
  send(one, records.substr(0, 1));
  send(other, records.substr(0, 100));
  send(one, records.substr(1, 167));
  send(other, records.substr(100));
  send(one, records.substr(168));
  EXPECT_TRUE(eventually([&] { return receiver_->totals().records == 6; }));
  EXPECT_EQ(receiver_->totals().connections, 2U);
  EXPECT_EQ(receiver_->totals().open_connections, 2U);
  receiver_->stop();
  EXPECT_EQ(receiver_->counters().counted.packets, 6U);
  EXPECT_EQ(receiver_->totals().partial_records, 0U);
  EXPECT_TRUE(receiver_->take_news().empty());
  EXPECT_EQ(drain(receiver_->records()).records, 6U);
}

TEST_F(RecordReceiverTest, ReadsAtAStopWhatHasComeByThen) {
  const UniqueFd one = agent();
  std::string records;
  for (int i = 0; i < 2000; ++i) records += RawOctets{}.text();
  send(one, records);
  receiver_->stop();
  EXPECT_EQ(receiver_->counters().counted.packets, 2000U);
}

TEST_F(RecordReceiverTest, SaysWhichConnectionEndedInsideARecord) {
  { const UniqueFd good = agent(); }
  {
    const UniqueFd bad = agent();
    send(bad, raw_file({{}, {}}).substr(0, 84 + 80));
  }
  EXPECT_TRUE(eventually([&] { return receiver_->totals().partial_records == 1; }));
  EXPECT_EQ(receiver_->take_news(),
            (std::vector<std::string>{"--input records+unix:" + path_ +
                                      ": connection 2: the raw record at offset 84 is cut: 80 of its 84 octets came: "
                                      "it ended there"}));
  receiver_->stop();
  EXPECT_EQ(receiver_->counters().counted.packets, 1U);
}

TEST_F(RecordReceiverTest, LosesByNameWhatTheDrainDoesNotTakeAndRecovers) {
  const UniqueFd one = agent();
  std::string records;
  for (int i = 0; i < 1000; ++i) records += RawOctets{}.text();
  for (int i = 0; i < 40; ++i) send(one, records);  // nobody drains
  EXPECT_TRUE(eventually([&] { return receiver_->totals().records == 40'000; }));
  RecordTotals drained = drain(receiver_->records());
  EXPECT_LT(drained.records, 40'000U);
  send(one, records);
  EXPECT_TRUE(eventually([&] { return receiver_->totals().records == 41'000; }));
  drained += drain(receiver_->records());
  receiver_->stop();
  drained += drain(receiver_->records());
  const WorkerCounters& counters = receiver_->counters();
  const RecordTotals& lost = counters.lost[static_cast<std::size_t>(Loss::ring_full)];
  EXPECT_EQ(drained.records + lost.records, 41'000U);
  EXPECT_EQ(lost.records, 40'000 - (drained.records - 1000)) << "none of the last thousand";
  DrainTotals totals;
  totals.drained = {drained};
  totals.overflow.taken = totals.overflow.given = drained;
  EXPECT_TRUE(make_whole_ledger({}, {counters}, totals, {}, true).balanced());
}

TEST_F(RecordReceiverTest, LeavesASocketAloneThatSomebodyServesAndRemovesItsOwn) {
  const auto second = RecordReceiver::listen(path_);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().starts_with("--input records+unix:" + path_ + ": ")) << second.error();
  EXPECT_NE(second.error().find("name another socket"), std::string::npos) << second.error();
  EXPECT_TRUE(agent().valid());
  receiver_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  const auto nowhere = RecordReceiver::listen(folder_.path("no/agent.sock"));
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().find("bind: No such file or directory"), std::string::npos) << nowhere.error();
}

}  // namespace
}  // namespace weir::test::record_receiver_test
