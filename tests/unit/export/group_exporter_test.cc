// Groups: who gets the records, what happens to those that wait at a member that stops working, and that the books of
// the group and of its members balance at every step. Time is the test's, and members are queues that it empties.
#include "control/export/group_exporter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/export/export_uri.h"
#include "control/export/exporter_thread.h"
#include "control/export/group_members.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::group_exporter_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::balanced;
using test::lost;
using test::numbered_batch;
using test::totals_of_batch;

struct Scene {
  explicit Scene(GroupRule rule, std::size_t limit_octets = kQueueOctets, ExportMode mode = ExportMode::live) {
    std::vector<ExportQueue*> pointers;
    for (const char* const name : {"a", "b"}) {
      members.push_back(std::make_unique<ExportQueue>(name, limit_octets));
      members.back()->join_group();
      pointers.push_back(members.back().get());
    }
    books = std::make_shared<GroupBooks>(own, pointers);
    group = std::make_unique<GroupExporter>(rule, FlowChoice::Key{}, mode, books, own);
  }

  /// Offers records to the group and lets it take what it takes; returns how many.
  std::size_t offer(std::uint32_t from, std::uint32_t count) {
    EXPECT_TRUE(own.push(numbered_batch(from, count)));
    return take();
  }
  std::size_t take() {
    const std::size_t taken = group->take(own.wait_records(ExportClock::now(), 1U << 20), now);
    own.consumed(taken);
    expect_balance();
    return taken;
  }
  void tick_after(milliseconds time) {
    now += time;
    group->tick(now);
    expect_balance();
  }
  /// The member sends all that waits at it.
  void send(std::size_t member) {
    ExportQueue& queue = *members[member];
    for (RecordSpan records = queue.wait_records(ExportClock::now(), 1U << 20); !records.empty();
         records = queue.wait_records(ExportClock::now(), 1U << 20)) {
      const RecordTotals totals = totals_of(records);
      queue.consumed(records.size());
      queue.exported(totals, 1, 0);
    }
    expect_balance();
  }
  [[nodiscard]] ExporterSnapshot member(std::size_t index) const { return books->snapshots().members[index]; }
  void expect_balance() const {
    const GroupBooks::Snapshots all = books->snapshots();
    EXPECT_TRUE(balanced(all.group)) << "and so the members were given what the group gave";
    EXPECT_EQ(all.group.drained, own.snapshot().drained);
    for (const ExporterSnapshot& one : all.members) EXPECT_TRUE(balanced(one)) << one.name;
  }

  ExportQueue own{"out", kQueueOctets};
  std::vector<std::unique_ptr<ExportQueue>> members;
  std::shared_ptr<GroupBooks> books;
  std::unique_ptr<GroupExporter> group;
  ExportTime now = ExportClock::now();
};

