#include "control/enrich/interface_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/record/interfaces.h"
#include "proto/record/sections.h"

namespace weir {
namespace {

constexpr std::size_t kMostKnown = 65536;

}  // namespace

tl::expected<std::unique_ptr<InterfaceStore>, std::string> InterfaceStore::open(std::string source) {
  auto store = std::unique_ptr<InterfaceStore>(new InterfaceStore(std::move(source)));
  if (auto read = store->reload(); !read) return tl::make_unexpected(read.error());
  return store;
}

void InterfaceStore::set_ports(const std::vector<InterfaceName>& ports) {
  const std::lock_guard lock(mutex_);
  ports_ = ports;
  known_.clear();
  if (of_system()) names_ = InterfaceNames(ports);
}

tl::expected<void, std::string> InterfaceStore::reload() {
  InterfaceNames names;
  if (!of_system()) {
    auto read = InterfaceNames::read(source_);
    if (!read) return tl::make_unexpected(read.error());
    names = std::move(*read);
  }
  const std::lock_guard lock(mutex_);
  if (!of_system()) names_ = std::move(names);
  known_.clear();
  return {};
}

std::vector<InterfaceName> InterfaceStore::all() const {
  const std::lock_guard lock(mutex_);
  InterfaceNames all = names_;
  for (const InterfaceName& port : ports_) {
    if (all.find(port.index) == nullptr) all.add(port);
  }
  return all.all();
}

const InterfaceStore::Name& InterfaceStore::name_of(std::uint32_t number) {
  if (const auto found = known_.find(number); found != known_.end()) return found->second;
  if (known_.size() >= kMostKnown) known_.clear();
  Name& kept = known_[number];
  kept = {};
  if (number == 0) return kept;
  const InterfaceName* const named = names_.find(number);
  std::string name = named != nullptr ? named->name : std::string();
  if (named == nullptr && of_system() && ports_.empty()) name = system_interface_name(number);
  std::copy_n(name.begin(), std::min(name.size(), kept.size()), kept.begin());
  return kept;
}

void InterfaceStore::enrich(RecordSpan in, RecordBatch& out) {
  const std::lock_guard lock(mutex_);
  for (const RecordView record : in) {
    const auto* const egress = record.find<EgressSection>();
    const Name ingress_name = name_of(record->ingress_interface);
    const Name egress_name = name_of(egress == nullptr ? 0 : egress->interface);
    if (record.has(Section::interface_names) || (ingress_name[0] == 0 && egress_name[0] == 0)) {
      out.append(record);
      continue;
    }
    out.append_with(record, kSectionBit<InterfaceNamesSection>);
    auto& names = out.mutable_section<InterfaceNamesSection>(out.size() - 1);
    std::memcpy(names.ingress_name, ingress_name.data(), ingress_name.size());
    std::memcpy(names.egress_name, egress_name.data(), egress_name.size());
  }
}

}  // namespace weir
