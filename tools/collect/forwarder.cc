#include "tools/collect/forwarder.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "proto/base/number_text.h"

namespace weir {

tl::expected<void, std::string> Forwarder::open(std::uint64_t first_ns) {
  ExportContext context;
  context.mode = mode_;
  context.capture_start_ns = first_ns;
  context.inputs = inputs_;
  context.learnt_monitors = monitors_;
  auto hub = ExportHub::open(uris_, context);
  if (!hub) return tl::make_unexpected(hub.error());
  hub_ = std::move(*hub);
  return {};
}

tl::expected<void, std::string> Forwarder::start() {
  for (const std::string& uri : uris_) {
    if (auto good = check_export_uri(uri); !good) return good;
  }
  return mode_ == ExportMode::live ? open(0) : tl::expected<void, std::string>();
}

void Forwarder::add(RecordView record, std::string_view monitor) {
  const std::uint8_t number = monitors_->number_of(monitor);
  if (number == 0 && !monitor.empty() && !told_of_monitors_) {
    told_of_monitors_ = true;
    fmt::print(stderr,
               "weir-collect: --export keeps the names of {} monitors; records of further ones, such as {}, go on "
               "without\n",
               LearntNames::kMost, printable(std::string(monitor)));
  }
  if (batch_.empty()) batch_.reserve(kBatch);
  batch_.append(record);
  batch_.mutable_base(batch_.size() - 1).monitor = number & 0xfU;
  if (batch_.size() == kBatch) flush();
}

void Forwarder::flush() {
  if (batch_.empty() || !error_.empty()) return batch_.clear();
  if (hub_ == nullptr) {
    if (auto opened = open(batch_[0]->start_ns()); !opened) {
      error_ = opened.error();
      return batch_.clear();
    }
  }
  hub_->offer(std::make_shared<const RecordBatch>(std::move(batch_)), mode_ == ExportMode::capture);
  batch_ = {};
}

void Forwarder::reopen() {
  if (hub_ == nullptr) return;
  for (const std::string& problem : hub_->reopen()) {
    fmt::print(stderr, "weir-collect: SIGHUP: {}; the old file stays in use\n", printable(problem));
  }
}

std::vector<std::string> Forwarder::finish() {
  flush();
  if (!error_.empty()) return {error_};
  if (hub_ == nullptr) return {};
  constexpr std::chrono::seconds kLiveTimeout(15), kFileTimeout(86'400);
  return hub_->finish(mode_ == ExportMode::live ? kLiveTimeout : kFileTimeout);
}

std::vector<ExporterSnapshot> Forwarder::snapshot() const {
  return hub_ == nullptr ? std::vector<ExporterSnapshot>() : hub_->snapshot();
}

}  // namespace weir