TEST(Failover, GivesEverythingToTheFirstThatWorks) {
  Scene scene(GroupRule::failover);
  EXPECT_EQ(scene.offer(0, 100), 100U);
  EXPECT_EQ(scene.member(0).drained, totals_of_batch(*numbered_batch(0, 100)));
  EXPECT_EQ(scene.member(1).drained, RecordTotals{});
  EXPECT_EQ(scene.books->snapshots().group.queued.records, 100U) << "what waits at a member waits in the group";
  scene.send(0);
  EXPECT_EQ(scene.books->snapshots().group.exported, totals_of_batch(*numbered_batch(0, 100)));
  EXPECT_EQ(scene.books->snapshots().group.members, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(scene.member(1).group, "out");
}

TEST(Failover, TakesWhatWaitedAtAMemberToTheNext) {
  Scene scene(GroupRule::failover);
  scene.offer(0, 100);
  scene.offer(100, 50);
  scene.members[0]->set_connected(false, "gone");
  scene.tick_after(milliseconds(100));
  EXPECT_EQ(scene.member(0).drained, RecordTotals{});
  EXPECT_EQ(scene.member(0).queue_octets, 0U);
  EXPECT_EQ(scene.member(1).drained, totals_of_batch(*numbered_batch(0, 150)));
  scene.send(1);
  EXPECT_EQ(scene.books->snapshots().group.exported, totals_of_batch(*numbered_batch(0, 150)));
}

TEST(Failover, LeavesWhatIsInTheExportersHands) {
  Scene scene(GroupRule::failover);
  scene.offer(0, 100);
  const RecordSpan lent = scene.members[0]->wait_records(ExportClock::now(), 30);
  ASSERT_EQ(lent.size(), 30U);
  scene.members[0]->set_connected(false, "gone");
  scene.tick_after(milliseconds(100));
  EXPECT_EQ(scene.member(0).drained, totals_of_batch(*numbered_batch(0, 30)));
  EXPECT_EQ(scene.member(1).drained, totals_of_batch(*numbered_batch(30, 70)));
  EXPECT_EQ(lent[29]->source_port(), 29) << "still there to be read";
  // It took ten of them; the others wait again, and go the same way.
  scene.members[0]->consumed(10);
  scene.tick_after(milliseconds(100));
  EXPECT_EQ(scene.member(0).drained, totals_of_batch(*numbered_batch(0, 10)));
  EXPECT_EQ(scene.member(1).drained, totals_of_batch(*numbered_batch(10, 90)));
}

TEST(Failover, ComesBackWhenTheEarlierOneHasWorkedForTwoSecondsWithoutABreak) {
  Scene scene(GroupRule::failover);
  scene.offer(0, 1);
  scene.members[0]->set_connected(false, "gone");
  scene.tick_after(milliseconds(100));
  scene.members[0]->set_connected(true);
  scene.tick_after(milliseconds(100));
  scene.tick_after(milliseconds(1900));
  scene.offer(1, 10);
  EXPECT_EQ(scene.member(0).drained.records, 0U);
  EXPECT_EQ(scene.member(1).drained.records, 11U);
  // A break: the two seconds begin anew.
  scene.members[0]->set_connected(false, "gone again");
  scene.tick_after(milliseconds(50));
  scene.members[0]->set_connected(true);
  scene.tick_after(milliseconds(50));
  scene.tick_after(milliseconds(1999));
  scene.offer(20, 10);
  EXPECT_EQ(scene.member(0).drained.records, 0U);
  scene.tick_after(milliseconds(1));
  scene.offer(30, 10);
  EXPECT_EQ(scene.member(0).drained.records, 10U);
  EXPECT_EQ(scene.member(1).drained.records, 21U) << "what it got stays with it, since it works";
}

TEST(Failover, GivesNothingToACollectorThatRefuses) {
  Scene scene(GroupRule::failover);
  scene.members[0]->set_refused("nothing listens");
  scene.offer(0, 10);
  EXPECT_EQ(scene.member(1).drained.records, 10U);
}

TEST(Failover, LeavesAMemberAtWhichNothingMovesForTenSecondsUntilSomethingDoes) {
  Scene scene(GroupRule::failover);
  scene.offer(0, 100);
  // A collector that stopped reading: its exporter's buffer is full of ten records.
  ASSERT_EQ(scene.members[0]->wait_records(ExportClock::now(), 10).size(), 10U);
  scene.members[0]->consumed(10);
  scene.tick_after(milliseconds(1));
  scene.tick_after(milliseconds(9999));
  EXPECT_EQ(scene.member(0).queued.records, 100U);
  scene.tick_after(milliseconds(1));
  EXPECT_EQ(scene.member(0).queued.records, 10U);
  EXPECT_EQ(scene.member(1).queued.records, 90U);
  scene.tick_after(seconds(3));
  scene.offer(100, 1);
  EXPECT_EQ(scene.member(1).queued.records, 91U) << "up, but nothing has left it";
  scene.members[0]->exported(totals_of_batch(*numbered_batch(0, 10)), 1, 0);
  scene.tick_after(milliseconds(100));
  scene.tick_after(seconds(2));
  scene.offer(101, 1);
  EXPECT_EQ(scene.member(0).queued.records, 1U);
}

TEST(Failover, WaitsWhileNobodyWorksAndSaysSo) {
  Scene scene(GroupRule::failover);
  for (const auto& member : scene.members) member->set_connected(false, "gone");
  EXPECT_EQ(scene.offer(0, 10), 0U);
  EXPECT_EQ(scene.own.snapshot().state, "connecting: no member works");
  EXPECT_EQ(scene.group->leftover(), ExportLoss::not_connected);
  EXPECT_GT(scene.group->ready(), scene.now);
  scene.members[1]->set_connected(true);
  scene.tick_after(milliseconds(100));
  EXPECT_EQ(scene.own.snapshot().state, "up");
  EXPECT_EQ(scene.take(), 10U) << "at once, where no other one works";
  EXPECT_EQ(scene.member(1).drained.records, 10U);
}

TEST(Failover, WaitsForAWorkingMemberWhoseQueueIsFull) {
  Scene scene(GroupRule::failover, 1);
  scene.offer(0, 10);  // an empty queue takes any batch
  EXPECT_EQ(scene.offer(10, 10), 10U);
  EXPECT_EQ(scene.member(0).drained.records, 10U) << "the group holds the others";
  EXPECT_EQ(scene.offer(20, 10), 0U);
  scene.send(0);
  scene.tick_after(milliseconds(100));
  EXPECT_EQ(scene.member(0).drained.records, 20U);
  EXPECT_EQ(scene.books->snapshots().group.queued.records, 20U);
}

TEST(Failover, FailsWhenEveryMemberHasFailedAndNamesWhatIsLost) {
  Scene scene(GroupRule::failover, kQueueOctets, ExportMode::capture);
  scene.offer(0, 10);
  for (const auto& member : scene.members)
    member->fail("the collector closed the connection", ExportLoss::not_connected);
  scene.tick_after(milliseconds(100));
  ASSERT_TRUE(scene.group->failure().has_value());
  EXPECT_EQ(scene.group->failure()->why, "every member failed");
  scene.group->abandon(scene.group->failure()->loss);
  scene.expect_balance();
  EXPECT_EQ(lost(scene.books->snapshots().group, ExportLoss::not_connected).records, 10U);
}

TEST(Failover, IsNotDoneBeforeNothingWaitsAtAnyMember) {
  Scene scene(GroupRule::failover);
  scene.offer(0, 10);
  EXPECT_FALSE(scene.group->drain(scene.now)) << "the member may still stop working";
  scene.members[0]->set_connected(false, "gone");
  scene.now += milliseconds(100);
  EXPECT_FALSE(scene.group->drain(scene.now));
  EXPECT_EQ(scene.member(1).queued.records, 10U);
  scene.send(1);
  EXPECT_TRUE(scene.group->drain(scene.now));
}

TEST(Failover, LosesWhatItHoldsByNameAtTheDeadline) {
  Scene scene(GroupRule::failover);
  scene.offer(0, 10);
  for (const auto& member : scene.members) member->set_connected(false, "gone");
  scene.tick_after(milliseconds(100));
  scene.group->abandon(scene.group->leftover());
  scene.expect_balance();
  EXPECT_EQ(lost(scene.books->snapshots().group, ExportLoss::not_connected), totals_of_batch(*numbered_batch(0, 10)));
}

TEST(Balance, SharesFlowsOutAndGoesOnWithTheOtherOne) {
  Scene scene(GroupRule::balance);
  scene.offer(0, 1000);
  const std::uint64_t of_a = scene.member(0).drained.records;
  EXPECT_GT(of_a, 300U);
  EXPECT_LT(of_a, 700U);
  EXPECT_EQ(of_a + scene.member(1).drained.records, 1000U);
  scene.members[0]->set_connected(false, "gone");
  scene.tick_after(milliseconds(100));
  EXPECT_EQ(scene.member(1).drained.records, 1000U);
  scene.members[0]->set_connected(true);
  scene.tick_after(milliseconds(100));
  scene.tick_after(seconds(2));
  scene.send(1);
  scene.offer(0, 1000);
  EXPECT_EQ(scene.member(0).drained.records, of_a) << "the same flows come back";
}

TEST(Balance, LetsASlowMemberLoseItsShareAndHoldsUpNobody) {
  Scene scene(GroupRule::balance, 1);
  scene.offer(0, 1000);
  const std::uint64_t of_a = scene.member(0).drained.records;
  scene.send(1);
  EXPECT_EQ(scene.offer(0, 1000), 1000U);
  EXPECT_EQ(lost(scene.member(0), ExportLoss::queue_full).records, of_a);
  EXPECT_EQ(scene.member(1).drained.records, 2 * (1000 - of_a));
}

TEST(Balance, LosesNothingFromACapture) {
  Scene scene(GroupRule::balance, 1, ExportMode::capture);
  scene.offer(0, 1000);
  EXPECT_EQ(scene.offer(1000, 1000), 1000U);
  EXPECT_EQ(scene.offer(2000, 10), 0U) << "the group holds what its members have no room for";
  for (int i = 0; i < 3; ++i) {
    scene.send(0);
    scene.send(1);
    scene.tick_after(milliseconds(100));
  }
  EXPECT_EQ(scene.take(), 10U);
  EXPECT_EQ(scene.member(0).drained.records + scene.member(1).drained.records, 2010U);
  EXPECT_EQ(lost(scene.books->snapshots().group, ExportLoss::queue_full).records, 0U);
}

/// Sends what it takes at once, and keeps which records these were.
class KeepingExporter final : public Exporter {
 public:
  KeepingExporter(ExportQueue& books, std::vector<std::atomic<int>>& seen) : books_(books), seen_(seen) {}
  std::size_t take(RecordSpan records, ExportTime /*now*/) override {
    const RecordSpan some = records.first((records.size() + 1) / 2);
    for (const RecordView record : some) ++seen_[record->source_port()];
    books_.exported(totals_of(some), 1, 0);
    return some.size();
  }
  [[nodiscard]] ExportTime due() const override { return ExportTime::max(); }
  void tick(ExportTime /*now*/) override {}
  bool drain(ExportTime /*now*/) override { return true; }
  void abandon(ExportLoss /*loss*/) override {}

 private:
  ExportQueue& books_;
  std::vector<std::atomic<int>>& seen_;
};

TEST(Group, GivesEachRecordToOneMemberOnceWhoeverComesAndGoesAndBalancesAtEveryInstant) {
  constexpr std::uint32_t kRecords = 60'000;
  for (const GroupRule rule : {GroupRule::failover, GroupRule::balance}) {
    std::vector<std::atomic<int>> seen(kRecords);
    std::vector<ExportQueue*> queues;
    std::vector<std::unique_ptr<ExporterThread>> members;
    for (const char* const name : {"a", "b"}) {
      auto queue = std::make_unique<ExportQueue>(name, kQueueOctets);
      queue->join_group();
      queues.push_back(queue.get());
      auto exporter = std::make_unique<KeepingExporter>(*queue, seen);
      members.push_back(std::make_unique<ExporterThread>(std::move(queue), std::move(exporter)));
    }
    auto own = std::make_unique<ExportQueue>("out", kQueueOctets);
    ExportQueue& group_queue = *own;
    const auto books = std::make_shared<GroupBooks>(*own, queues);
    auto exporter = std::make_unique<GroupExporter>(rule, FlowChoice::Key{}, ExportMode::live, books, *own);
    ExporterThread group(std::move(own), std::move(exporter));

    std::atomic<bool> stop{false};
    std::thread comes_and_goes([&] {
      for (unsigned turn = 0; !stop; ++turn) queues[turn % 2]->set_connected(turn % 4 < 2, "gone");
    });
    int unbalanced = 0;
    for (std::uint32_t from = 0; from < kRecords; from += 100) {
      EXPECT_TRUE(group_queue.push(numbered_batch(from, 100)));
      const GroupBooks::Snapshots all = books->snapshots();
      unbalanced += balanced(all.group) && balanced(all.members[0]) && balanced(all.members[1]) ? 0 : 1;
    }
    stop = true;
    comes_and_goes.join();
    for (ExportQueue* const queue : queues) queue->set_connected(true);
    group_queue.close(ExportClock::now() + seconds(60));
    group.join();
    for (ExportQueue* const queue : queues) queue->close(ExportClock::now() + seconds(60));
    for (const auto& member : members) member->join();
    EXPECT_EQ(unbalanced, 0);
    EXPECT_EQ(books->snapshots().group.exported, totals_of_batch(*numbered_batch(0, kRecords)));
    EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](const auto& times) { return times == 1; }));
  }
}

