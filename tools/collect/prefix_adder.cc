#include "tools/collect/prefix_adder.h"

#include <fmt/format.h>

#include <cstdio>

#include "proto/base/number_text.h"

namespace weir {

tl::expected<std::unique_ptr<PrefixAdder>, std::string> PrefixAdder::open(const std::vector<std::string>& files) {
  if (files.empty()) return nullptr;
  auto store = PrefixStore::open(files);
  if (!store) return tl::make_unexpected("--prefixes: " + store.error());
  return std::unique_ptr<PrefixAdder>(new PrefixAdder(std::move(*store)));
}

RecordView PrefixAdder::add(RecordView record) {
  static constexpr std::uint32_t kAtItsBegin = 0;
  added_.clear();
  store_->enrich({reinterpret_cast<const RecordLine*>(record.octets()), &kAtItsBegin, 1}, added_);
  return added_[0];
}

void PrefixAdder::tell_news() {
  for (const PrefixStore::News& news : store_->take_news()) {
    fmt::print(stderr, "weir-collect: {}\n", printable(news.text));
  }
}

}  // namespace weir
