// The metric `icmp`: which flow is told of an ICMP error, what becomes of quotes without a flow, and that
// none of it depends on who received the error. With --icmp-close, which errors end a flow.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "dataplane/input/pcap_filter.h"
#include "dataplane/metric/icmp.h"
#include "dataplane/offline_meter.h"
#include "dataplane/packet/parser.h"
#include "dataplane/worker.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/icmp_errors.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"

namespace weir::test::icmp_metric_test {
namespace {

const KeyHash kHash({1, 2, 3, 4, 5, 6});

Metrics only_icmp(bool close = false) {
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if (Metrics::kInfos[i].name != "icmp") continue;
    Metrics metrics(std::uint32_t{1} << i);
    metrics.settings.icmp_close = close;
    return metrics;
  }
  ADD_FAILURE() << "no metric is called icmp";
  return {};
}

enum class Way : std::uint8_t {
  capture,    ///< from one reader, as in `weir read`
  any_queue,  ///< each to some worker, which hands it over: --rss ports
  addresses,  ///< both directions of a conversation to one worker, as the device spreads addresses
};

struct TimedFrame {
  std::uint64_t ns;
  Bytes octets;
};

struct Outcome {
  std::vector<std::string> records;  ///< octets, sorted
  RecordBatch batch;
  std::array<std::uint64_t, kIcmpQuoteCount> quotes{};
  std::uint64_t counted = 0;

  [[nodiscard]] std::uint64_t of(IcmpQuote what) const { return quotes[static_cast<std::size_t>(what)]; }
  void add(const WorkerCounters& c, RecordRing& ring) {
    for (std::size_t i = 0; i < kIcmpQuoteCount; ++i) quotes[i] += c.icmp_quotes[i];
    counted += c.counted.packets;
    RecordTotals out = c.emitted;
    for (const RecordTotals& lost : c.lost) out += lost;
    EXPECT_EQ(c.counted.packets, out.packets) << "the ledger balances: nothing is in the table any more";
    EXPECT_EQ(c.counted_ip_octets, out.octets);
    EXPECT_EQ(c.in_table, RecordTotals{});
    EXPECT_EQ(c.handover_full, PacketCount{});
    batch.append(take_batch(ring).span());
  }
  void sort() { records = octets_of(batch); }
};

FlowSettings settings_with(const Metrics& metrics) {
  FlowSettings settings;
  settings.metrics = metrics;
  settings.timeouts.idle_ns = 1_s;
  settings.timeouts.active_ns = 5_s;
  return settings;
}

Outcome read_capture(const std::vector<TimedFrame>& frames, unsigned workers, const FlowSettings& settings,
                     const FlowFilter* filter = nullptr) {
  OfflineOptions options{settings};
  options.workers = workers;
  options.max_flows = 16'384;
  options.filter = filter;
  OfflineMeter meter(options, kHash);
  Outcome outcome;
  std::atomic<bool> done = false;
  std::thread consumer([&] {  // with all metrics the records of one ring are longer than it
    for (bool last = false; !last;) {
      last = done.load();
      for (unsigned i = 0; i < workers; ++i) outcome.batch.append(take_batch(meter.records(i)).span());
      std::this_thread::yield();
    }
  });
  for (const TimedFrame& frame : frames) meter.add(view_of(frame.octets, frame.ns));
  meter.finish();
  done = true;
  consumer.join();
  for (unsigned i = 0; i < workers; ++i) outcome.add(meter.counters(i), meter.records(i));
  outcome.sort();
  return outcome;
}

Outcome run_workers(const std::vector<TimedFrame>& frames, unsigned workers, Way way, const FlowSettings& settings) {
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options{settings};
    options.number = number;
    options.workers = workers;
    options.capacity = 16'384;
    if (workers > 1) (way == Way::any_queue ? options.handover : options.icmp_mesh) = &mesh;
    all.push_back(std::make_unique<Worker>(options, kHash));
  }
  Parser parser;
  FrameList nothing;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ParsedPacket packet{};
    EXPECT_EQ(parser.parse(view_of(frames[i].octets, frames[i].ns), packet), Reject::none);
    packet.key.port_low = packet.key.port_high = packet.key.protocol = 0;
    const auto by_addresses = static_cast<unsigned>(kHash(packet.key) % workers);
    FrameList source;
    source.ingress_interface = 0;  // as of a capture
    source.frames.push_back(frames[i].octets);
    all[way == Way::any_queue ? i * 7 % workers : by_addresses]->poll(source, frames[i].ns);
    for (unsigned turn = 0; turn < workers; ++turn) {  // a quote goes round all of them
      for (auto& worker : all) worker->poll(nothing, frames[i].ns);
    }
  }
  Outcome outcome;
  for (auto& worker : all) {
    worker->drain(frames.back().ns);
    outcome.add(worker->counters(), worker->records());
  }
  outcome.sort();
  return outcome;
}

