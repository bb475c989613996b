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

void Forwarder::add(RecordView record) {
  if (batch_.empty()) batch_.reserve(kBatch);
  batch_.append(record);
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
