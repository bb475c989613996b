// Whole exporters behind the hub: files, pipes, a full disk, several at once.
#include "control/export/export_hub.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "control/export/export_queue.h"
#include "control/export/file_sink.h"
#include "control/export/record_sorter.h"
#include "proto/record/flow_json.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::export_hub_test {
namespace {

using test::balanced;
using test::content_of;
using test::eventually;
using test::LoopbackSocket;
using test::lost;
using test::numbered_batch;
using test::TemporaryFolder;
using test::totals_of_batch;

constexpr std::chrono::seconds kLong{20};

std::unique_ptr<ExportHub> open_hub(const std::vector<std::string>& uris, ExportMode mode = ExportMode::live,
                                    std::size_t queue_octets = kQueueOctets) {
  ExportContext context;
  context.mode = mode;
  context.queue_octets = queue_octets;
  auto hub = ExportHub::open(uris, context);
  EXPECT_TRUE(hub) << hub.error();
  return hub ? std::move(*hub) : nullptr;
}

std::string error_of(const std::vector<std::string>& uris, ExportMode mode = ExportMode::live) {
  ExportContext context;
  context.mode = mode;
  const auto hub = ExportHub::open(uris, context);
  EXPECT_FALSE(hub);
  return hub ? "" : hub.error();
}

std::string json_of(RecordSpan records) {
  std::string text;
  char line[kFlowJsonMaxOctets];
  for (const RecordView record : records) text.append(line, write_flow_json(line, record));
  return text;
}

TEST(ExportHub, SpeaksOfAnExporterByItsName) {
  const TemporaryFolder folder;
  const std::string named = "json:" + folder.path("a.json") + "?name=archive";
  const std::string plain = "json:" + folder.path("b.json");
  const auto hub = open_hub({named, plain});
  ASSERT_NE(hub, nullptr);
  const auto snapshot = hub->snapshot();
  ASSERT_EQ(snapshot.size(), 2U);
  EXPECT_EQ(snapshot[0].name, "archive");
  EXPECT_EQ(snapshot[0].uri, named);
  EXPECT_EQ(snapshot[1].name, plain);
  EXPECT_EQ(snapshot[1].uri, plain);
  EXPECT_TRUE(hub->finish(kLong).empty());
}

TEST(ExportHub, RefusesTwoExportersOfOneName) {
  const TemporaryFolder folder;
  const std::string first = "json:" + folder.path("a.json") + "?name=archive";
  const std::string second = "protobuf:" + folder.path("a.pb") + "?name=archive";
  EXPECT_EQ(error_of({first, second}),
            "export '" + second + "': '" + first + "' has the name archive, too; each exporter needs its own");
}

TEST(ExportHub, WritesTheSameRecordsToEveryExporter) {
  const TemporaryFolder folder;
  const auto hub = open_hub({"json:" + folder.path("a.json"), "protobuf:" + folder.path("a.pb")});
  RecordBatch all;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto batch = numbered_batch(i * 500, 500);
    all.append(batch->span());
    hub->offer(batch, true);
  }
  EXPECT_TRUE(hub->finish(kLong).empty());
  EXPECT_TRUE(content_of(folder.path("a.json")) == json_of(all.span()));
  const RecordBatch records = test::records_in(content_of(folder.path("a.pb")));
  EXPECT_TRUE(test::same_records(records.span(), all.span()));
  for (const ExporterSnapshot& snapshot : hub->snapshot()) {
    EXPECT_EQ(snapshot.exported, totals_of_batch(all));
    EXPECT_TRUE(balanced(snapshot));
    EXPECT_EQ(snapshot.lost.size(), kExportLossCount);
  }
}

TEST(ExportHub, DoesWithoutExporters) {
  const auto hub = open_hub({});
  hub->offer(numbered_batch(0, 5), true);
  EXPECT_TRUE(hub->snapshot().empty());
  EXPECT_TRUE(hub->finish(kLong).empty());
}

