// Names of collectors: asked for at each attempt to connect, without anybody waiting for the answer.
#include "control/export/lookup.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "control/export/export_uri.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::lookup_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::balanced;
using test::eventually;
using test::LoopbackSocket;
using test::lost;
using test::numbered_batch;
using test::totals_of_batch;

/// A name server of the test's own: answers with a port of loopback, or says that there is no such name.
class NameServer {
 public:
  void answer_with(std::uint16_t port) { state_->port = port; }
  [[nodiscard]] int asked() const { return state_->asked; }
  /// Answers wait until the future is ready.
  void wait_for(std::shared_future<void> release) { release_ = std::move(release); }
  [[nodiscard]] Resolver resolver() {
    return [state = state_, release = release_](const std::string& host, std::uint16_t /*port*/,
                                                int type) -> Lookup::Answer {
      ++state->asked;
      if (release.valid()) release.wait();
      if (state->port == 0) return tl::unexpected("cannot resolve host '" + host + "': nobody knows it");
      return resolve("127.0.0.1", state->port, type, Names::refused);
    };
  }

 private:
  struct State {
    std::atomic<std::uint16_t> port{0};
    std::atomic<int> asked{0};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();  ///< a lookup may outlive its exporter and its test
  std::shared_future<void> release_;
};

ExportContext context_with(NameServer& names, ExportMode mode = ExportMode::live) {
  ExportContext context;
  context.mode = mode;
  context.resolver = names.resolver();
  return context;
}

std::unique_ptr<ExportHub> open_hub(const std::vector<std::string>& uris, const ExportContext& context) {
  auto hub = ExportHub::open(uris, context);
  EXPECT_TRUE(hub) << hub.error();
  return hub ? std::move(*hub) : nullptr;
}

TEST(Lookup, OfAnAddressAsksNobody) {
  NameServer names;
  Lookup lookup({"192.0.2.7", 2055}, SOCK_DGRAM, names.resolver());
  EXPECT_FALSE(lookup.is_name());
  EXPECT_FALSE(lookup.answer(seconds(0))) << "nobody asked";
  lookup.start();
  const auto answer = lookup.answer(seconds(0));
  ASSERT_TRUE(answer && *answer);
  ASSERT_EQ((**answer).size(), 1U);
  EXPECT_EQ((**answer)[0].family(), AF_INET);
  EXPECT_EQ(names.asked(), 0);
}

TEST(Lookup, GivesEachAnswerOnce) {
  NameServer names;
  names.answer_with(7);
  Lookup lookup({"collector", 2055}, SOCK_DGRAM, names.resolver());
  EXPECT_TRUE(lookup.is_name());
  for (int i = 1; i <= 2; ++i) {
    lookup.start();
    lookup.start();
    EXPECT_TRUE(lookup.running());
    const auto answer = lookup.answer(seconds(20));
    EXPECT_TRUE(answer && *answer);
    EXPECT_FALSE(lookup.answer(seconds(0)));
    EXPECT_EQ(names.asked(), i) << "one question at a time";
  }
}

TEST(Lookup, OfANameThatDoesNotResolveLetsALiveExporterWaitAndACaptureFail) {
  for (const std::string scheme : {"netflow9", "netflow5", "ipfix", "ipfix+tcp", "protobuf+tcp"}) {
    SCOPED_TRACE(scheme);
    NameServer names;
    const std::string uri = scheme + "://collector:2055";
    const auto hub = open_hub({uri}, context_with(names));
    ASSERT_NE(hub, nullptr);
    hub->offer(numbered_batch(0, 100), false);
    EXPECT_TRUE(eventually([&] {
      return hub->snapshot()[0].state == "connecting: cannot resolve host 'collector': nobody knows it";
    })) << hub->snapshot()[0].state;
    EXPECT_EQ(hub->snapshot()[0].queued, totals_of_batch(*numbered_batch(0, 100)));
    static_cast<void>(hub->finish(milliseconds(20)));
    const ExporterSnapshot end = hub->snapshot()[0];
    EXPECT_EQ(lost(end, ExportLoss::not_connected), totals_of_batch(*numbered_batch(0, 100)));
    EXPECT_TRUE(balanced(end));

    const auto read = ExportHub::open({uri}, context_with(names, ExportMode::capture));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), "export '" + uri + "': cannot resolve host 'collector': nobody knows it");
  }
}

TEST(Lookup, IsMadeAgainUntilTheNameIsThere) {
  NameServer names;
  const LoopbackSocket udp(SOCK_DGRAM);
  const LoopbackSocket tcp(SOCK_STREAM);
  for (const bool stream : {false, true}) {
    NameServer late;
    const auto hub = open_hub({stream ? "protobuf+tcp://collector:1" : "netflow9://collector:1"}, context_with(late));
    ASSERT_NE(hub, nullptr);
    hub->offer(numbered_batch(0, 100), false);
    EXPECT_TRUE(eventually([&] { return late.asked() == 1; }));
    late.answer_with(stream ? tcp.port() : udp.port());
    const UniqueFd peer = stream ? tcp.accept() : UniqueFd();
    EXPECT_TRUE(eventually([&] { return hub->snapshot()[0].exported.records == 100; }));
    EXPECT_EQ(hub->snapshot()[0].state, "up");
    EXPECT_TRUE(hub->finish(seconds(10)).empty());
    EXPECT_TRUE(balanced(hub->snapshot()[0]));
  }
}

