// How the configuration of a running weir is changed: what is applied, what is refused, and what the history says of
// it.
#include "control/probe/reconfiguration.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "control/config/file.h"
#include "tests/support/temporary_folder.h"

namespace weir::test::reconfiguration_test {
namespace {

/// A probe that takes what it is given.
class Probe final : public Changeable {
 public:
  tl::expected<std::vector<std::string>, std::string> change(const Settings& next, const v1::Config& effective,
                                                             bool dry_run) override {
    if (fault) return tl::unexpected(*fault);
    if (dry_run) return std::vector<std::string>();
    ++changes;
    settings = next;
    config = effective;
    return notes;
  }
  tl::expected<void, std::string> pause(const std::string& exporter, bool on) override {
    if (exporter != "a") return tl::unexpected(std::string("no exporter has this name"));
    paused = on;
    return {};
  }

  std::optional<std::string> fault;
  std::vector<std::string> notes;
  unsigned changes = 0;
  bool paused = false;
  Settings settings;
  v1::Config config;
};

class ReconfigurationTest : public ::testing::Test {
 protected:
  /// weir was started with these options and, if `file` says something, with it as --config.
  void start(const std::string& options, const std::string& file = "") {
    start_with(options, file, *ChangeHistory::open(""));
  }
  void start_with(const std::string& options, const std::string& file, ChangeHistory history) {
    GivenConfig given;
    given.options = *parse_config(options + " port: \"net_null0\"", "options");
    SourcedConfig all = given.options;
    if (!file.empty()) {
      write(file);
      all = merge(*parse_config(file, "file"), given.options);
    }
    given.all = all.config;
    auto settings = validate(all.config, Command::run);
    ASSERT_TRUE(settings) << settings.error().message;
    if (!file.empty()) settings->config_file = folder_.path("weir.conf");
    desk_.emplace(*settings, effective_config(*settings), given, std::move(history));
  }
  void write(const std::string& text) { std::ofstream(folder_.path("weir.conf")) << text; }
  ChangeSource::Answer<v1::ChangeReply> ask(const std::string& text, const std::string& how = "apply") {
    v1::ChangeRequest request;
    request.set_text(text);
    request.set_name("new.conf");
    request.set_how(how);
    return desk_->change(request, {7, 70});
  }
  ChangeSource::Answer<v1::ChangeReply> roll_back(std::uint64_t entry = 0) {
    v1::ChangeRequest request;
    request.set_rollback(true);
    request.set_entry(entry);
    request.set_how("apply");
    return desk_->change(request, {7, 70});
  }
  ChangeSource::Answer<v1::ChangeReply> exporters(const std::string& action, const std::string& exporter) {
    v1::ExporterRequest request;
    request.set_action(action);
    request.set_exporter(exporter);
    return desk_->exporter(request, {7, 70});
  }
  std::uint64_t idle_s() const { return probe_.settings.flow.timeouts.idle_ns / 1'000'000'000; }

  TemporaryFolder folder_;
  Probe probe_;
  std::optional<Reconfiguration> desk_;
};

TEST_F(ReconfigurationTest, AppliesAFileAndSaysWhoAsked) {
  start("");
  desk_->attach(probe_);
  auto reply = ask("idle_timeout: \"5s\" export: \"json:/tmp/a\"", "diff");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->changes_size(), 2);
  EXPECT_FALSE(reply->applied());
  reply = ask("idle_timeout: \"5s\" export: \"json:/tmp/a\"", "check");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->refused(), "");
  EXPECT_EQ(probe_.changes, 0U);
  reply = ask("idle_timeout: \"5s\" export: \"json:/tmp/a\"");
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->applied());
  EXPECT_EQ(reply->entry(), 2U);
  EXPECT_EQ(idle_s(), 5U);
  const v1::HistoryReply history = desk_->history();
  ASSERT_EQ(history.entries_size(), 2);
  EXPECT_EQ(history.entries(0).asked(), "start");
  EXPECT_EQ(history.entries(1).asked(), "config apply new.conf");
  EXPECT_EQ(history.entries(1).uid(), 7U);
  EXPECT_EQ(history.entries(1).pid(), 70);
  ASSERT_EQ(history.entries(1).changes_size(), 2);
  EXPECT_EQ(history.entries(1).changes(0), "idle_timeout: 30s -> 5s");
  EXPECT_NE(desk_->config().text().find("idle_timeout: \"5s\"\n"), std::string::npos);
  EXPECT_NE(desk_->config().text().find("active_timeout: \"300s\"  # default\n"), std::string::npos);
  reply = ask("idle_timeout: \"5s\" export: \"json:/tmp/a\"");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->changes_size(), 0);
  EXPECT_EQ(desk_->history().entries_size(), 2) << "nothing has changed";
}