Outcome run(const std::vector<TimedFrame>& frames, unsigned workers, Way way, const FlowSettings& settings) {
  return way == Way::capture ? read_capture(frames, workers, settings) : run_workers(frames, workers, way, settings);
}

const IcmpSection* icmp_of(RecordView record) {
  return record.find<IcmpSection>();
}

TEST(IcmpMetric, CountsTheErrorsOfEachDirectionBesideTheFlowsPackets) {
  const Bytes ask = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(12).bytes();
  const Bytes answer = packet().ipv4("10.0.0.2", "10.0.0.1").udp(53, 1000).payload(1200).bytes();
  const auto frame_of = [](const Bytes& ip) { return packet().eth().header(ip).ether_type(0x0800).bytes(); };
  std::vector<TimedFrame> frames;
  const auto add = [&](Bytes frame) { frames.push_back({kEpochNs + frames.size() * 1_ms, std::move(frame)}); };
  add(frame_of(ask));
  add(frame_of(answer));
  add(icmp_error_frame({"10.8.8.8", "10.0.0.2", 3, 4, 576}, answer));
  add(icmp_error_frame({"10.8.8.8", "10.0.0.2", 3, 4, 0}, answer));  // RFC 1191 §3: an old router names none
  add(icmp_error_frame({"10.9.9.9", "10.0.0.1", 11, 0}, ask));
  add(icmp_error_frame({"10.0.0.2", "10.0.0.1", 3, 3}, ask));
  for (const Way way : {Way::capture, Way::any_queue, Way::addresses}) {
    const Outcome outcome = run(frames, 1, way, settings_with(only_icmp()));
    EXPECT_EQ(outcome.counted, 6U) << "the errors are packets like any other";
    EXPECT_EQ(outcome.of(IcmpQuote::told), 4U);
    ASSERT_EQ(outcome.batch.size(), 4U) << "the flow, and those of three senders of errors";
    unsigned quoted = 0;
    for (const RecordView record : outcome.batch) {
      if (record->protocol == 1) {
        EXPECT_EQ(icmp_of(record), nullptr) << "nobody quotes an error";
        continue;
      }
      ++quoted;
      EXPECT_EQ(record->packets[kForward], 1U);
      EXPECT_EQ(record->packets[kReverse], 1U);
      EXPECT_EQ(record->end_reason, EndReason::forced_end) << "errors do not end it";
      EXPECT_EQ(record->last_ns[kReverse], kEpochNs + 1_ms) << "and are no packets of it";
      const IcmpSection* const icmp = icmp_of(record);
      ASSERT_NE(icmp, nullptr);
      EXPECT_EQ(icmp->errors[kForward], 2U);
      EXPECT_EQ(icmp->type[kForward], 3);
      EXPECT_EQ(icmp->code[kForward], 3);
      EXPECT_EQ(icmp->mtu[kForward], 0U);
      EXPECT_EQ(icmp->errors[kReverse], 2U);
      EXPECT_EQ(icmp->type[kReverse], 3);
      EXPECT_EQ(icmp->code[kReverse], 4);
      EXPECT_EQ(icmp->mtu[kReverse], 576U) << "the last one that was named";
    }
    EXPECT_EQ(quoted, 1U);
  }
}