TEST(ExportHub, WritesWhatItHasAfterAMomentWithoutBeingClosed) {
  const TemporaryFolder folder;
  const auto hub = open_hub({"json:" + folder.path("a.json")});
  hub->offer(numbered_batch(0, 3), false);
  EXPECT_TRUE(eventually([&] { return hub->snapshot()[0].exported.records == 3; }));
  EXPECT_TRUE(content_of(folder.path("a.json")) == json_of(numbered_batch(0, 3)->span()));
}

TEST(ExportHub, LetsADeadCollectorHoldUpNobody) {
  const TemporaryFolder folder;
  std::uint16_t udp_port = 0;
  std::uint16_t tcp_port = 0;
  {
    const LoopbackSocket udp(SOCK_DGRAM);
    const LoopbackSocket tcp(SOCK_STREAM);
    udp_port = udp.port();
    tcp_port = tcp.port();
  }
  const auto hub = open_hub({fmt::format("netflow9://127.0.0.1:{}", udp_port),
                             fmt::format("protobuf+tcp://127.0.0.1:{}", tcp_port), "json:" + folder.path("a.json")},
                            ExportMode::live, 10 * ExportQueue::octets_of(*numbered_batch(0, 100)));
  RecordBatch all;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const auto batch = numbered_batch(i * 100, 100);
    all.append(batch->span());
    hub->offer(batch, true);
  }
  EXPECT_TRUE(eventually([&] { return hub->snapshot()[2].exported.records == all.size(); }));
  const std::vector<std::string> problems = hub->finish(std::chrono::milliseconds(300));
  const std::vector<ExporterSnapshot> snapshots = hub->snapshot();
  for (const ExporterSnapshot& snapshot : snapshots) {
    EXPECT_EQ(snapshot.drained, totals_of_batch(all));
    EXPECT_TRUE(balanced(snapshot));
  }
  EXPECT_EQ(lost(snapshots[0], ExportLoss::unreachable), totals_of_batch(all));
  EXPECT_EQ(lost(snapshots[1], ExportLoss::queue_full).records, all.size() - 1000);
  EXPECT_EQ(lost(snapshots[1], ExportLoss::not_connected).records, 1000U);
  EXPECT_TRUE(content_of(folder.path("a.json")) == json_of(all.span()));
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_NE(problems[0].find("5000 of 5000 records lost (unreachable 5000)"), std::string::npos) << problems[0];
}

TEST(ExportHub, SortsTheJsonOfACapture) {
  const TemporaryFolder folder;
  const auto hub = open_hub({"json:" + folder.path("a.json"), "protobuf:" + folder.path("a.pb")}, ExportMode::capture);
  std::vector<FlowRecord> all = test::numbered_records(0, 10'000);
  std::shuffle(all.begin(), all.end(), std::mt19937_64(1));
  const auto batch = std::make_shared<const RecordBatch>(test::batch_of(all));
  const RecordTotals totals = totals_of_batch(*batch);
  hub->offer(batch, true);
  EXPECT_TRUE(eventually([&] { return hub->snapshot()[1].exported == totals; }));
  EXPECT_EQ(hub->snapshot()[0].queued, totals);  // held until the last one is there
  EXPECT_EQ(content_of(folder.path("a.json")), "");
  EXPECT_TRUE(hub->finish(kLong).empty());
  EXPECT_EQ(hub->snapshot()[0].exported, totals);
  std::sort(all.begin(), all.end(), record_precedes);
  EXPECT_TRUE(content_of(folder.path("a.json")) == json_of(test::batch_of(all).span()));
}

TEST(ExportHub, LosesWhatIsNotSortedAtTheDeadlineByName) {
  const TemporaryFolder folder;
  const auto hub = open_hub({"json:" + folder.path("a.json")}, ExportMode::capture);
  hub->offer(numbered_batch(0, 1000), true);
  const std::vector<std::string> problems = hub->finish(std::chrono::milliseconds(0));
  EXPECT_EQ(problems.size(), 1U);
  EXPECT_EQ(lost(hub->snapshot()[0], ExportLoss::shutdown), totals_of_batch(*numbered_batch(0, 1000)));
  EXPECT_TRUE(balanced(hub->snapshot()[0]));
}

/// Long enough for all that can leave; what waits for room live is given up then.
std::chrono::milliseconds until_given_up(ExportMode mode) {
  return mode == ExportMode::live ? std::chrono::milliseconds(500) : kLong;
}

TEST(ExportHub, SaysThatADeviceIsFull) {
  for (const ExportMode mode : {ExportMode::live, ExportMode::capture}) {
    const auto hub = open_hub({"json:/dev/full"}, mode);
    hub->offer(numbered_batch(0, 1000), true);
    const std::vector<std::string> problems = hub->finish(until_given_up(mode));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0], fmt::format("export 'json:/dev/full': {}: /dev/full: No space left on device; "
                                       "1000 of 1000 records lost (send_failed 1000)",
                                       mode == ExportMode::live ? "connecting" : "failed"));
    EXPECT_EQ(lost(hub->snapshot()[0], ExportLoss::send_failed), totals_of_batch(*numbered_batch(0, 1000)));
    EXPECT_TRUE(balanced(hub->snapshot()[0]));
  }
}