TEST_F(ReconfigurationTest, AppliesNothingIfAnyPartIsWrong) {
  start("");
  desk_->attach(probe_);
  const auto expect_nothing = [&] {
    EXPECT_EQ(probe_.changes, 0U);
    EXPECT_EQ(desk_->history().entries_size(), 1);
    EXPECT_NE(desk_->config().text().find("idle_timeout: \"30s\"  # default\n"), std::string::npos);
  };
  auto reply = ask("idle_timeout: \"5s\"\nidel_timeout: \"5s\"");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().of_request);
  EXPECT_TRUE(reply.error().what.starts_with("new.conf:2:")) << reply.error().what;
  reply = ask("idle_timeout: \"5\"");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().what.starts_with("new.conf:1:")) << reply.error().what;
  EXPECT_FALSE(ask("idle_timeout: \"5s\" sample_key: \"5eed5eed5eed5eed\"")) << "a rule: nothing is sampled";
  expect_nothing();
  reply = ask("idle_timeout: \"5s\" workers: 2 layer: \"outer\"");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->refused(), "needs a restart: workers, layer");
  EXPECT_FALSE(reply->applied());
  expect_nothing();
  probe_.fault = "export 'json:/x': no space";
  reply = ask("idle_timeout: \"5s\"");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->refused(), "export 'json:/x': no space");
  expect_nothing();
}

TEST_F(ReconfigurationTest, AFileGoesBeforeTheCommandLineAndSaysSo) {
  start("idle_timeout: \"9s\" active_timeout: \"60s\"");
  desk_->attach(probe_);
  auto reply = ask("idle_timeout: \"5s\"");
  ASSERT_TRUE(reply);
  ASSERT_TRUE(reply->applied());
  ASSERT_EQ(reply->changes_size(), 1) << "what the file does not say is as the command line has it";
  ASSERT_EQ(reply->notes_size(), 1);
  EXPECT_NE(reply->notes(0).find("--idle-timeout"), std::string::npos) << reply->notes(0);
  reply = ask("tcp_close: false");
  ASSERT_TRUE(reply);
  EXPECT_EQ(idle_s(), 9U) << "and again";
  EXPECT_EQ(reply->notes_size(), 0);
}