TEST(IcmpMetric, AQuoteWithoutAFlowIsNamedAndLosesNoPacket) {
  const Bytes known = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes();
  const Bytes unknown = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1001, 53).bytes();
  const ErrorFrame error{"10.9.9.9", "10.0.0.1", 3, 1};
  std::vector<TimedFrame> frames = {
      {kEpochNs, icmp_error_frame(error, known)},  // before the flow
      {kEpochNs + 1, packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes()},
      {kEpochNs + 2, icmp_error_frame(error, unknown)},
      {kEpochNs + 3, icmp_error_frame(error, cut_to(known, 20))},
      {kEpochNs + 4, icmp_error_frame(error, known)},
      {kEpochNs + 1_s + 1, icmp_error_frame(error, known)},  // the gap is the idle timeout, and not greater
      {kEpochNs + 1_s + 2, icmp_error_frame(error, known)},  // now it is, and the timer's tick is yet to come
      {kEpochNs + 3_s, icmp_error_frame(error, known)},      // long after it
  };
  for (const Way way : {Way::capture, Way::any_queue, Way::addresses}) {
    for (const unsigned workers : {1U, 2U, 4U}) {
      SCOPED_TRACE(workers);
      const Outcome outcome = run(frames, workers, way, settings_with(only_icmp()));
      EXPECT_EQ(outcome.counted, frames.size());
      EXPECT_EQ(outcome.of(IcmpQuote::told), 2U);
      EXPECT_EQ(outcome.of(IcmpQuote::no_flow), 4U);
      EXPECT_EQ(outcome.of(IcmpQuote::unreadable), 1U);
      EXPECT_EQ(outcome.of(IcmpQuote::handover_full), 0U);
      std::uint64_t errors = 0;
      for (const RecordView record : outcome.batch) {
        if (const IcmpSection* const icmp = icmp_of(record)) errors += icmp->errors[kForward];
      }
      EXPECT_EQ(errors, 2U);
    }
  }
}

TEST(IcmpMetric, IsToldOfThePacketsThatTheKeyJoins) {
  const auto ask = [](unsigned vlan, const char* from, unsigned port) {
    return packet().eth().vlan(vlan).ipv4(from, "10.7.0.2").udp(port, 53);
  };
  const Bytes quoted = packet().ipv4("10.1.0.9", "10.7.0.2").udp(1000, 53).bytes();
  const std::vector<TimedFrame> frames = {
      {kEpochNs, ask(5, "10.1.0.1", 9).bytes()},
      {kEpochNs + 1, ask(6, "10.1.0.1", 9).bytes()},
      {kEpochNs + 2, icmp_error(packet().eth().vlan(6), {"10.9.9.9", "10.1.0.9", 3, 1}, quoted).bytes()},
  };
  FlowSettings settings = settings_with(only_icmp());
  settings.key.source_prefix4 = settings.key.destination_prefix4 = 24;
  settings.key.source_port = settings.key.destination_port = false;
  settings.key.vlan_id = true;
  for (const unsigned workers : {1U, 2U, 4U}) {
    for (const Way way : {Way::capture, Way::any_queue}) {
      const Outcome outcome = run(frames, workers, way, settings);
      EXPECT_EQ(outcome.of(IcmpQuote::told), 1U);
      for (const RecordView record : outcome.batch) {
        EXPECT_EQ(icmp_of(record) != nullptr, record->protocol == 17 && record->vlan_id == 6) << "the error's VLAN";
      }
    }
  }
}