/// Files may grow to so many octets and no further: what a full disk does, without one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t octets) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{octets, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(ExportHub, LeavesWholeRecordsOnlyInAFileThatCannotGrow) {
  for (const ExportMode mode : {ExportMode::live, ExportMode::capture}) {
    const TemporaryFolder folder;
    const auto hub = open_hub({"json:" + folder.path("a.json"), "protobuf:" + folder.path("a.pb")}, mode);
    const auto batch = numbered_batch(0, 20'000);
    std::vector<std::string> problems;
    {
      const FileSizeLimit limit(400'000);  // SIGXFSZ is not ignored here: the exporters' threads block it
      hub->offer(batch, true);
      problems = hub->finish(until_given_up(mode));
    }
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_NE(problems[0].find("File too large"), std::string::npos) << problems[0];
    const std::vector<ExporterSnapshot> snapshots = hub->snapshot();

    const std::string json = content_of(folder.path("a.json"));
    EXPECT_TRUE(json == json_of(batch->span().first(snapshots[0].exported.records)));
    EXPECT_GT(json.size() + kFlowJsonMaxOctets, 400'000U);  // and no whole record was thrown away that had its place

    const RecordBatch records = test::records_in(content_of(folder.path("a.pb")));
    EXPECT_EQ(records.size(), snapshots[1].exported.records);
    EXPECT_GT(records.size(), 1000U);
    for (const ExporterSnapshot& snapshot : snapshots) {
      EXPECT_TRUE(snapshot.state.starts_with(mode == ExportMode::live ? "connecting: " : "failed: ")) << snapshot.state;
      EXPECT_EQ(snapshot.drained, totals_of_batch(*batch));
      EXPECT_EQ(snapshot.exported.records + lost(snapshot, ExportLoss::send_failed).records, batch->size());
      EXPECT_TRUE(balanced(snapshot));
    }
  }
}

TEST(ExportHub, SurvivesAPipeWhoseReaderGoes) {
  const TemporaryFolder folder;
  const std::string fifo = folder.path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const auto hub = open_hub({"protobuf:" + fifo});
  hub->offer(numbered_batch(0, 100), false);
  EXPECT_TRUE(eventually([&] { return hub->snapshot()[0].exported.records == 100; }));
  reader.reset();
  hub->offer(numbered_batch(100, 100), false);
  const std::vector<std::string> problems = hub->finish(std::chrono::milliseconds(500));  // and no SIGPIPE
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("Broken pipe"), std::string::npos) << problems[0];
  EXPECT_EQ(lost(hub->snapshot()[0], ExportLoss::send_failed), totals_of_batch(*numbered_batch(100, 100)));
  EXPECT_TRUE(balanced(hub->snapshot()[0]));
}

TEST(ExportHub, IsNotHeldUpByAPipeThatNobodyEmpties) {
  const TemporaryFolder folder;
  const std::string fifo = folder.path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const auto hub = open_hub({"json:" + fifo});
  hub->offer(numbered_batch(0, 10'000), false);
  const std::vector<std::string> problems = hub->finish(std::chrono::milliseconds(100));
  EXPECT_EQ(problems.size(), 1U);
  EXPECT_GT(lost(hub->snapshot()[0], ExportLoss::shutdown).records, 0U);
  EXPECT_TRUE(balanced(hub->snapshot()[0]));
}

TEST(ExportHub, SendsToAUnixSocket) {
  const TemporaryFolder folder;
  const std::string path = folder.path("s");
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  const auto hub = open_hub({"protobuf+unix://" + path}, ExportMode::capture);
  const UniqueFd peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  hub->offer(numbered_batch(0, 100), true);
  std::string stream;
  std::thread reader([&] { stream = test::read_stream(peer.get()); });
  EXPECT_TRUE(hub->finish(kLong).empty());
  reader.join();
  EXPECT_EQ(test::records_in(stream).size(), 100U);
}

TEST(ExportHub, LosesABatchForWhichThereIsNoRoomWhenItMayNotWait) {
  std::uint16_t port = 0;
  {
    const LoopbackSocket tcp(SOCK_STREAM);
    port = tcp.port();
  }
  const auto hub = open_hub({fmt::format("protobuf+tcp://127.0.0.1:{}", port)}, ExportMode::live, 64);
  hub->offer(numbered_batch(0, 64), false);
  hub->offer(numbered_batch(64, 36), false);
  const ExporterSnapshot snapshot = hub->snapshot()[0];
  EXPECT_EQ(snapshot.queued, totals_of_batch(*numbered_batch(0, 64)));
  EXPECT_EQ(lost(snapshot, ExportLoss::queue_full), totals_of_batch(*numbered_batch(64, 36)));
  EXPECT_TRUE(balanced(snapshot));
}

TEST(ExportHub, SaysWhatCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of({"json:" + folder.folder().string()}),
            fmt::format("export 'json:{0}': cannot write file '{0}': Is a directory", folder.folder().string()));
  EXPECT_EQ(error_of({"json:/nonexistent/a"}),
            "export 'json:/nonexistent/a': cannot write file '/nonexistent/a': No such file or directory");
  const std::string fifo = folder.path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_NE(error_of({"json:" + fifo}).find("(a FIFO that nobody reads)"), std::string::npos);
  // RFC 6761 section 6.4: names below .invalid never resolve.
  EXPECT_NE(error_of({"netflow9://collector.invalid:2055"}, ExportMode::capture)
                .find("cannot resolve host 'collector.invalid'"),
            std::string::npos);
  std::uint16_t port = 0;
  {
    const LoopbackSocket tcp(SOCK_STREAM);
    port = tcp.port();
  }
  EXPECT_EQ(error_of({fmt::format("protobuf+tcp://127.0.0.1:{}", port)}, ExportMode::capture),
            fmt::format("export 'protobuf+tcp://127.0.0.1:{0}': cannot connect to 127.0.0.1:{0}: Connection refused; "
                        "start the collector first",
                        port));
  EXPECT_NE(error_of({"protobuf+unix:///nonexistent/s"}, ExportMode::capture).find("No such file or directory"),
            std::string::npos);
}

TEST(ExportHub, RefusesTwoExportersOnOneOutputAndEmptiesNoFileThen) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of({"json:-", "protobuf:-"}),
            "export 'protobuf:-': standard output is taken by 'json:-'; name a file");
  const std::string file = folder.path("a");
  std::ofstream(file) << "precious";
  std::filesystem::create_symlink(file, folder.path("b"));
  EXPECT_EQ(error_of({"json:" + file, "protobuf:" + folder.path("b")}),
            fmt::format("export 'protobuf:{}': the same file as 'json:{}'; each exporter needs its own",
                        folder.path("b"), file));
  EXPECT_EQ(content_of(file), "precious");
  EXPECT_NE(error_of({"json:" + file, "bad:"}), "");
  EXPECT_EQ(content_of(file), "precious");
}