std::string fault_of(const std::vector<std::string>& texts) {
  std::vector<ExportUri> uris;
  for (const std::string& text : texts) {
    auto uri = parse_export_uri(text);
    EXPECT_TRUE(uri) << uri.error();
    if (uri) uris.push_back(std::move(*uri));
  }
  const auto groups = groups_of(uris);
  return groups ? "" : uris[groups.error().uri].text + ": " + groups.error().what;
}

TEST(GroupMembers, AreExportersThatExistAndOfOneGroupOnly) {
  const std::string a = "json:/tmp/a?name=core-1";
  const std::string b = "json:/tmp/b?name=core-2";
  EXPECT_EQ(fault_of({"failover:core-1,core-2", a, b}), "") << "in any order";
  EXPECT_EQ(fault_of({a, b, "failover:core-1,cor-2"}),
            "failover:core-1,cor-2: no exporter has the name cor-2; did you mean core-2?");
  EXPECT_EQ(fault_of({"json:/tmp/a", "json:/tmp/b", "failover:x,y"}),
            "failover:x,y: no exporter has the name x; give one of them ?name=x");
  EXPECT_EQ(fault_of({a, b, "failover:core-1,core-2?name=f", "balance:f,core-2"}),
            "balance:f,core-2: f is a group itself; expected names of other exporters");
  EXPECT_EQ(fault_of({a, b, "failover:core-1,core-2", "balance:core-2,core-1"}),
            "balance:core-2,core-1: core-2 is a member of 'failover:core-1,core-2', too; expected one group for each "
            "exporter");
}

