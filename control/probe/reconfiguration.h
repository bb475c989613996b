// Reconfiguration: the configuration that runs, how it is changed, and who changed it.
//
// A change is the difference of two configurations. It is applied as a whole or not at all: what cannot be read, what
// breaks a rule, what needs a restart in a single field, and what the probe cannot open, changes nothing. What was
// applied is an entry of the history, and a line of the log says who asked.
//
// A file that is applied takes precedence over the command line of weir for what it sets, since somebody asks for it
// now; for what it does not set, the command line holds, else the default. SIGHUP applies the file of --config as a
// start does: there the command line takes precedence.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/config.h"
#include "control/config/difference.h"
#include "control/probe/change_history.h"
#include "control/probe/changeable.h"
#include "control/service/change_source.h"

namespace weir {

class Reconfiguration final : public ChangeSource {
 public:
  /// `given` is what `settings` and `effective` were made of.
  Reconfiguration(const Settings& settings, const v1::Config& effective, GivenConfig given, ChangeHistory history);

  v1::ConfigReply config() override;
  Answer<v1::ChangeReply> change(const v1::ChangeRequest& request, const Asker& asker) override;
  v1::HistoryReply history() override;
  Answer<v1::ChangeReply> exporter(const v1::ExporterRequest& request, const Asker& asker) override;
  Answer<v1::LogReply> log(const v1::LogRequest& request, const Asker& asker) override;
  void denied(const char* asked, const Asker& asker) override;

  /// The probe runs: from now on it is changed. It lives until detach(), which waits for a change that is under way.
  void attach(Changeable& probe);
  /// `why`: one line, for those who ask from then on.
  void detach(const std::string& why);
  /// SIGHUP of this sender: applies the file of --config, if there is one. What becomes of it is in the log.
  void apply_file(const Asker& asker);

 private:
  /// What a configuration comes to.
  struct Next {
    v1::Config given;
    Settings settings;
    v1::Config effective;
    std::vector<ConfigDifference> differences;
  };
  [[nodiscard]] tl::expected<Next, ConfigError> next_of(const SourcedConfig& given) const;
  Answer<v1::ChangeReply> take_change(const v1::ChangeRequest& request, const std::string& asked, const Asker& asker);
  Answer<v1::ChangeReply> take_exporter(const v1::ExporterRequest& request, const std::string& asked,
                                        const Asker& asker);
  [[nodiscard]] std::string asked_text(const v1::ChangeRequest& request) const;
  [[nodiscard]] tl::expected<void, ChangeFault> take_piece(const v1::ChangeRequest& request, const Asker& asker);
  [[nodiscard]] tl::expected<SourcedConfig, ConfigError> given_by(const v1::ChangeRequest& request) const;
  Answer<v1::ChangeReply> apply(const SourcedConfig& given, const std::string& how, const std::string& asked,
                                const Asker& asker);
  void keep(Next next, const std::string& asked, const Asker& asker, v1::ChangeReply& reply);
  [[nodiscard]] tl::expected<SourcedConfig, ChangeFault> with_exporters(const v1::ExporterRequest& request) const;
  [[nodiscard]] v1::ChangeReply pause(const v1::ExporterRequest& request, const std::string& asked, const Asker& asker);

  std::mutex mutex_;  ///< guards what follows; held during a change
  Changeable* probe_ = nullptr;
  std::string why_not_ = "weir is starting; ask again";  ///< where there is no probe
  const GivenConfig start_;
  const std::string config_file_;
  v1::Config given_;
  Settings settings_;
  v1::Config effective_;
  ChangeHistory history_;
  std::uint64_t running_ = 0;  ///< the entry that runs; 0: none does yet
  std::string file_;           ///< the pieces of a file that have come
  Asker file_from_;

  std::mutex denied_mutex_;  ///< guards what follows; never held for long
  std::chrono::steady_clock::time_point denied_told_{};
  std::uint64_t denied_untold_ = 0;
};

}  // namespace weir