TEST(Lookup, ThatTakesForEverHoldsUpNeitherAnotherExporterNorTheEnd) {
  const test::TemporaryFolder folder;
  std::promise<void> release;
  NameServer names;
  names.wait_for(release.get_future().share());
  const auto hub = open_hub({"netflow9://collector:1", "ipfix+tcp://collector:1", "protobuf:" + folder.path("a.pb")},
                            context_with(names));
  ASSERT_NE(hub, nullptr);
  hub->offer(numbered_batch(0, 100), false);
  EXPECT_TRUE(eventually([&] { return hub->snapshot()[2].exported.records == 100; }));
  EXPECT_TRUE(eventually([&] { return names.asked() == 2; }));
  EXPECT_EQ(hub->snapshot()[0].state, "connecting");
  EXPECT_EQ(hub->snapshot()[1].state, "connecting");
  static_cast<void>(hub->finish(milliseconds(20)));  // returns, although both questions are still open
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(lost(hub->snapshot()[static_cast<std::size_t>(i)], ExportLoss::not_connected).records, 100U);
  }
  release.set_value();
}

TEST(Lookup, IsMadeForEachConnection) {
  const LoopbackSocket old_collector(SOCK_STREAM);
  const LoopbackSocket new_collector(SOCK_STREAM);
  NameServer names;
  names.answer_with(old_collector.port());
  const auto hub = open_hub({"protobuf+tcp://collector:1"}, context_with(names));
  ASSERT_NE(hub, nullptr);
  UniqueFd first = old_collector.accept();
  ASSERT_TRUE(first.valid());
  names.answer_with(new_collector.port());  // it has moved
  first.reset();
  const UniqueFd second = new_collector.accept();
  ASSERT_TRUE(second.valid());
  hub->offer(numbered_batch(0, 10), false);
  EXPECT_TRUE(hub->finish(seconds(10)).empty());
  EXPECT_EQ(test::records_in(test::read_stream(second.get())).size(), 10U);
  EXPECT_EQ(names.asked(), 2);
}

/// UDP without a thread: time is the test's.
TEST(Lookup, OfAUdpCollectorIsMadeOnceAMinuteAndSoonAfterARefusal) {
  auto old_collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
  const LoopbackSocket new_collector(SOCK_DGRAM);
  NameServer names;
  names.answer_with(old_collector->port());
  ExportQueue queue("ipfix", kQueueOctets);
  const auto uri = parse_export_uri("ipfix://collector:1");
  ASSERT_TRUE(uri);
  const ExportTime begin = ExportClock::now();
  auto opened = uri->request->open(context_with(names), queue);
  ASSERT_TRUE(opened) << opened.error();
  Exporter& exporter = **opened;
  EXPECT_TRUE(eventually([&] {
    exporter.tick(ExportClock::now());
    return queue.snapshot().state == "up";
  }));
  EXPECT_EQ(names.asked(), 1);
  EXPECT_GE(exporter.due(), begin + seconds(60));

  // A minute later the answer is the same: the socket stays.
  ExportTime now = exporter.due();
  const auto answered = [&] {
    return eventually([&] {
      now += milliseconds(50);
      exporter.tick(now);
      return exporter.due() > now + seconds(1);
    });
  };
  EXPECT_TRUE(answered());
  EXPECT_EQ(names.asked(), 2);

  const auto send = [&](std::uint32_t from) {
    queue.push(numbered_batch(from, 10));
    queue.consumed(exporter.take(queue.wait_records(ExportTime::max(), 10), now));
    exporter.tick(now + milliseconds(200));
  };
  send(0);
  EXPECT_FALSE(old_collector->receive(1000).empty());

  // The collector moves: refused, asked for again, found.
  old_collector.reset();
  now += seconds(10);
  send(10);
  EXPECT_TRUE(queue.snapshot().state.starts_with("refused: ")) << queue.snapshot().state;
  names.answer_with(new_collector.port());
  const ExportTime moved = now;
  std::vector<std::uint8_t> datagram;
  EXPECT_TRUE(eventually([&] {
    now += seconds(6);
    send(20);
    datagram = new_collector.receive(20);
    return !datagram.empty();
  }));
  EXPECT_LT(now - moved, seconds(60)) << "not only once a minute";
  EXPECT_EQ(queue.snapshot().state, "up");
  ASSERT_GT(datagram.size(), 18U);
  EXPECT_EQ(datagram[17], 2U) << "RFC 7011: the set with id 2 has templates, which it must see first";
  EXPECT_TRUE(balanced(queue.snapshot()));
  EXPECT_TRUE(exporter.drain(now));
}

}  // namespace
}  // namespace weir::lookup_test
