// Exporters that are added, removed and paused while records pass: who gets which records, and what the books say.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "control/export/export_hub.h"
#include "control/export/export_queue.h"
#include "control/export/loss.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::hub_change_test {
namespace {

using test::balanced;
using test::content_of;
using test::eventually;
using test::numbered_batch;
using test::TemporaryFolder;
using test::totals_of_batch;

constexpr std::chrono::seconds kLong{20};

/// A hub, and what it was given.
class Bench {
 public:
  explicit Bench(const std::vector<std::string>& uris, const ExportContext& how = {}) : context(how) {
    auto made = ExportHub::open(uris, context);
    EXPECT_TRUE(made) << made.error();
    hub = std::move(*made);
  }
  void offer(std::uint32_t first, std::uint32_t count) {
    const auto batch = numbered_batch(first, count);
    given += totals_of_batch(*batch);
    hub->offer(batch, false);
  }
  /// Error: nothing has changed.
  tl::expected<void, std::string> change(const std::vector<std::string>& uris) {
    auto prepared = hub->prepare_change(uris, context);
    if (!prepared) return tl::unexpected(prepared.error());
    hub->change(*prepared, {given});
    return {};
  }
  /// Of the exporter of this name, which must be there. Its equations hold.
  ExporterSnapshot of(const std::string& name) const {
    for (const ExporterSnapshot& one : hub->snapshot()) {
      if (one.name != name) continue;
      EXPECT_TRUE(balanced(one)) << name;
      EXPECT_EQ(one.drained, without(one.left_at.value_or(given), one.missed)) << name;
      return one;
    }
    ADD_FAILURE() << "no exporter " << name;
    return {};
  }

  ExportContext context;
  RecordTotals given;
  std::unique_ptr<ExportHub> hub;
};

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(HubChange, AnExporterGetsWhatComesWhileItIsThere) {
  const TemporaryFolder folder;
  const std::string a = "json:" + folder.path("a.json") + "?name=a";
  const std::string b = "json:" + folder.path("b.json") + "?name=b";
  Bench bench({a});
  bench.offer(0, 100);
  ASSERT_TRUE(bench.change({a, b}));
  bench.offer(100, 200);
  EXPECT_EQ(bench.of("b").drained.records, 200U);
  ASSERT_TRUE(bench.change({b}));
  bench.offer(300, 400);
  EXPECT_TRUE(bench.hub->close_removed(kLong).empty());
  EXPECT_EQ(lines(content_of(folder.path("a.json"))), 300U) << "all that it was offered is out";
  EXPECT_EQ(bench.of("a (removed)").exported.records, 300U);
  EXPECT_EQ(bench.of("a (removed)").state, "removed");
  ASSERT_TRUE(bench.change({a, b}));
  bench.offer(700, 50);
  EXPECT_EQ(bench.of("a").drained.records, 50U);
  ASSERT_TRUE(bench.change({b}));
  bench.hub->close_removed(kLong);
  EXPECT_EQ(bench.of("a (removed)").exported.records, 350U) << "both of this name, as one";
  EXPECT_EQ(bench.hub->snapshot().size(), 2U);
  EXPECT_TRUE(bench.hub->finish(kLong).empty());
  EXPECT_EQ(lines(content_of(folder.path("b.json"))), 650U);
  EXPECT_EQ(bench.of("b").exported.records, 650U);
}

TEST(HubChange, ThatCannotBeMadeChangesNothing) {
  const TemporaryFolder folder;
  const std::string a = "json:" + folder.path("a.json");
  Bench bench({a});
  bench.offer(0, 10);
  EXPECT_FALSE(bench.change({a, "json:" + folder.path("no/such/folder.json")}));
  EXPECT_FALSE(bench.change({a, "jsn:x"}));
  const auto same = bench.change({a, "protobuf:" + folder.path("a.json") + "?name=x"});
  ASSERT_FALSE(same);
  EXPECT_NE(same.error().find("remove it first"), std::string::npos) << same.error();
  EXPECT_TRUE(bench.hub->check_change({a, "json:" + folder.path("b.json")}, bench.context));
  EXPECT_FALSE(bench.hub->check_change({a, "jsn:x"}, bench.context));
  bench.offer(10, 10);
  EXPECT_EQ(bench.hub->snapshot().size(), 1U);
  EXPECT_TRUE(bench.hub->finish(kLong).empty());
  EXPECT_EQ(lines(content_of(folder.path("a.json"))), 20U);
  EXPECT_TRUE(content_of(folder.path("b.json")).empty()) << "only looked at";
}

TEST(HubChange, LeavesGroupsAsTheyAre) {
  const TemporaryFolder folder;
  const std::string a = "json:" + folder.path("a.json") + "?name=a";
  const std::string b = "json:" + folder.path("b.json") + "?name=b";
  const std::string c = "json:" + folder.path("c.json") + "?name=c";
  const std::string group = "failover:a,b?name=both";
  Bench bench({a, b, group});
  const auto without_group = bench.change({a, b});
  ASSERT_FALSE(without_group);
  EXPECT_NE(without_group.error().find("a group and its members change when weir is started again"), std::string::npos)
      << without_group.error();
  EXPECT_FALSE(bench.change({a, b, c, "failover:a,b,c?name=both"}));
  ASSERT_TRUE(bench.change({a, b, group, c})) << "beside them";
  bench.offer(0, 10);
  EXPECT_EQ(bench.of("c").drained.records, 10U);
  EXPECT_EQ(bench.of("both").drained.records, 10U);
  ASSERT_TRUE(bench.change({a, b, group}));
  bench.hub->close_removed(kLong);
  EXPECT_TRUE(bench.hub->finish(kLong).empty());
  EXPECT_EQ(bench.of("both").exported.records, 10U);
}

TEST(HubChange, APausedExporterLetsRecordsWaitUpToItsBound) {
  const TemporaryFolder folder;
  const std::string a = "json:" + folder.path("a.json") + "?name=a";
  const std::size_t batch_octets = ExportQueue::octets_of(*numbered_batch(0, 100));
  ExportContext context;
  context.queue_octets = batch_octets * 3;
  Bench bench({a}, context);
  EXPECT_FALSE(bench.hub->pause("b", true));
  ASSERT_TRUE(bench.hub->pause("a", true));
  for (std::uint32_t i = 0; i < 5; ++i) bench.offer(i * 100, 100);
  bench.hub->wait_for_room(batch_octets);  // which returns: nobody waits for a paused one
  ExporterSnapshot paused = bench.of("a");
  EXPECT_EQ(paused.state, "paused");
  EXPECT_EQ(paused.queued.records, 300U);
  EXPECT_EQ(test::lost(paused, ExportLoss::queue_full).records, 200U);
  ASSERT_TRUE(bench.hub->pause("a", false));
  EXPECT_TRUE(eventually([&] { return bench.of("a").exported.records == 300; }));
  EXPECT_EQ(bench.of("a").state, "up");
  ASSERT_TRUE(bench.hub->pause("a", true));
  bench.offer(500, 100);
  ASSERT_TRUE(bench.change({}));
  const std::vector<std::string> problems = bench.hub->close_removed(kLong);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0], "export 'a (removed)': 200 of 600 records lost (queue_full 200)");
  EXPECT_EQ(bench.of("a (removed)").exported.records, 400U) << "a removed one is flushed, paused or not";
}

}  // namespace
}  // namespace weir::hub_change_test
