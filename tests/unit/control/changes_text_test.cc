// What weirctl prints of changes.
#include "proto/schema/changes_text.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

v1::ConfigChange& add(v1::ChangeReply& reply, const char* field, const char* before, const char* after,
                      const char* effect) {
  v1::ConfigChange& change = *reply.add_changes();
  change.set_field(field);
  if (*before != '\0') change.add_before(before);
  if (*after != '\0') change.add_after(after);
  change.set_effect(effect);
  return change;
}

TEST(ChangesText, SaysOfEachFieldWhatItWasWhatItWillBeAndWhen) {
  v1::ChangeReply reply;
  add(reply, "idle_timeout", "30s", "5s", "hot");
  add(reply, "filter", "", "udp", "hot");
  add(reply, "sample", "none", "rate=5", "restart").set_why("because");
  const std::string table =
      "  field         now     then    takes effect\n"
      "  idle_timeout  30s     5s      while weir runs\n"
      "  filter        (none)  udp     while weir runs\n"
      "  sample        none    rate=5  when weir is started again: because\n";
  EXPECT_EQ(changes_text(reply, "diff"), table);
  EXPECT_EQ(changes_text(reply, "check"), table + "it would be applied\n");
  reply.set_refused("needs a restart: sample");
  EXPECT_EQ(changes_text(reply, "check"), table + "it would be refused: needs a restart: sample\n");
  EXPECT_EQ(changes_text(reply, "apply"), table + "nothing is changed: needs a restart: sample\n");
}

TEST(ChangesText, SaysWhatBecameOfIt) {
  v1::ChangeReply reply;
  EXPECT_EQ(changes_text(reply, "apply"), "no difference: this is what runs\n");
  reply.set_applied(true);
  EXPECT_EQ(changes_text(reply, "apply"), "done\n");
  reply.set_entry(3);
  reply.add_notes("and this");
  EXPECT_EQ(changes_text(reply, "apply"), "applied: entry 3 of the history\nnote: and this\n");
}

TEST(ChangesText, ShowsWhatComesAndGoesOfAListALineEach) {
  v1::ChangeReply reply;
  v1::ConfigChange& change = *reply.add_changes();
  change.set_field("export");
  change.set_effect("hot");
  for (const char* uri : {"json:a", "json:b", "json:c"}) change.add_before(uri);
  for (const char* uri : {"json:c", "json:a", "json:d"}) change.add_after(uri);
  EXPECT_EQ(changes_text(reply, "diff"),
            "  field   now       then      takes effect\n"
            "  export  3 values  3 values  while weir runs\n"
            "export: - json:b\n"
            "export: + json:d\n");
  EXPECT_TRUE(list_changes({"a"}, {"b"}).empty()) << "one value each is a line already";
  EXPECT_TRUE(list_changes({"a", "***"}, {"a", "***"}).empty()) << "another key, which is not shown";
}

TEST(HistoryText, SaysOfNoneThatItRunsWhileWeirStarts) {
  v1::HistoryReply reply;
  reply.add_entries()->set_number(4);
  EXPECT_EQ(history_text(reply).find("runs now"), std::string::npos);
}

TEST(HistoryText, ShowsTheLatestFirst) {
  v1::HistoryReply reply;
  for (unsigned number : {1U, 2U}) {
    v1::HistoryEntry& entry = *reply.add_entries();
    entry.set_number(number);
    entry.set_time_ns(1'700'000'000'123'000'000);
    entry.set_pid(7);
    entry.set_asked(number == 1 ? "start" : "SIGHUP");
  }
  reply.mutable_entries(1)->add_changes("idle_timeout: 30s -> 5s");
  reply.set_running(2);
  EXPECT_EQ(history_text(reply),
            "2  2023-11-14 22:13:20.123  SIGHUP  (uid 0, pid 7)  runs now\n"
            "     idle_timeout: 30s -> 5s\n"
            "1  2023-11-14 22:13:20.123  start  (uid 0, pid 7)\n"
            "no --state: the history ends with weir\n");
}

TEST(ExportersText, ShowsNoneAndSome) {
  v1::StatusReply status;
  EXPECT_EQ(exporters_text(status), "no exporters: records are counted and dropped\n");
  v1::ExporterLedger& exporter = *status.add_exporters();
  exporter.set_name("core");
  exporter.set_uri("json:a");
  exporter.set_state("paused");
  exporter.mutable_queued()->set_records(1200);
  (*exporter.mutable_lost())["queue_full"].set_records(3);
  EXPECT_EQ(exporters_text(status),
            "exporter  state   uri     exported  queued  lost\n"
            "core      paused  json:a         0   1,200     3\n");
}

}  // namespace
}  // namespace weir