TEST(ExportHub, WritesToNoFileThatIsRead) {
  const TemporaryFolder folder;
  const std::string input = folder.path("in.pcap");
  std::ofstream(input) << "precious";
  std::filesystem::create_hard_link(input, folder.path("link"));
  ExportContext context;
  context.inputs = {folder.path("absent"), input};
  for (const std::string& output : {input, folder.path("link")}) {
    const auto hub = ExportHub::open({"protobuf:" + folder.path("other"), "json:" + output}, context);
    ASSERT_FALSE(hub);
    EXPECT_EQ(hub.error(),
              fmt::format("export 'json:{}': that is the input {} itself; name another file", output, input));
    EXPECT_EQ(content_of(input), "precious");
  }
}

TEST(ExportHub, LeavesAFileAloneThatAnotherProgramWrites) {
  const TemporaryFolder folder;
  const std::string file = folder.path("a");
  std::ofstream(file) << "of another program";
  std::ofstream(folder.path("b")) << "of an earlier run";
  {
    auto other = FileSink::open(file);
    ASSERT_TRUE(other && other->lock());
    for (const char* const scheme : {"json", "protobuf"}) {
      EXPECT_EQ(error_of({"json:" + folder.path("b"), fmt::format("{}:{}", scheme, file)}),
                fmt::format("export '{}:{}': another program writes to the file and holds its lock; name another file",
                            scheme, file));
    }
    EXPECT_EQ(content_of(file), "of another program");
    EXPECT_EQ(content_of(folder.path("b")), "of an earlier run") << "nor does it empty the others";
  }
  EXPECT_TRUE(open_hub({"json:" + file})->finish(kLong).empty());
  EXPECT_EQ(content_of(file), "") << "the lock went with the other program";
}