TEST(GroupMembers, AreTwoOrMoreAndEachNamedOnce) {
  const auto error_of = [](const std::string& text) { return parse_export_uri(text).error(); };
  EXPECT_EQ(error_of("failover:a"),
            "export 'failover:a': a group has two members or more; expected failover:NAME,NAME...");
  EXPECT_EQ(error_of("balance:a,b,a"), "export 'balance:a,b,a': a is named twice; expected each member once");
  EXPECT_EQ(error_of("balance:a,,b"), "export 'balance:a,,b': 'a,,b' has an empty name; expected balance:NAME,NAME...");
  EXPECT_EQ(error_of("failover:a,b?key=00"),
            "export 'failover:a,b?key=***': no option 'key'; failover has anonymise, name");
}

TEST(GroupMembers, GetOnlyWhatTheirGroupGivesThem) {
  const test::TemporaryFolder folder;
  auto hub = ExportHub::open({"balance:a,b?name=both", "protobuf:" + folder.path("a") + "?name=a",
                              "protobuf:" + folder.path("b") + "?name=b", "protobuf:" + folder.path("all")},
                             {});
  ASSERT_TRUE(hub) << hub.error();
  for (std::uint32_t i = 0; i < 20; ++i) (*hub)->offer(numbered_batch(i * 500, 500), true);
  EXPECT_TRUE((*hub)->finish(seconds(20)).empty());
  const std::vector<ExporterSnapshot> all = (*hub)->snapshot();
  const RecordTotals expected = totals_of_batch(*numbered_batch(0, 10'000));
  for (const ExporterSnapshot& one : all) EXPECT_TRUE(balanced(one)) << one.name;
  EXPECT_EQ(all[0].drained, expected);
  EXPECT_EQ(all[0].exported, expected);
  EXPECT_EQ(all[3].exported, expected);
  EXPECT_EQ(all[1].exported.records + all[2].exported.records, 10'000U);
  const RecordBatch a = test::records_in(test::content_of(folder.path("a")));
  const RecordBatch b = test::records_in(test::content_of(folder.path("b")));
  EXPECT_EQ(a.size(), all[1].exported.records);
  EXPECT_EQ(b.size(), all[2].exported.records);
  EXPECT_GT(a.size(), 3000U);
  EXPECT_GT(b.size(), 3000U);
}

}  // namespace
}  // namespace weir::group_exporter_test
