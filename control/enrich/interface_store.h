// InterfaceStore: the names of --interfaces as they are loaded now, put into records as these pass from the drain to
// the exporters.
//
// From a file the names are read at start and at SIGHUP; a file that cannot be read changes nothing. `system` takes the
// names of the program's ports, whose numbers are their places on the command line. Where there are no ports (`weir
// read`), the numbers are taken for the kernel's, which is asked once for each.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/enrich/interface_names.h"
#include "proto/record/record_batch.h"
#include "proto/record/section/interface_names.h"

namespace weir {

class InterfaceStore {
 public:
  static constexpr std::string_view kSystem = "system";

  /// `source`: a file, or kSystem. Error: one line.
  static tl::expected<std::unique_ptr<InterfaceStore>, std::string> open(std::string source);

  /// What the program's ports are called: with kSystem these are the names.
  void set_ports(const std::vector<InterfaceName>& ports);
  /// Appends the records of `in` to `out`, with the names of their interfaces. For one thread at a time.
  void enrich(RecordSpan in, RecordBatch& out);
  /// Reads the file again, or forgets what the system said. Error: one line; the names stay.
  tl::expected<void, std::string> reload();
  /// What options data are to say: the file's names, and those of ports that it does not name.
  [[nodiscard]] std::vector<InterfaceName> all() const;

 private:
  using Name = std::array<char, InterfaceNamesSection::kNameOctets>;

  explicit InterfaceStore(std::string source) : source_(std::move(source)) {}
  [[nodiscard]] bool of_system() const { return source_ == kSystem; }
  /// Zeros: it has none.
  const Name& name_of(std::uint32_t number);

  const std::string source_;
  mutable std::mutex mutex_;  ///< guards what follows; a batch holds it while it is enriched
  InterfaceNames names_;
  std::vector<InterfaceName> ports_;
  std::unordered_map<std::uint32_t, Name> known_;  ///< what was asked for since the last change, bounded
};

}  // namespace weir