TEST_F(ReconfigurationTest, SighupAppliesTheFileAsAStartWould) {
  start("idle_timeout: \"9s\"", "active_timeout: \"60s\"");
  desk_->attach(probe_);
  desk_->apply_file({0, 99});
  EXPECT_EQ(probe_.changes, 0U) << "the file is as it was";
  write("active_timeout: \"70s\" idle_timeout: \"5s\"");
  desk_->apply_file({0, 99});
  EXPECT_EQ(probe_.changes, 1U);
  EXPECT_EQ(idle_s(), 9U) << "the command line goes before the file";
  EXPECT_EQ(probe_.settings.flow.timeouts.active_ns, 70'000'000'000U);
  EXPECT_EQ(desk_->history().entries(1).asked(), "SIGHUP");
  for (const char* broken : {"active_timeout: \"80s", "active_timeout: \"80\"", "active_timeout: \"80s\" workers: 3"}) {
    write(broken);
    desk_->apply_file({0, 99});
    EXPECT_EQ(probe_.changes, 1U) << broken;
  }
}

TEST_F(ReconfigurationTest, RollsBackToTheEntryBeforeOrToAnyOther) {
  start("");
  desk_->attach(probe_);
  EXPECT_FALSE(roll_back()) << "there is nothing before the start";
  ASSERT_TRUE(ask("idle_timeout: \"5s\""));
  ASSERT_TRUE(ask("idle_timeout: \"6s\""));
  auto reply = roll_back();
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->applied());
  EXPECT_EQ(reply->entry(), 4U);
  EXPECT_EQ(idle_s(), 5U);
  EXPECT_EQ(desk_->history().entries(3).asked(), "config rollback to 2");
  ASSERT_TRUE(roll_back(1));
  EXPECT_EQ(idle_s(), 30U);
  EXPECT_NE(desk_->config().text().find("idle_timeout: \"30s\"  # default\n"), std::string::npos) << "as it was given";
  reply = roll_back(99);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().what, "the history has no entry 99; expected 1 to 5");
}

TEST_F(ReconfigurationTest, RollsBackAfterARestart) {
  const std::string state = folder_.path("state");
  {
    start_with("", "", std::move(*ChangeHistory::open(state)));
    desk_->attach(probe_);
    ASSERT_TRUE(ask("idle_timeout: \"5s\""));
    desk_.reset();
  }
  start_with("", "", std::move(*ChangeHistory::open(state)));
  EXPECT_EQ(desk_->history().running(), 0U) << "weir is starting";
  desk_->attach(probe_);
  const v1::HistoryReply history = desk_->history();
  EXPECT_EQ(history.running(), 3U);
  ASSERT_EQ(history.entries_size(), 3) << "the start differs from what ran before";
  ASSERT_EQ(history.entries(2).changes_size(), 1);
  EXPECT_EQ(history.entries(2).changes(0), "idle_timeout: 5s -> 30s");
  ASSERT_TRUE(roll_back(2));
  EXPECT_EQ(idle_s(), 5U);
  desk_.reset();
  start_with("idle_timeout: \"5s\"", "", std::move(*ChangeHistory::open(state)));
  desk_->attach(probe_);
  EXPECT_EQ(desk_->history().entries_size(), 4) << "it runs again as it ran";
}

TEST_F(ReconfigurationTest, AddsAndRemovesExportersByName) {
  start("export: \"json:/tmp/a?name=a\"");
  desk_->attach(probe_);
  auto reply = exporters("add", "json:/tmp/b");
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->applied());
  EXPECT_EQ(probe_.settings.exports, (std::vector<std::string>{"json:/tmp/a?name=a", "json:/tmp/b"}));
  EXPECT_FALSE(exporters("add", "jsn:/tmp/c"));
  EXPECT_FALSE(exporters("add", "json:/tmp/c?name=a")) << "the name is taken";
  probe_.notes = {"export 'a': 3 of 5 records lost (shutdown 3)"};
  reply = exporters("remove", "a");
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->notes_size(), 1);
  EXPECT_EQ(reply->notes(0), probe_.notes[0]);
  probe_.notes.clear();
  EXPECT_EQ(probe_.settings.exports, (std::vector<std::string>{"json:/tmp/b"}));
  reply = exporters("remove", "json:/tmp/bb");
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().what.find("did you mean"), std::string::npos) << reply.error().what;
  EXPECT_FALSE(reply.error().of_request) << "its text may be right";
  EXPECT_EQ(desk_->history().entries_size(), 3);
  ASSERT_TRUE(exporters("pause", "a"));
  EXPECT_TRUE(probe_.paused);
  ASSERT_TRUE(exporters("resume", "a"));
  EXPECT_FALSE(probe_.paused);
  EXPECT_EQ(exporters("pause", "b")->refused(), "no exporter has this name");
  EXPECT_FALSE(exporters("drop", "a"));
}