TEST(IcmpMetric, CountsWhereTheErrorItselfCountsForTheQuotedFlow) {
  const Bytes ask = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes();
  const std::vector<TimedFrame> frames = {
      {kEpochNs, packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes()},
      {kEpochNs + 1, icmp_error_frame({"10.9.9.9", "10.0.0.1", 11, 0}, ask)},
  };
  FlowSettings settings = settings_with(only_icmp());
  settings.parser.icmp_errors = IcmpErrors::quoted;
  for (const unsigned workers : {1U, 2U}) {
    for (const Way way : {Way::capture, Way::any_queue}) {
      const Outcome outcome = run(frames, workers, way, settings);
      ASSERT_EQ(outcome.batch.size(), 1U);
      EXPECT_EQ(outcome.batch[0]->packets[kReverse], 1U) << "the error, back to the sender";
      ASSERT_NE(icmp_of(outcome.batch[0]), nullptr);
      EXPECT_EQ(icmp_of(outcome.batch[0])->errors[kForward], 1U) << "of the packet that was sent forward";
      EXPECT_EQ(icmp_of(outcome.batch[0])->errors[kReverse], 0U);
      EXPECT_EQ(icmp_of(outcome.batch[0])->type[kForward], 11);
    }
  }
}

TEST(IcmpMetric, DoesNotSeeTheErrorsThatAFilterKeepsOut) {
  const Bytes ask = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes();
  const std::vector<TimedFrame> frames = {
      {kEpochNs, packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes()},
      {kEpochNs + 1, icmp_error_frame({"10.9.9.9", "10.0.0.1", 11, 0}, ask)},
  };
  for (const unsigned workers : {1U, 2U}) {
    auto udp = PcapFilter::compile_for_flows("udp");
    ASSERT_TRUE(udp.has_value());
    const PcapFlowFilter filter(std::move(*udp));
    const Outcome outcome = read_capture(frames, workers, settings_with(only_icmp()), &filter);
    EXPECT_EQ(outcome.counted, 1U);
    ASSERT_EQ(outcome.batch.size(), 1U);
    EXPECT_EQ(icmp_of(outcome.batch[0]), nullptr);
    EXPECT_EQ(outcome.of(IcmpQuote::told) + outcome.of(IcmpQuote::no_flow), 0U);
  }
}

TEST(IcmpClose, EndsAFlowAtAPortUnreachableAndItsNextPacketOpensANewOne) {
  const Bytes ask = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes();
  const Bytes ask6 = packet().ipv6("2001:db8::1", "2001:db8::2").udp(1000, 53).bytes();
  const Bytes frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes();
  const Bytes frame6 = packet().eth().ipv6("2001:db8::1", "2001:db8::2").udp(1000, 53).bytes();
  const Bytes refused = icmp_error_frame({"10.0.0.2", "10.0.0.1", 3, 3}, ask);
  const Bytes refused6 = icmp_error_frame({"2001:db8::2", "2001:db8::1", 1, 4}, ask6);
  const std::vector<TimedFrame> frames = {{kEpochNs, frame},       {kEpochNs + 1, frame}, {kEpochNs + 2, refused},
                                          {kEpochNs + 3, refused}, {kEpochNs + 4, frame}, {kEpochNs + 5, frame6},
                                          {kEpochNs + 6, refused6}};
  for (const IcmpErrors counts_for : {IcmpErrors::own, IcmpErrors::quoted}) {
    FlowSettings settings = settings_with(only_icmp(true));
    settings.parser.icmp_errors = counts_for;
    const bool own = counts_for == IcmpErrors::own;
    for (const Way way : {Way::capture, Way::any_queue, Way::addresses}) {
      if (way == Way::addresses && !own) continue;  // the device does not know what an error quotes
      for (const unsigned workers : {1U, 2U, 4U}) {
        SCOPED_TRACE(workers);
        const Outcome outcome = run(frames, workers, way, settings);
        EXPECT_EQ(outcome.counted, frames.size());
        std::multimap<std::uint64_t, EndReason> ended;  // by the flow's first packet
        for (const RecordView record : outcome.batch) {
          if (record->protocol == 17) ended.emplace(record->start_ns() - kEpochNs, record->end_reason);
        }
        // With `quoted` the second error opens a flow of its own and ends it at once.
        const std::multimap<std::uint64_t, EndReason> expected =
            own ? std::multimap<std::uint64_t, EndReason>{{0, EndReason::end_of_flow},
                                                          {4, EndReason::forced_end},
                                                          {5, EndReason::end_of_flow}}
                : std::multimap<std::uint64_t, EndReason>{{0, EndReason::end_of_flow},
                                                          {3, EndReason::end_of_flow},
                                                          {4, EndReason::forced_end},
                                                          {5, EndReason::end_of_flow}};
        EXPECT_EQ(ended, expected);
        EXPECT_EQ(outcome.of(IcmpQuote::no_flow), own ? 1U : 0U) << "the second error finds the flow gone";
      }
    }
  }
}

