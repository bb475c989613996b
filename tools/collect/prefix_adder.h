// PrefixAdder: --prefixes: records with what prefix files say of them, one by one.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/enrich/prefix_store.h"
#include "proto/record/record_batch.h"

namespace weir {

class PrefixAdder {
 public:
  /// nullptr: there are no files. Error: one line.
  static tl::expected<std::unique_ptr<PrefixAdder>, std::string> open(const std::vector<std::string>& files);

  /// The record with what the files say of it. It lives until the next one.
  RecordView add(RecordView record);
  /// Begins to load the files anew.
  void reload() { store_->reload(); }
  /// Says on standard error what reloads have come to.
  void tell_news();

 private:
  explicit PrefixAdder(std::unique_ptr<PrefixStore> store) : store_(std::move(store)) {}

  std::unique_ptr<PrefixStore> store_;
  RecordBatch added_;
};

}  // namespace weir
