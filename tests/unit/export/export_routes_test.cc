// Which exporter gets the records of which monitor; the names and numbers that records carry there.
#include "control/export/export_routes.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <map>

#include "control/export/export_hub.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::export_routes_test {
namespace {

using test::content_of;
using test::LoopbackSocket;
using test::numbered_batch;
using test::TemporaryFolder;

constexpr std::chrono::seconds kLong{20};

std::shared_ptr<RecordBatch> batch_of(unsigned monitor, std::uint32_t first, std::uint32_t count) {
  auto batch = std::make_shared<RecordBatch>(*numbered_batch(first, count));
  for (std::uint32_t i = 0; i < count; ++i) batch->mutable_base(i).monitor = monitor & 0xf;
  return batch;
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

ExportContext two_monitors(std::vector<std::string> of_first, std::vector<std::string> of_second) {
  ExportContext context;
  context.monitors = {{"all", std::move(of_first)}, {"wide", std::move(of_second)}};
  return context;
}

TEST(ExportRoutes, ARecordGoesToTheExportersOfItsMonitorAndNamesItThere) {
  const TemporaryFolder folder;
  const std::string a = folder.path("a.json");
  const std::string w = folder.path("w.json");
  const std::string both = folder.path("both.json");
  const std::vector<std::string> uris{"json:" + a + "?name=a", "json:" + w + "?name=w", "json:" + both + "?name=both"};
  auto hub = ExportHub::open(uris, two_monitors({"a", "both"}, {"w", "both"}));
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(batch_of(0, 0, 10), true, 0);
  (*hub)->offer(batch_of(1, 100, 3), true, 1);
  EXPECT_TRUE((*hub)->finish(kLong).empty());
  const std::string all = R"(,"monitor":"all"})";
  const std::string wide = R"(,"monitor":"wide"})";
  EXPECT_EQ(count_of(content_of(a), all), 10U);
  EXPECT_EQ(count_of(content_of(a), wide), 0U);
  EXPECT_EQ(count_of(content_of(w), all), 0U);
  EXPECT_EQ(count_of(content_of(w), wide), 3U);
  EXPECT_EQ(count_of(content_of(both), all), 10U);
  EXPECT_EQ(count_of(content_of(both), wide), 3U);
  const std::vector<ExporterSnapshot> books = (*hub)->snapshot();
  ASSERT_EQ(books.size(), 3U);
  EXPECT_EQ(books[0].monitors, 1U);
  EXPECT_EQ(books[1].monitors, 2U);
  EXPECT_EQ(books[2].monitors, 3U);
  EXPECT_EQ(books[2].exported.records, 13U);
  for (const ExporterSnapshot& one : books) EXPECT_EQ(one.accounted(), one.drained) << one.name;
}

TEST(ExportRoutes, ARecordOfTheOnlyMonitorDoesNotNameIt) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.json");
  auto hub = ExportHub::open({"json:" + path}, {});
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(batch_of(0, 0, 5), true);
  EXPECT_TRUE((*hub)->finish(kLong).empty());
  EXPECT_EQ(count_of(content_of(path), "monitor"), 0U);
  EXPECT_EQ(count_of(content_of(path), "\n"), 5U);
}

/// The source id of each datagram, where its header has it, and how often it came.
std::map<std::uint32_t, unsigned> source_ids(const LoopbackSocket& socket, std::size_t at, std::size_t octets) {
  std::map<std::uint32_t, unsigned> ids;
  for (auto datagram = socket.receive(0); !datagram.empty(); datagram = socket.receive(0)) {
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < octets; ++i) id = id << 8 | datagram[at + i];
    ++ids[id];
  }
  return ids;
}