TEST(IcmpClose, LeavesTcpAndOtherErrorsAlone) {
  const Bytes syn = packet().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).flags(kSyn).bytes();
  const Bytes ask = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes();
  const Bytes ping = packet().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).bytes();
  std::vector<TimedFrame> frames;
  const auto add = [&](Bytes frame) { frames.push_back({kEpochNs + frames.size(), std::move(frame)}); };
  add(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).flags(kSyn).bytes());
  add(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).bytes());
  add(packet().eth().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).bytes());
  add(icmp_error_frame({"10.0.0.2", "10.0.0.1", 3, 3}, syn));  // forged, or a REJECT rule
  add(icmp_error_frame({"10.9.9.9", "10.0.0.1", 3, 1}, ask));
  add(icmp_error_frame({"10.9.9.9", "10.0.0.1", 11, 0}, ask));
  add(icmp_error_frame({"10.0.0.2", "10.0.0.1", 3, 3}, ping));  // makes no sense
  const Outcome outcome = run(frames, 1, Way::capture, settings_with(only_icmp(true)));
  EXPECT_EQ(outcome.of(IcmpQuote::told), 4U);
  EXPECT_EQ(outcome.batch.size(), 4U);
  for (const RecordView record : outcome.batch) EXPECT_EQ(record->end_reason, EndReason::forced_end);
}

/// A conversation of the random traffic, and what a simple model knows of its flow.
struct Talk {
  std::string hosts[2];
  unsigned ports[2];
  bool udp;
  bool ipv6;
  bool open = false;
  std::uint64_t start_ns = 0;
  std::uint64_t last_ns = 0;

  [[nodiscard]] Bytes ip(unsigned from, std::size_t payload) const {
    PacketBuilder builder = packet();
    ipv6 ? builder.ipv6(hosts[from], hosts[1 - from]) : builder.ipv4(hosts[from], hosts[1 - from]);
    udp ? builder.udp(ports[from], ports[1 - from]) : builder.tcp(ports[from], ports[1 - from]).flags(kAck);
    return builder.payload(payload).bytes();
  }
  [[nodiscard]] bool open_at(std::uint64_t now_ns) const {
    return open && now_ns - last_ns <= 1_s && now_ns - start_ns < 5_s;
  }
  void see(std::uint64_t now_ns) {
    if (!open_at(now_ns)) start_ns = now_ns;
    open = true;
    last_ns = now_ns;
  }
};

struct Model {
  std::vector<TimedFrame> frames;
  std::array<std::uint64_t, kIcmpQuoteCount> quotes{};
  std::uint64_t ended = 0;                                                  ///< flows, by an error
  std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint64_t> errors;  ///< by ports of the quoted packets

  void count(IcmpQuote what) { ++quotes[static_cast<std::size_t>(what)]; }
};

