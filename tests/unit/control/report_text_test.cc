// What weirctl prints, as whole texts written by hand; and the ledger as JSON.
#include "proto/schema/report_text.h"

#include <gtest/gtest.h>

#include "proto/record/message_json.h"
#include "proto/schema/rss_text.h"

namespace weir::report_text_test {
namespace {

void set(v1::Count* count, std::uint64_t packets, std::uint64_t octets) {
  count->set_packets(packets);
  count->set_octets(octets);
}
void set(v1::RecordCount* count, std::uint64_t records, std::uint64_t packets, std::uint64_t octets) {
  count->set_records(records);
  count->set_packets(packets);
  count->set_octets(octets);
}

v1::Ledger example() {
  v1::Ledger ledger;
  ledger.set_balanced(true);
  set(ledger.mutable_received(), 1'234'567, 100'000'000);
  set(ledger.mutable_counted(), 1'234'560, 99'999'580);
  set(ledger.mutable_counted_ip(), 1'234'560, 82'715'740);
  set(&(*ledger.mutable_rejects())["vlan_truncated"], 0, 0);
  set(&(*ledger.mutable_rejects())["ip_version"], 2, 120);
  set(&(*ledger.mutable_rejects())["ether_type_arp"], 5, 300);
  set(ledger.mutable_drained(), 10, 1'234'560, 82'715'740);
  auto* exporter = ledger.add_exporters();
  exporter->set_name("json:-");
  exporter->set_state("up");
  exporter->set_balanced(true);
  exporter->set_datagrams(3);
  exporter->set_wire_octets(4096);
  set(exporter->mutable_drained(), 10, 1'234'560, 82'715'740);
  set(exporter->mutable_exported(), 9, 1'234'000, 82'000'000);
  set(&(*exporter->mutable_lost())["queue_full"], 1, 560, 715'740);
  auto* worker = ledger.add_workers();
  worker->set_balanced(true);
  set(worker->mutable_received(), 1'234'567, 100'000'000);
  set(worker->mutable_counted(), 1'234'560, 99'999'580);
  set(&(*worker->mutable_rejects())["ether_type_arp"], 7, 420);
  return ledger;
}

TEST(LedgerText, LaysOutTheThreeEquations) {
  EXPECT_EQ(
      ledger_text(example()),
      "1  every frame (frame octets)\n"
      "                                 packets       octets\n"
      "     received                  1,234,567  100,000,000\n"
      "  =  counted in flows          1,234,560   99,999,580\n"
      "  +  sampled out                       0            0\n"
      "  +  filtered out                      0            0\n"
      "  +  rejected: ether_type_arp          5          300\n"
      "  +  rejected: ip_version              2          120\n"
      "  +  lost: handover_full               0            0\n"
      "\n"
      "2  every counted packet (IP octets)\n"
      "                          records    packets      octets\n"
      "     counted in flows              1,234,560  82,715,740\n"
      "  =  in the flow table          0          0           0\n"
      "  +  in the record rings        0          0           0\n"
      "  +  lost                       0          0           0\n"
      "  +  drained                   10  1,234,560  82,715,740\n"
      "\n"
      "3  every drained record (IP octets)\n"
      "  json:-: up, 3 datagrams or writes, 4,096 octets, balanced\n"
      "                         records    packets      octets\n"
      "       drained                10  1,234,560  82,715,740\n"
      "    =  exported                9  1,234,000  82,000,000\n"
      "    +  queued                  0          0           0\n"
      "    +  lost: queue_full        1        560     715,740\n"
      "\n"
      "workers (packets)\n"
      "  worker   received    counted  rejected  handed over  taken over  handover_full  in table  in ring  lost\n"
      "       0  1,234,567  1,234,560         7            0           0              0         0        0     0"
      "  balanced\n"
      "\n"
      "balanced\n");
}

TEST(LedgerText, SaysWhichConnectionRecordsWereAcknowledgedOn) {
  v1::Ledger ledger = example();
  auto* old = ledger.mutable_exporters(0)->add_connections();
  old->set_first(1);
  old->set_last(3);
  set(old->mutable_exported(), 12'345, 0, 0);
  set(old->mutable_unacknowledged(), 17, 0, 0);
  old->set_ended("Connection reset by peer");
  auto* open = ledger.mutable_exporters(0)->add_connections();
  open->set_first(4);
  open->set_last(4);
  open->set_open(true);
  EXPECT_NE(ledger_text(ledger).find(
                "    +  lost: queue_full        1        560     715,740\n"
                "    connection  records acknowledged  sent, not acknowledged  ended\n"
                "           1-3                12,345                      17  Connection reset by peer\n"
                "             4                     0                       0  open\n"),
            std::string::npos)
      << ledger_text(ledger);
}

TEST(LedgerText, SaysWhichGroupAnExporterIsOf) {
  v1::Ledger ledger = example();
  ledger.mutable_exporters(0)->set_group("out");
  auto* group = ledger.add_exporters();
  group->set_name("out");
  group->set_state("connecting: no member works");
  group->add_members("json:-");
  group->add_members("b");
  EXPECT_NE(ledger_text(ledger).find("\n  json:- (of out): up, "), std::string::npos) << ledger_text(ledger);
  EXPECT_NE(ledger_text(ledger).find("\n  out (json:-, b): connecting: no member works, "), std::string::npos);
}

TEST(LedgerText, NamesTheFactsThatMetricsLeftOut) {
  v1::Ledger ledger = example();
  EXPECT_EQ(ledger_text(ledger).find("facts that metrics left out"), std::string::npos);
  (*ledger.mutable_missing_facts())["packets_cut"] = 12'345;
  (*ledger.mutable_missing_facts())["dns_question_cut"] = 7;
  EXPECT_NE(ledger_text(ledger).find("\nfacts that metrics left out, since their pool was empty (no packet is lost by "
                                     "that: see `weir reasons`)\n"
                                     "  dns_question_cut       7\n"
                                     "  packets_cut       12,345\n"),
            std::string::npos)
      << ledger_text(ledger);
}

TEST(LedgerText, EndsWithWhatDoesNotHold) {
  v1::Ledger ledger = example();
  ledger.set_balanced(false);
  ledger.add_violations("1: 5 != 6");
  ledger.add_violations("2: 7 != 8");
  EXPECT_TRUE(ledger_text(ledger).ends_with("\n\nNOT BALANCED: 1: 5 != 6; 2: 7 != 8\n"));
  ledger.clear_violations();
  EXPECT_TRUE(ledger_text(ledger).ends_with("\n\nNOT BALANCED: the equation at fault is not named\n"));
}

TEST(LedgerJson, HasTheDocumentedKeys) {
  v1::Ledger ledger;
  ledger.set_balanced(true);
  set(ledger.mutable_received(), 7, 420);
  set(&(*ledger.mutable_rejects())["b"], 1, 60);
  set(&(*ledger.mutable_rejects())["a"], 2, 120);
  set(&(*ledger.mutable_lost())["ring_full"], 1, 2, 3);
  (*ledger.mutable_icmp_quotes())["told"] = 7;
  (*ledger.mutable_missing_facts())["dns_question_cut"] = 8;
  ledger.add_violations("x\"y");
  const std::string zero = R"({"packets":0,"octets":0})";
  const std::string zero_records = R"({"records":0,"packets":0,"octets":0})";
  EXPECT_EQ(
      message_json(ledger),
      R"({"balanced":true,"received":{"packets":7,"octets":420},"counted":)" + zero + R"(,"counted_ip":)" + zero +
          R"(,"sampled_out":)" + zero + R"(,"filtered_out":)" + zero + R"(,"frame_filtered_out":)" + zero +
          R"(,"duplicate":)" + zero +
          R"(,"rejects":{"a":{"packets":2,"octets":120},"b":{"packets":1,"octets":60}},"saved_rejects":{"file":"",)" +
          R"("saved":)" + zero + R"(,"unsaved":{}},"handover_full":)" + zero + R"(,"in_handover":)" + zero +
          R"(,"in_table":)" + zero_records + R"(,"in_rings":)" + zero_records + R"(,"in_overflow":)" + zero_records +
          R"(,"lost":{"ring_full":{"records":1,"packets":2,"octets":3}},"drained":)" + zero_records +
          R"(,"exporters":[],"ports":[],"input":{"name":"","records":0,"partial_records":0,"times_clamped":0,)" +
          R"("connections":0,"open_connections":0,"samples_packets":false,"overruns":0,"malformed":0,"other_groups":0,)"
          R"("groups_left_out":0,"groups":[]},"workers":[],"fragments_without_first":)" +
          zero + R"(,"length_from_frame":)" + zero + R"(,"length_from_header":)" + zero + R"(,"clock_epochs":)" + zero +
          R"(,"clock_as_reordered":)" + zero +
          R"(,"icmp_quotes":{"told":7},"missing_facts":{"dns_question_cut":8},"monitors":[],"violations":["x\"y"],"state":"","stale_since_ns":0,"doing":""})");
}

TEST(StatusText, LaysOutPortsWorkersAndExporters) {
  v1::StatusReply status;
  status.set_version("0.1.0");
  status.set_pid(42);
  status.set_uptime_s(93'784.9);
  status.set_flows(1'000);
  status.set_capacity(1'048'576);
  status.set_balanced(true);
  auto* port = status.add_ports();
  port->set_name("net_memif0");
  port->set_driver("net_memif");
  port->set_link_up(true);
  port->set_link_mbps(100'000);
  port->set_queues(2);
  port->set_rx_descriptors(4096);
  port->set_mtu(1500);
  port->set_numa_node(-1);
  port->set_rss("addresses");
  auto* worker = status.add_workers();
  worker->set_core(1);
  worker->set_packets_per_second(14'880'952);
  worker->set_frame_bits_per_second(9'999'000'000);
  worker->set_share(0.75);
  worker->set_busy(0.375);
  worker->set_asleep(0.25);
  worker->set_idle("sleep 137 us");
  worker->set_flows(1'000);
  worker->set_capacity(1'048'576);
  auto* exporter = status.add_exporters();
  exporter->set_name("json:-");
  exporter->set_state("up");
  set(exporter->mutable_exported(), 1'500, 0, 0);
  exporter->set_queue_octets(12'900'000);  // 12.302 MiB
  exporter->set_queue_limit_octets(160U << 20);
  set(&(*exporter->mutable_lost())["queue_full"], 2, 0, 0);
  set(&(*exporter->mutable_lost())["shutdown"], 3, 0, 0);
  EXPECT_EQ(status_text(status),
            "weir    0.1.0, process 42\n"
            "up      1 d 02:03:04\n"
            "flows   1,000 of 1,048,576\n"
            "memory  no huge pages\n"
            "ledger  balanced\n"
            "\n"
            "ports\n"
            "  port        driver     link           queues  descriptors   MTU  NUMA  RSS\n"
            "  net_memif0  net_memif  up 100 Gbit/s       2         4096  1500    -1  addresses\n"
            "\n"
            "workers\n"
            "  worker  core    packets  share   frame bits  busy  asleep               flows  idle\n"
            "       0     1  14.9 Mpps   75 %  10.0 Gbit/s  38 %    25 %  1,000 of 1,048,576  sleep 137 us\n"
            "\n"
            "exporters (records)\n"
            "  exporter  state  exported  queued     queue memory  lost  late > 1 s  latest ms\n"
            "  json:-    up        1,500       0  12.3 of 160 MiB     5           0          0\n");
}

TEST(StatusText, NamesAWorkerThatDoesNotPoll) {
  v1::StatusReply status;
  status.add_workers()->set_silent_seconds(1.9);
  EXPECT_EQ(status_text(status).find("HAS NOT POLLED"), std::string::npos) << "a CPU may be taken away for a moment";
  auto* worker = status.add_workers();
  worker->set_worker(1);
  worker->set_silent_seconds(3.25);
  EXPECT_NE(status_text(status).find("  worker 1 HAS NOT POLLED for 3.2 s: the counts of all workers are older"),
            std::string::npos)
      << status_text(status);
}

TEST(LedgerText, HasALineForTheAccounterWhereItHoldsSomething) {
  v1::Ledger ledger = example();
  EXPECT_EQ(ledger_text(ledger).find("accounter"), std::string::npos);
  set(ledger.mutable_in_overflow(), 2, 7, 420);
  EXPECT_NE(ledger_text(ledger).find("  +  in the accounter"), std::string::npos);
}

TEST(LedgerText, SaysFromWhichRecordsTheFramesAreWhereNoPacketsCameIn) {
  v1::Ledger ledger = example();
  EXPECT_EQ(ledger_text(ledger).find("raw records"), std::string::npos);
  ledger.mutable_input()->set_name("records+unix:/run/a.sock");
  ledger.mutable_input()->set_records(12'345);
  EXPECT_NE(ledger_text(ledger).find("\n   from records+unix:/run/a.sock: 12,345 raw records\n"), std::string::npos)
      << ledger_text(ledger);
}

TEST(StatusText, ShowsTheInputInPlaceOfPortsAndWorkersWhereRecordsComeIn) {
  v1::StatusReply status;
  EXPECT_NE(status_text(status).find("\nports\n"), std::string::npos);
  v1::InputLedger& input = *status.mutable_input();
  input.set_name("records+unix:/run/a.sock");
  input.set_records(12'345);
  input.set_connections(3);
  input.set_open_connections(2);
  input.set_partial_records(1);
  input.set_times_clamped(4);
  const std::string text = status_text(status);
  EXPECT_NE(text.find("\ninput   records+unix:/run/a.sock: 12,345 raw records, 2 of 3 connections open, 1 raw records "
                      "cut, 4 times that lie in the future and count as now\n"),
            std::string::npos)
      << text;
  for (const char* const none : {"\nports\n", "\nworkers\n", "\nmemory"}) {
    EXPECT_EQ(text.find(none), std::string::npos) << none;
  }
}

TEST(StatusText, ShowsTheGroupsAndNoPortsWhereTheKernelSamples) {
  v1::StatusReply status;
  v1::InputLedger& input = *status.mutable_input();
  input.set_name("psample:7");
  input.set_samples_packets(true);
  input.set_overruns(2);
  input.set_other_groups(1'234);
  input.set_groups_left_out(5);
  v1::SampleGroup& group = *input.add_groups();
  group.set_group(7);
  group.set_rate(100);
  group.mutable_samples()->set_packets(12'345);
  group.mutable_samples()->set_octets(1'000'000);
  group.set_missing(6);
  status.add_workers()->set_idle("poll(2)");
  const std::string text = status_text(status);
  EXPECT_NE(
      text.find("\ninput   psample:7: 12,345 packets of 1 groups, 6 never came, 2 times the socket was full, 1,234 "
                "packets of groups that --input does not name, 5 packets of groups beyond the 255 that have room\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("\n      7   100   12,345  1,000,000           6\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n       0     -  "), std::string::npos) << "the worker is on no CPU of its own\n" << text;
  EXPECT_EQ(text.find("\nports\n"), std::string::npos) << text;
}

/// 2026-11-29 20:15:03 UTC, as `date -u -d @1795983303` has it.
constexpr std::uint64_t kThen = 1'795'983'303'250'000'000;

TEST(LedgerText, SaysSinceWhenItsCountsAreStaleAndWhetherTheyBalance) {
  v1::Ledger ledger = example();
  ledger.set_state("stale");
  ledger.set_stale_since_ns(kThen);
  ledger.set_doing("stopping: waiting for the exporters, 7 records queued");
  const std::string text = ledger_text(ledger);
  EXPECT_TRUE(
      text.ends_with("\nweir is stopping: waiting for the exporters, 7 records queued\n"
                     "stale since 2026-11-29 20:15:03 UTC: a worker does not answer, and these are its counts of "
                     "then\nbalanced\n"))
      << text;
}

TEST(LedgerText, OfAProbeThatStartsDoesNotCallNothingBalanced) {
  v1::Ledger ledger;
  ledger.set_balanced(true);
  ledger.set_state("none");
  ledger.set_doing("starting: opening the exporters");
  EXPECT_TRUE(ledger_text(ledger).ends_with(
      "\nweir is starting: opening the exporters\nno worker counts: there is nothing to balance\n"))
      << ledger_text(ledger);
}

TEST(StatusText, SaysWhatAProbeThatStartsIsDoing) {
  v1::StatusReply status;
  status.set_version("0.1.0");
  status.set_pid(42);
  status.set_uptime_s(2);
  status.set_phase("starting");
  status.set_doing("touching the flow table's memory, 25 % of 1.00 GB");
  status.set_balanced(true);
  status.set_ledger("none");
  const std::string text = status_text(status);
  EXPECT_TRUE(
      text.starts_with("weir    0.1.0, process 42\n"
                       "up      2.0 s\n"
                       "state   starting: touching the flow table's memory, 25 % of 1.00 GB\n"
                       "flows   0 of 0\n"))
      << text;
  EXPECT_NE(text.find("ledger  no worker counts\n"), std::string::npos) << text;
  status.set_phase("running");
  status.set_doing("");
  EXPECT_EQ(status_text(status).find("state"), std::string::npos) << "a running probe need not say so";
}

TEST(StatusText, TellsOfThePrefixFilesAndOfAReloadThatFailed) {
  v1::StatusReply status;
  EXPECT_EQ(status_text(status).find("prefixes"), std::string::npos);
  v1::PrefixStatus& prefixes = *status.mutable_prefixes();
  v1::PrefixFile& file = *prefixes.add_files();
  file.set_name("bgp.txt");
  file.set_form("bgpdump");
  file.set_prefixes(1'000'000);
  prefixes.set_prefixes(1'000'000);
  prefixes.set_octets(41'943'040);
  prefixes.set_loaded_ns(1'700'000'000'000'000'000);
  prefixes.set_lookups(2000);
  prefixes.set_not_found(3);
  const std::string loaded =
      "\nprefixes\n"
      "  file     form      prefixes\n"
      "  bgp.txt  bgpdump  1,000,000\n"
      "  1,000,000 together, 40.0 MiB, loaded 2023-11-14T22:13:20Z\n"
      "  3 of 2,000 addresses were in none\n";
  EXPECT_NE(status_text(status).find(loaded + "\nexporters"), std::string::npos) << status_text(status);
  prefixes.set_error("bgp.txt:3: wrong");
  prefixes.set_error_ns(1'700'000'001'000'000'000);
  const std::string failed = loaded + "  THE LAST RELOAD FAILED 2023-11-14T22:13:21Z: bgp.txt:3: wrong\n";
  EXPECT_NE(status_text(status).find(failed), std::string::npos) << status_text(status);
}

TEST(StatusText, SaysThatTheLedgerIsStale) {
  v1::StatusReply status;
  status.set_phase("running");
  status.set_balanced(true);
  status.set_ledger("stale");
  status.set_stale_since_ns(kThen);
  EXPECT_NE(status_text(status).find("ledger  balanced, stale since 2026-11-29 20:15:03 UTC: a worker"),
            std::string::npos)
      << status_text(status);
}

TEST(RssText, OfAProbeThatStartsSaysSo) {
  v1::RssReply reply;
  reply.set_doing("starting: starting the ports");
  EXPECT_EQ(rss_text(reply), "no self-check: weir is starting: starting the ports\n");
}

TEST(StatusText, SaysWhatAFullTableAndAFloodMeant) {
  v1::StatusReply status;
  status.set_when_full("sample");
  status.set_sampling_rate(1);
  EXPECT_EQ(status_text(status).find("full table"), std::string::npos) << "it never was";
  EXPECT_EQ(status_text(status).find("HASH"), std::string::npos);
  status.set_sampling_rate(8);
  status.set_evictions(1234);
  EXPECT_NE(status_text(status).find("sample: one new flow in 8 is taken, 1,234 flows were evicted\n"),
            std::string::npos)
      << status_text(status);
  status.set_when_full("overflow");
  status.set_sampling_rate(1);
  status.set_evictions(0);
  status.set_overflowed(5000);
  status.set_overflow_flows(40);
  EXPECT_NE(status_text(status).find("overflow: 5,000 packets went beside it, 40 flows are summed there\n"),
            std::string::npos);
  auto& flooding = *status.mutable_hash_flooding();
  flooding.set_suspected(true);
  flooding.set_far_inserts(9000);
  flooding.set_far_inserts_recent(400);
  flooding.set_longest_probe(16);
  EXPECT_NE(status_text(status).find("HASH FLOODING  9,000 keys crowded off their place (400 in the last second), "
                                     "longest probe 16 of 16"),
            std::string::npos)
      << status_text(status);
}

TEST(StatusText, ShowsTheLatenessOfRecordsAsAHistogram) {
  v1::StatusReply status;
  auto* exporter = status.add_exporters();
  exporter->set_name("json:-");
  const auto bucket = [&](std::uint64_t below_ms, std::uint64_t records) {
    auto* one = exporter->mutable_lateness()->add_buckets();
    one->set_below_ms(below_ms);
    one->set_records(records);
  };
  bucket(1, 1000);
  bucket(256, 3000);
  bucket(2048, 3999);
  bucket(0, 1);
  status.add_exporters()->set_name("json:none measured");
  const std::string text = status_text(status);
  EXPECT_EQ(text.substr(text.find("\nlateness")),
            "\n"
            "lateness of json:- (from when a flow should have ended)\n"
            "  later than  records  share\n"
            "  0 ms          1,000   12 %  #####\n"
            "  128 ms        3,000   38 %  ###############\n"
            "  1.02 s        3,999   50 %  ####################\n"
            "  65.5 s            1    0 %  #\n");
}

TEST(StatusText, SaysHowUnevenlyTheWorkersAreLoaded) {
  v1::StatusReply status;
  status.add_workers();
  status.set_queue_skew(1.5);
  EXPECT_EQ(status_text(status).find("skew"), std::string::npos) << "one worker has nothing to be compared with";
  status.add_workers();
  EXPECT_NE(status_text(status).find("  skew 1.50: the busiest worker against the mean (1 is even)\n"),
            std::string::npos);
}

TEST(RssText, LaysOutTheCheckAndTheQueues) {
  v1::RssReply reply;
  auto* port = reply.add_ports();
  port->set_name("0000:3b:00.0");
  port->set_hash("ports");
  port->set_key_octets(40);
  port->set_table_entries(128);
  port->set_conversations(2048);
  port->set_split(3);
  port->set_fragments_split(1030);
  port->set_example("10.0.0.1 port 1, 10.0.0.2 port 2");
  port->add_known_by_queue(1020);
  port->add_known_by_queue(1028);
  port->add_queue_packets(3000);
  port->add_queue_packets(1000);
  auto* none = reply.add_ports();
  none->set_name("net_memif0");
  none->set_hash("none");
  none->add_queue_packets(0);
  reply.set_split_between_ports(2048);
  const std::string text =
      "self-check: known conversations through the key and the table of each device, in software\n"
      "  port          hash   key  table  conversations  split  off their fragments\n"
      "  0000:3b:00.0  ports   40    128          2,048      3                1,030\n"
      "  net_memif0    none     0      0    not checked\n"
      "  0000:3b:00.0 splits 10.0.0.1 port 1, 10.0.0.2 port 2\n"
      "  split between two ports: 2,048 conversations\n"
      "\n"
      "queues\n"
      "  port          queue  known conversations  packets  share\n"
      "  0000:3b:00.0      0                1,020    3,000   75 %\n"
      "  0000:3b:00.0      1                1,028    1,000   25 %\n"
      "  net_memif0        0                             0\n"
      "\n";
  EXPECT_EQ(rss_text(reply), text +
                                 "SPLIT: both directions of a conversation reach two workers, and each makes a record "
                                 "of its own; restart weir\n");
  reply.set_ok(true);
  EXPECT_EQ(rss_text(reply), text + "the ports do not bring both directions together: workers hand packets over\n");
  reply.set_meets(true);
  EXPECT_EQ(rss_text(reply), text + "both directions of every conversation reach one worker\n");
}

TEST(RssText, OfOneQueueSaysThatThereWasNothingToCheck) {
  v1::RssReply reply;
  auto& port = *reply.add_ports();
  port.set_name("net_memif0");
  port.add_queue_packets(7);
  reply.set_meets(true);
  reply.set_ok(true);
  EXPECT_TRUE(rss_text(reply).ends_with("not checked: one queue, so every packet reaches the one worker\n"))
      << rss_text(reply);
}

TEST(StatusColumns, HaveALineForEachHeadingOfTheStatus) {
  v1::StatusReply status;
  status.add_ports();
  status.add_workers();
  status.add_exporters();
  const std::string text = status_text(status);
  const std::string columns = status_columns_text();
  for (const char* name : {"driver", "descriptors", "RSS", "worker", "share", "frame bits", "busy", "asleep", "idle",
                           "queued", "late > 1 s", "latest ms"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
    EXPECT_NE(columns.find("\n  " + std::string(name) + " "), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace weir::report_text_test