/// What is logged while this lives, with the level at "error".
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::err);
    spdlog::set_default_logger(std::move(logger));
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { spdlog::set_default_logger(before_); }
  [[nodiscard]] bool has(const std::string& words) const { return text_.str().find(words) != std::string::npos; }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

TEST_F(ReconfigurationTest, LogsWhoAskedForWhatWhateverTheLevelIs) {
  start("export: \"json:/tmp/a?name=a\" export: \"json:/tmp/b\"", "export: \"json:/tmp/a?name=a\"");
  desk_->attach(probe_);
  const Log log;
  ASSERT_TRUE(ask("idle_timeout: \"5s\" export: \"json:/tmp/b\" export: \"json:/tmp/c\""));
  EXPECT_TRUE(log.has("config apply new.conf (uid 7, pid 70): idle_timeout: 30s -> 5s\n")) << log.text();
  EXPECT_TRUE(log.has("config apply new.conf (uid 7, pid 70): export: - json:/tmp/a?name=a\n")) << log.text();
  EXPECT_TRUE(log.has("config apply new.conf (uid 7, pid 70): export: + json:/tmp/c\n")) << log.text();
  EXPECT_FALSE(ask("idel_timeout: \"5s\""));
  EXPECT_TRUE(log.has("config apply new.conf (uid 7, pid 70): nothing is changed: new.conf:1:")) << log.text();
  EXPECT_FALSE(roll_back(99));
  EXPECT_TRUE(log.has("config rollback to 99 (uid 7, pid 70): nothing is changed: the history has no")) << log.text();
  EXPECT_FALSE(exporters("remove", "z"));
  EXPECT_TRUE(log.has("exporters remove z (uid 7, pid 70): nothing is changed: z: no exporter")) << log.text();
  EXPECT_FALSE(exporters("pause", "z")->refused().empty());
  EXPECT_TRUE(log.has("exporters pause z (uid 7, pid 70): nothing is changed: no exporter")) << log.text();
  desk_->denied("a change of an exporter", {1000, 4711});
  EXPECT_TRUE(log.has("a change of an exporter (uid 1000, pid 4711): refused: only root")) << log.text();
  desk_->apply_file({5, 55});
  EXPECT_TRUE(log.has("SIGHUP (uid 5, pid 55): ")) << log.text();
}

TEST_F(ReconfigurationTest, RefusesWhileNoProbeRuns) {
  start("");
  EXPECT_EQ(ask("idle_timeout: \"5s\"")->refused(), "weir is starting; ask again");
  desk_->attach(probe_);
  desk_->detach("weir is stopping");
  EXPECT_EQ(ask("idle_timeout: \"5s\"")->refused(), "weir is stopping");
  EXPECT_EQ(exporters("pause", "a")->refused(), "weir is stopping");
  EXPECT_EQ(probe_.changes, 0U);
}

TEST_F(ReconfigurationTest, TakesALongFileInPieces) {
  start("");
  desk_->attach(probe_);
  const std::string text = "# " + std::string(5000, 'x') + "\nidle_timeout: \"5s\"";
  v1::ChangeRequest request;
  request.set_how("apply");
  for (std::size_t at = 0; at < text.size(); at += 2048) {
    request.set_offset(at);
    request.set_text(text.substr(at, 2048));
    request.set_more(at + 2048 < text.size());
    ASSERT_TRUE(desk_->change(request, {7, 70}));
  }
  EXPECT_EQ(idle_s(), 5U);
  request.set_offset(2048);
  EXPECT_FALSE(desk_->change(request, {7, 71})) << "somebody else's file";
}

}  // namespace
}  // namespace weir::test::reconfiguration_test