/// Packets of many conversations with pauses that end some of their flows, and errors that quote packets of them, some
/// cut, some of packets that nobody saw.
Model random_traffic(std::uint32_t seed, bool close) {
  std::mt19937 random(seed);
  const auto pick = [&](std::uint32_t below) { return static_cast<unsigned>(random() % below); };
  std::vector<Talk> talks;
  for (unsigned i = 0; i < 60; ++i) {
    const bool ipv6 = i % 4 == 3;
    const std::string net = ipv6 ? "2001:db8::" : "10.0.0.";
    talks.push_back(
        {{net + std::to_string(1 + i % 9), net + std::to_string(20 + i % 5)}, {1000 + i, 53}, i % 3 != 0, ipv6});
  }
  Model model;
  std::uint64_t now = kEpochNs;
  for (unsigned step = 0; step < 3000; ++step) {
    now += 1 + pick(20'000'000);
    if (pick(200) == 0) now += 900_ms + pick(200'000'000);
    Talk& talk = talks[pick(static_cast<std::uint32_t>(talks.size()))];
    const unsigned from = pick(2);
    const Bytes ip = talk.ip(from, pick(60));
    if (pick(3) != 0) {
      model.frames.push_back({now, packet().eth().header(ip).ether_type(talk.ipv6 ? 0x86dd : 0x0800).bytes()});
      talk.see(now);
      continue;
    }
    const bool refused = pick(3) == 0;
    const ErrorFrame error{talk.ipv6 ? "2001:db8::99" : "10.9.9.9", talk.hosts[from], talk.ipv6 ? 1U : 3U,
                           refused ? (talk.ipv6 ? 4U : 3U) : 1U};
    const unsigned kind = pick(10);
    const std::size_t header = talk.ipv6 ? 40 : 20;
    const Bytes quoted = kind == 0   ? cut_to(ip, header + pick(4))
                         : kind == 1 ? Talk{{talk.hosts[0], talk.hosts[1]}, {999, 53}, talk.udp, talk.ipv6}.ip(from, 0)
                                     : ip;
    model.frames.push_back({now, icmp_error_frame(error, quoted)});
    if (kind == 0) {
      model.count(IcmpQuote::unreadable);
    } else if (kind == 1 || !talk.open_at(now)) {
      model.count(IcmpQuote::no_flow);
    } else {
      model.count(IcmpQuote::told);
      ++model.errors[{talk.ports[from], talk.ports[1 - from]}];
      if (close && refused && talk.udp) {
        talk.open = false;
        ++model.ended;
      }
    }
  }
  return model;
}

TEST(IcmpMetric, AgreesWithASimpleModelAndWithItselfHoweverManyWorkersThereAreAndWhoeverReceivesTheErrors) {
  for (const bool close : {false, true}) {
    for (const std::uint32_t seed : {1U, 2U}) {
      const Model model = random_traffic(seed, close);
      Metrics metrics(Metrics::kAll);
      metrics.settings.icmp_close = close;
      const FlowSettings settings = settings_with(metrics);
      std::optional<std::vector<std::string>> first;
      for (const Way way : {Way::capture, Way::any_queue, Way::addresses}) {
        for (const unsigned workers : {1U, 2U, 4U}) {
          SCOPED_TRACE(std::to_string(static_cast<unsigned>(way)) + " with " + std::to_string(workers));
          const Outcome outcome = run(model.frames, workers, way, settings);
          EXPECT_EQ(outcome.counted, model.frames.size()) << "each packet once, whoever has the flow that it quotes";
          EXPECT_EQ(outcome.quotes, model.quotes);
          if (!first) first = outcome.records;
          EXPECT_TRUE(outcome.records == *first) << "the same records";
          std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint64_t> errors;
          std::uint64_t ended = 0;
          for (const RecordView record : outcome.batch) {
            ended += record->end_reason == EndReason::end_of_flow ? 1 : 0;
            const IcmpSection* const icmp = icmp_of(record);
            if (icmp == nullptr) continue;
            const auto source = record->source_port();
            const auto destination = record->destination_port();
            if (icmp->errors[kForward] != 0) errors[{source, destination}] += icmp->errors[kForward];
            if (icmp->errors[kReverse] != 0) errors[{destination, source}] += icmp->errors[kReverse];
          }
          EXPECT_EQ(errors, model.errors);
          EXPECT_EQ(ended, model.ended);
        }
      }
      EXPECT_GT(model.quotes[static_cast<std::size_t>(IcmpQuote::told)], 300U);
      EXPECT_GT(model.quotes[static_cast<std::size_t>(IcmpQuote::no_flow)], 100U);
      EXPECT_EQ(model.ended != 0, close);
    }
  }
}