TEST(ExportRoutes, EachMonitorHasASourceIdOfItsOwnInNetflowAndIpfix) {
  struct Format {
    const char* scheme;
    std::size_t at;      ///< of the source id in the header
    std::size_t octets;  ///< RFC 3954 §5.1: 4 from 16; RFC 7011 §3.1: 4 from 12; v5: the engine id, one octet at 21
  };
  for (const Format& format : {Format{"netflow9", 16, 4}, Format{"ipfix", 12, 4}, Format{"netflow5", 21, 1}}) {
    const LoopbackSocket socket(SOCK_DGRAM);
    const std::string uri =
        std::string(format.scheme) + "://127.0.0.1:" + std::to_string(socket.port()) + "?source_id=7";
    auto hub = ExportHub::open({uri}, two_monitors({}, {}));
    ASSERT_TRUE(hub) << hub.error();
    (*hub)->offer(batch_of(0, 0, 10), true, 0);
    (*hub)->offer(batch_of(1, 100, 10), true, 1);
    EXPECT_TRUE((*hub)->finish(kLong).empty());
    const auto ids = source_ids(socket, format.at, format.octets);
    ASSERT_EQ(ids.size(), 2U) << format.scheme;
    EXPECT_TRUE(ids.contains(7)) << format.scheme << ": the first monitor's is that of the URI";
    EXPECT_TRUE(ids.contains(8)) << format.scheme << ": the second one's is one more";
    const std::vector<ExporterSnapshot> books = (*hub)->snapshot();
    ASSERT_EQ(books.size(), 2U) << "a stream for each";
    EXPECT_EQ(books[0].name, uri + " of all");
    EXPECT_EQ(books[1].name, uri + " of wide");
    EXPECT_EQ(books[1].exported.records, 10U);
  }
}

TEST(ExportRoutes, AnIpfixFileIsOfOneMonitor) {
  const TemporaryFolder folder;
  const std::string one = "ipfix:" + folder.path("a.ipfix") + "?source_id=7&name=a";
  const auto shared = ExportHub::open({one}, two_monitors({}, {}));
  ASSERT_FALSE(shared);
  EXPECT_NE(shared.error().find("several export to it; expected a file for each monitor"), std::string::npos)
      << shared.error();
  auto hub =
      ExportHub::open({one, "ipfix:" + folder.path("b.ipfix") + "?source_id=7&name=b"}, two_monitors({"a"}, {"b"}));
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(batch_of(0, 0, 10), true, 0);
  (*hub)->offer(batch_of(1, 100, 10), true, 1);
  EXPECT_TRUE((*hub)->finish(kLong).empty());
  // RFC 7011 section 3.1: the domain stands at octet 12 of a message.
  EXPECT_EQ(content_of(folder.path("a.ipfix")).at(15), 7);
  EXPECT_EQ(content_of(folder.path("b.ipfix")).at(15), 8) << "a monitor's place is added";
}

TEST(ExportRoutes, ANameThatNoExporterHasIsRefused) {
  const auto hub = ExportHub::open({"json:/dev/null?name=core"}, two_monitors({"core"}, {"cor"}));
  ASSERT_FALSE(hub);
  EXPECT_EQ(hub.error(), "monitor wide: export cor: no exporter has this name; did you mean core?");
}

TEST(ExportRoutes, TwoStreamsWithOneSourceIdAtOnePlaceAreRefused) {
  const std::string place = "netflow9://127.0.0.1:9995";
  const std::string x = place + "?source_id=1&name=x";
  const std::string y = place + "?source_id=2&name=y";
  // The first monitor's place is 0, the second one's 1: y has 2 + 0, and x has 1 + 1.
  const auto same = ExportHub::open({x, y}, two_monitors({"y"}, {"x"}));
  ASSERT_FALSE(same);
  EXPECT_NE(same.error().find("x has source id 2 there, too"), std::string::npos) << same.error();
  EXPECT_TRUE(ExportHub::open({x, y}, two_monitors({"x"}, {"y"})));
  const auto beyond = ExportHub::open({"netflow5://127.0.0.1:9995?source_id=255"}, two_monitors({}, {}));
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().find("source_id=255 and 1 more, the place of a monitor, is above 255"), std::string::npos)
      << beyond.error();
}

TEST(ExportRoutes, AGroupTakesTheRecordsOfItsMonitorsAndItsMembersThose) {
  const TemporaryFolder folder;
  const std::string a = folder.path("a.json");
  const std::string b = folder.path("b.json");
  const std::vector<std::string> uris{"failover:a,b?name=g", "json:" + a + "?name=a", "json:" + b + "?name=b",
                                      "json:/dev/null?name=none"};
  auto hub = ExportHub::open(uris, two_monitors({"g"}, {"none"}));
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(batch_of(0, 0, 10), true, 0);
  (*hub)->offer(batch_of(1, 100, 3), true, 1);
  EXPECT_TRUE((*hub)->finish(kLong).empty());
  EXPECT_EQ(count_of(content_of(a), R"("monitor":"all")") + count_of(content_of(b), R"("monitor":"all")"), 10U);
  EXPECT_EQ(count_of(content_of(a), R"("monitor":"wide")") + count_of(content_of(b), R"("monitor":"wide")"), 0U);
}

}  // namespace
}  // namespace weir::export_routes_test