TEST(ExportHub, EmptiesTheFileOfAnEarlierRun) {
  const TemporaryFolder folder;
  const std::string file = folder.path("a");
  std::ofstream(file) << std::string(100'000, 'x');
  const auto hub = open_hub({"json:" + file});
  EXPECT_EQ(content_of(file), "");
  hub->offer(numbered_batch(0, 1), true);
  EXPECT_TRUE(hub->finish(kLong).empty());
  EXPECT_TRUE(content_of(file) == json_of(numbered_batch(0, 1)->span()));
}

TEST(ExportHub, BalancesAtEveryInstantForEveryExporter) {
  const TemporaryFolder folder;
  const LoopbackSocket udp(SOCK_DGRAM);
  const LoopbackSocket tcp(SOCK_STREAM);
  const auto hub = open_hub(
      {fmt::format("netflow9://127.0.0.1:{}?rate=20000", udp.port()),
       fmt::format("protobuf+tcp://127.0.0.1:{}", tcp.port()), "json:" + folder.path("a.json"), "protobuf:/dev/full"},
      ExportMode::live, 500);
  const UniqueFd peer = tcp.accept();  // and reads nothing
  std::atomic<bool> done{false};
  std::atomic<int> unbalanced{0};
  std::thread observer([&] {
    while (!done) {
      for (const ExporterSnapshot& snapshot : hub->snapshot()) unbalanced += balanced(snapshot) ? 0 : 1;
    }
  });
  for (std::uint32_t i = 0; i < 300; ++i) hub->offer(numbered_batch(i * 100, 100), false);
  hub->finish(std::chrono::milliseconds(200));
  done = true;
  observer.join();
  EXPECT_EQ(unbalanced, 0);
  for (const ExporterSnapshot& snapshot : hub->snapshot()) {
    EXPECT_EQ(snapshot.drained, totals_of_batch(*numbered_batch(0, 30'000))) << snapshot.uri;
    EXPECT_EQ(snapshot.queued, RecordTotals{}) << snapshot.uri;
    EXPECT_TRUE(balanced(snapshot)) << snapshot.uri;
  }
}

}  // namespace
}  // namespace weir::export_hub_test