TEST(IcmpMetric, OfABurstTheErrorsComeToTheirFlowsInTheOrderOfThePackets) {
  // All of it in one poll of one worker: a flow's packet, the error that ends the flow, a packet that opens the next.
  constexpr unsigned kFlows = 10;
  for (const unsigned workers : {1U, 2U, 4U}) {
    HandoverMesh mesh(workers);
    std::vector<std::unique_ptr<Worker>> all;
    for (unsigned number = 0; number < workers; ++number) {
      WorkerOptions options{settings_with(only_icmp(true))};
      options.number = number;
      options.workers = workers;
      options.capacity = 100;
      if (workers > 1) options.handover = &mesh;
      all.push_back(std::make_unique<Worker>(options, kHash));
    }
    FrameList source;
    for (unsigned i = 0; i < kFlows; ++i) {
      const Bytes ask = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000 + i, 53).bytes();
      const Bytes frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000 + i, 53).bytes();
      source.frames.push_back(frame);
      source.frames.push_back(icmp_error_frame({"10.0.0.2", "10.0.0.1", 3, 3}, ask));
      source.frames.push_back(frame);
    }
    FrameList nothing;
    EXPECT_EQ(all[0]->poll(source, kEpochNs), 3 * kFlows);
    for (auto& worker : all) {
      while (worker->poll(nothing, kEpochNs) != 0) continue;
    }
    Outcome outcome;
    for (auto& worker : all) {
      worker->drain(kEpochNs + 1);
      outcome.add(worker->counters(), worker->records());
    }
    EXPECT_EQ(outcome.of(IcmpQuote::told), kFlows);
    std::map<EndReason, unsigned> udp;
    for (const RecordView record : outcome.batch) {
      if (record->protocol != 17) continue;
      ++udp[record->end_reason];
      EXPECT_EQ(record->packets[kForward], 1U);
    }
    EXPECT_EQ(udp[EndReason::end_of_flow], kFlows);
    EXPECT_EQ(udp[EndReason::forced_end], kFlows);
  }
}

TEST(IcmpMetric, AQuoteThatFindsTheRingFullIsNamedAndItsPacketCounts) {
  HandoverMesh mesh(2, HandoverMesh::kIcmpRingLines);
  WorkerOptions options{settings_with(only_icmp())};
  options.workers = 2;
  options.capacity = 1000;
  options.icmp_mesh = &mesh;
  Worker worker(options, kHash);
  options.number = 1;
  Worker other(options, kHash);
  FrameList source;
  constexpr unsigned kErrors = 1000;
  constexpr unsigned kFit = HandoverMesh::kIcmpRingLines / kMessageLines<IcmpErrorMessage>;
  const Bytes unknown = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1, 53).bytes();
  for (unsigned i = 0; i < kErrors; ++i) {
    source.frames.push_back(icmp_error_frame({"10.9.9.9", "10.0.0.1", 3, 1}, unknown));
  }
  while (worker.poll(source, kEpochNs) != 0) continue;  // the other one does not take
  EXPECT_EQ(worker.counters().icmp_quotes[static_cast<std::size_t>(IcmpQuote::handover_full)], kErrors - kFit);
  EXPECT_EQ(worker.counters().counted.packets, kErrors);
  // Both stop: what is in the ring is settled, and goes round no more.
  worker.stop_receiving();
  other.stop_receiving();
  bool settled = false;
  while (!settled) {
    settled = worker.settle(kEpochNs + 1);
    settled = other.settle(kEpochNs + 1) && settled;
  }
  EXPECT_EQ(other.counters().icmp_quotes[static_cast<std::size_t>(IcmpQuote::no_flow)], kFit);
  worker.drain(kEpochNs + 1);
  other.drain(kEpochNs + 1);
  Outcome outcome;
  outcome.add(worker.counters(), worker.records());
  outcome.add(other.counters(), other.records());
  EXPECT_EQ(outcome.counted, kErrors);
}

}  // namespace
}  // namespace weir::test::icmp_metric_test
