#include "control/probe/reconfiguration.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "control/config/file.h"
#include "control/config/schema.h"
#include "control/export/export_uri.h"
#include "control/probe/audit.h"
#include "control/wall_reading.h"
#include "proto/base/similar.h"
#include "proto/schema/changes_text.h"

namespace weir {
namespace {

using Fault = tl::unexpected<ChangeFault>;

Asker own() {
  return {::geteuid(), ::getpid()};
}

std::string asker_text(const Asker& asker) {
  return fmt::format("uid {}, pid {}", asker.uid, asker.pid);
}

/// What whoever asked wrote, fit for a line of the log.
std::string one_line(std::string text) {
  constexpr std::size_t kMost = 200;
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

/// A line each; of a list what was taken from it and added to it, since all of it makes a line too long to read.
std::vector<std::string> texts_of(const std::vector<ConfigDifference>& differences) {
  std::vector<std::string> texts;
  for (const ConfigDifference& one : differences) {
    const std::vector<std::string> values = list_changes(one.before, one.after);
    if (values.empty()) texts.push_back(one.text());
    for (const std::string& value : values) texts.push_back(fmt::format("{}: {}", one.field, value));
  }
  return texts;
}

/// Somebody asked for a change, and nothing is changed.
void tell_refused(const std::string& asked, const Asker& asker, const std::string& why) {
  audit(spdlog::level::warn, fmt::format("{} ({}): nothing is changed: {}", asked, asker_text(asker), why));
}

void put(v1::ChangeReply& reply, const std::vector<ConfigDifference>& differences) {
  for (const ConfigDifference& one : differences) {
    v1::ConfigChange& change = *reply.add_changes();
    change.set_field(one.field);
    change.mutable_before()->Assign(one.before.begin(), one.before.end());
    change.mutable_after()->Assign(one.after.begin(), one.after.end());
    change.set_effect(one.effect == v1::HOT ? "hot" : "restart");
    change.set_why(one.why);
  }
}

/// Notes the options for which weir's command line has another value than the file. The next start takes that value.
void note_overruled(v1::ChangeReply& reply, const v1::Config& file, const v1::Config& line) {
  const auto* type = v1::Config::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto& field = *type->field(i);
    const bool both = count_in(file, field) != 0 && count_in(line, field) != 0;
    if (!both || values_in(file, field) == values_in(line, field)) continue;
    reply.add_notes(fmt::format("{}: weir was started with {}, which takes precedence over the file at its next start",
                                field.name(), option_of(field.name())));
  }
}

}  // namespace

Reconfiguration::Reconfiguration(const Settings& settings, const v1::Config& effective, GivenConfig given,
                                 ChangeHistory history)
    : start_(std::move(given)),
      config_file_(settings.config_file),
      given_(start_.all),
      settings_(settings),
      effective_(effective),
      history_(std::move(history)) {}

v1::ConfigReply Reconfiguration::config() {
  const std::lock_guard lock(mutex_);
  v1::ConfigReply reply;
  reply.set_text(config_text(without_secrets(effective_), given_));
  if (!history_.entries().empty()) reply.set_entry(history_.entries().back().number);
  reply.set_config_file(config_file_);
  return reply;
}

void Reconfiguration::attach(Changeable& probe) {
  const std::lock_guard lock(mutex_);
  probe_ = &probe;
  HistoryEntry entry{0, clock_time_ns(CLOCK_REALTIME), own(), "start", {}, given_};
  if (!history_.entries().empty()) {
    const HistoryEntry& last = history_.entries().back();
    const auto before = next_of({last.given, {}});
    if (before) entry.changes = texts_of(differences(before->effective, effective_));
    running_ = last.number;
    if (before && entry.changes.empty()) return;  // it runs again as it ran
  }
  if (const auto kept = history_.add(std::move(entry)); !kept) spdlog::warn("{}", kept.error());
  running_ = history_.entries().back().number;
}

void Reconfiguration::detach(const std::string& why) {
  const std::lock_guard lock(mutex_);
  probe_ = nullptr;
  why_not_ = why;
}

tl::expected<Reconfiguration::Next, ConfigError> Reconfiguration::next_of(const SourcedConfig& given) const {
  auto settings = validate(given.config, Command::run, given.places);
  if (!settings) return tl::unexpected(settings.error());
  Next next;
  next.given = given.config;
  next.settings = std::move(*settings);
  next.settings.config_file = config_file_;
  next.effective = effective_config(next.settings);
  next.differences = differences(effective_, next.effective);
  return next;
}

tl::expected<SourcedConfig, ConfigError> Reconfiguration::given_by(const v1::ChangeRequest& request) const {
  if (!request.rollback()) {
    auto file = parse_config(file_, request.name().empty() ? "configuration" : one_line(request.name()));
    if (!file) return file;
    return merge(start_.options, *file);
  }
  const auto& entries = history_.entries();
  if (request.entry() == 0 && entries.size() < 2) {
    return tl::unexpected(ConfigError{"the history has no configuration before the one that runs", 1});
  }
  const std::uint64_t number = request.entry() != 0 ? request.entry() : entries[entries.size() - 2].number;
  const HistoryEntry* const entry = history_.find(number);
  if (entry != nullptr) return SourcedConfig{entry->given, {}};
  const std::string range =
      entries.empty() ? "it is empty" : fmt::format("expected {} to {}", entries.front().number, entries.back().number);
  return tl::unexpected(ConfigError{fmt::format("the history has no entry {}; {}", number, range), 1});
}

/// Of two who send files at once, one hears that his pieces do not fit.
tl::expected<void, ChangeFault> Reconfiguration::take_piece(const v1::ChangeRequest& request, const Asker& asker) {
  constexpr std::size_t kMostOctets = std::size_t{256} << 10;
  if (request.offset() == 0) {
    file_.clear();
    file_from_ = asker;
  }
  if (request.offset() != file_.size() || file_from_.pid != asker.pid) {
    return Fault({"another file came between the pieces of this one; ask again", false});
  }
  if (file_.size() + request.text().size() > kMostOctets) {
    return Fault(
        {fmt::format("{}: larger than {} bytes; expected a configuration file", one_line(request.name()), kMostOctets),
         true});
  }
  file_ += request.text();
  return {};
}

std::string Reconfiguration::asked_text(const v1::ChangeRequest& request) const {
  if (!request.rollback()) return "config apply " + one_line(request.name());
  const auto& entries = history_.entries();
  if (request.entry() != 0) return fmt::format("config rollback to {}", request.entry());
  return entries.size() < 2 ? "config rollback"
                            : fmt::format("config rollback to {}", entries[entries.size() - 2].number);
}

ChangeSource::Answer<v1::ChangeReply> Reconfiguration::change(const v1::ChangeRequest& request, const Asker& asker) {
  const std::lock_guard lock(mutex_);
  const std::string asked = asked_text(request);
  auto reply = take_change(request, asked, asker);
  if (!reply && request.how() == "apply") tell_refused(asked, asker, reply.error().what);
  return reply;
}

/// Holds mutex_.
ChangeSource::Answer<v1::ChangeReply> Reconfiguration::take_change(const v1::ChangeRequest& request,
                                                                   const std::string& asked, const Asker& asker) {
  if (request.how() != "diff" && request.how() != "check" && request.how() != "apply") {
    return Fault({fmt::format("how '{}': expected diff, check or apply", one_line(request.how())), true});
  }
  if (const auto taken = take_piece(request, asker); !taken) return Fault(taken.error());
  if (request.more()) return v1::ChangeReply();
  const auto given = given_by(request);
  if (!given) return Fault({given.error().message, given.error().exit_code == 2});
  auto reply = apply(*given, request.how(), asked, asker);
  if (reply && !request.rollback()) {
    if (const auto file = parse_config(file_, "")) note_overruled(*reply, file->config, start_.options.config);
  }
  return reply;
}

/// `how`: as in ChangeRequest. Holds mutex_.
ChangeSource::Answer<v1::ChangeReply> Reconfiguration::apply(const SourcedConfig& given, const std::string& how,
                                                             const std::string& asked, const Asker& asker) {
  auto next = next_of(given);
  if (!next) return Fault({next.error().message, next.error().exit_code == 2});
  v1::ChangeReply reply;
  put(reply, next->differences);
  if (how == "diff" || next->differences.empty()) return reply;
  if (!all_hot(next->differences)) {
    reply.set_refused(restart_text(next->differences));
  } else if (probe_ == nullptr) {
    reply.set_refused(why_not_);
  } else if (const auto done = probe_->change(next->settings, next->effective, how == "check"); !done) {
    reply.set_refused(done.error());
  } else {
    reply.mutable_notes()->Assign(done->begin(), done->end());
  }
  if (how == "check") return reply;
  if (!reply.refused().empty()) {
    tell_refused(asked, asker, reply.refused());
    return reply;
  }
  keep(std::move(*next), asked, asker, reply);
  return reply;
}

/// What was applied runs from now on, and is an entry of the history.
void Reconfiguration::keep(Next next, const std::string& asked, const Asker& asker, v1::ChangeReply& reply) {
  HistoryEntry entry{0, clock_time_ns(CLOCK_REALTIME), asker, asked, texts_of(next.differences), next.given};
  const auto tell = [&](spdlog::level::level_enum level, const std::string& what) {
    audit(level, fmt::format("{} ({}): {}", asked, asker_text(asker), what));
  };
  for (const std::string& change : entry.changes) tell(spdlog::level::info, change);
  for (const std::string& note : reply.notes()) tell(spdlog::level::warn, note);
  given_ = std::move(next.given);
  settings_ = std::move(next.settings);
  effective_ = std::move(next.effective);
  reply.set_applied(true);
  if (const auto kept = history_.add(std::move(entry)); !kept) {
    spdlog::warn("{}; the history ends with weir", kept.error());
    reply.add_notes(kept.error() + "; the history ends with weir");
  }
  running_ = history_.entries().back().number;
  reply.set_entry(running_);
}

void Reconfiguration::apply_file(const Asker& asker) {
  const std::lock_guard lock(mutex_);
  if (config_file_.empty() || probe_ == nullptr) return;
  auto file = load_config_file(config_file_);
  if (!file) {
    tell_refused("SIGHUP", asker, file.error().message);
    return;
  }
  const auto reply = apply(merge(std::move(*file), start_.options), "apply", "SIGHUP", asker);
  if (!reply) {
    tell_refused("SIGHUP", asker, reply.error().what);
  } else if (reply->changes().empty()) {
    audit(spdlog::level::info, fmt::format("SIGHUP ({}): {} says what runs already", asker_text(asker), config_file_));
  }
}

v1::HistoryReply Reconfiguration::history() {
  const std::lock_guard lock(mutex_);
  v1::HistoryReply reply;
  reply.set_folder(history_.folder());
  reply.set_running(running_);
  for (const HistoryEntry& entry : history_.entries()) {
    v1::HistoryEntry& out = *reply.add_entries();
    out.set_number(entry.number);
    out.set_time_ns(entry.time_ns);
    out.set_uid(entry.asker.uid);
    out.set_pid(entry.asker.pid);
    out.set_asked(entry.asked);
    out.mutable_changes()->Assign(entry.changes.begin(), entry.changes.end());
  }
  return reply;
}

/// The configuration with one exporter more or less.
tl::expected<SourcedConfig, ChangeFault> Reconfiguration::with_exporters(const v1::ExporterRequest& request) const {
  SourcedConfig given{given_, {}};
  if (request.action() == "add") {
    given.config.add_export_(request.exporter());
    given.places[{"export", given.config.export__size() - 1}] = "exporters add";
    return given;
  }
  auto& exports = *given.config.mutable_export_();
  std::vector<std::string> names;
  for (int i = 0; i < exports.size(); ++i) {
    const auto uri = parse_export_uri(exports.Get(i));
    if (!uri) continue;
    names.push_back(uri->name);
    if (uri->name != request.exporter() && exports.Get(i) != request.exporter()) continue;
    exports.DeleteSubrange(i, 1);
    return given;
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  return Fault({fmt::format("{}: no exporter has this name{}", one_line(request.exporter()),
                            did_you_mean(request.exporter(), known)),
                false});
}

/// Pausing is no part of the configuration: it ends with weir.
v1::ChangeReply Reconfiguration::pause(const v1::ExporterRequest& request, const std::string& asked,
                                       const Asker& asker) {
  v1::ChangeReply reply;
  if (probe_ == nullptr) {
    reply.set_refused(why_not_);
  } else if (const auto done = probe_->pause(request.exporter(), request.action() == "pause"); !done) {
    reply.set_refused(done.error());
  } else {
    reply.set_applied(true);
    audit(spdlog::level::info, fmt::format("{} ({})", asked, asker_text(asker)));
  }
  if (!reply.refused().empty()) tell_refused(asked, asker, reply.refused());
  return reply;
}

ChangeSource::Answer<v1::ChangeReply> Reconfiguration::exporter(const v1::ExporterRequest& request,
                                                                const Asker& asker) {
  const std::lock_guard lock(mutex_);
  const std::string asked =
      fmt::format("exporters {} {}", one_line(request.action()), one_line(without_keys(request.exporter())));
  auto reply = take_exporter(request, asked, asker);
  if (!reply) tell_refused(asked, asker, reply.error().what);
  return reply;
}

/// Holds mutex_.
ChangeSource::Answer<v1::ChangeReply> Reconfiguration::take_exporter(const v1::ExporterRequest& request,
                                                                     const std::string& asked, const Asker& asker) {
  if (request.action() == "pause" || request.action() == "resume") return pause(request, asked, asker);
  if (request.action() != "add" && request.action() != "remove") {
    return Fault({fmt::format("'{}': expected add, remove, pause or resume", one_line(request.action())), true});
  }
  const auto given = with_exporters(request);
  if (!given) return Fault(given.error());
  return apply(*given, "apply", asked, asker);
}

ChangeSource::Answer<v1::LogReply> Reconfiguration::log(const v1::LogRequest& request, const Asker& asker) {
  const std::lock_guard lock(mutex_);
  constexpr std::pair<std::string_view, spdlog::level::level_enum> kLevels[] = {{"debug", spdlog::level::debug},
                                                                                {"info", spdlog::level::info},
                                                                                {"warning", spdlog::level::warn},
                                                                                {"error", spdlog::level::err}};
  const auto* const level = std::find_if(std::begin(kLevels), std::end(kLevels),
                                         [&](const auto& one) { return one.first == request.level(); });
  if (level == std::end(kLevels)) {
    tell_refused("log " + one_line(request.level()), asker, "expected debug, info, warning or error");
    return Fault({fmt::format("log '{}': expected debug, info, warning or error", one_line(request.level())), true});
  }
  const auto before = spdlog::default_logger()->level();
  v1::LogReply reply;
  const auto* const was =
      std::find_if(std::begin(kLevels), std::end(kLevels), [&](const auto& one) { return one.second == before; });
  reply.set_before(was == std::end(kLevels) ? "info" : std::string(was->first));
  // Whoever reads the log later sees why it falls silent.
  audit(spdlog::level::info, fmt::format("log {} ({})", request.level(), asker_text(asker)));
  spdlog::default_logger()->set_level(level->second);
  return reply;
}

void Reconfiguration::denied(const char* asked, const Asker& asker) {
  constexpr std::chrono::seconds kTellEvery{1};  // whoever may look may ask as often as he likes
  const std::lock_guard lock(denied_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - denied_told_ < kTellEvery) {
    ++denied_untold_;
    return;
  }
  denied_told_ = now;
  const std::string before =
      denied_untold_ == 0 ? "" : fmt::format("; {} more were refused before that", std::exchange(denied_untold_, 0));
  audit(spdlog::level::warn, fmt::format("{} ({}): refused: only root and the user of weir may change it{}", asked,
                                         asker_text(asker), before));
}

}  // namespace weir
