// MaxMind databases (libmaxminddb): AS numbers with names (GeoLite2-ASN) and countries (Country, City).
//
// The database's own search costs about a microsecond per address, so its tree is walked once, and every network
// becomes a prefix of the map. Its lengths are not those of routes: the database splits and joins networks as it likes.
#include <fmt/format.h>
#include <maxminddb.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "control/enrich/prefix_file.h"

namespace weir {
namespace {

/// A database that is open.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    if (open_) MMDB_close(&base_);
  }
  tl::expected<void, std::string> open(const std::string& file) {
    const int status = MMDB_open(file.c_str(), MMDB_MODE_MMAP, &base_);
    open_ = status == MMDB_SUCCESS;
    if (open_) return {};
    return tl::make_unexpected(fmt::format("{}: {}; expected a MaxMind database, or text with a prefix per line", file,
                                           MMDB_strerror(status)));
  }
  [[nodiscard]] const MMDB_s& base() const { return base_; }

 private:
  MMDB_s base_{};
  bool open_ = false;
};

/// The value of a path of keys; false: it is not there, or of another type.
template <std::size_t kCount>
bool value_at(MMDB_entry_s entry, const char* const (&path)[kCount], std::uint32_t type, MMDB_entry_data_s& out) {
  static_assert(kCount >= 2, "nullptr ends a path");
  return MMDB_aget_value(&entry, &out, path) == MMDB_SUCCESS && out.has_data && out.type == type;
}

std::string_view text_of(const MMDB_entry_data_s& data) {
  return {data.utf8_string, data.data_size};
}

class Walk {
 public:
  Walk(const MMDB_s& base, FilePrefixes& out, RouteMapBuilder& builder) : base_(base), out_(out), builder_(builder) {}

  /// False: the tree is damaged.
  bool run() {
    if (base_.metadata.ip_version == 4) return walk(0, 0, false);
    std::uint32_t ipv4 = 0;
    unsigned depth = 0;
    bool has_ipv4 = true;
    for (; depth < 96 && has_ipv4; ++depth) {  // ::/96
      MMDB_search_node_s node;
      if (MMDB_read_node(&base_, ipv4, &node) != MMDB_SUCCESS) return false;
      has_ipv4 = node.left_record_type == MMDB_RECORD_TYPE_SEARCH_NODE;
      if (has_ipv4) ipv4 = static_cast<std::uint32_t>(node.left_record);
    }
    if (!has_ipv4) return walk(0, 0, true);
    if (!walk(ipv4, 0, false)) return false;
    // Of IPv6 it is no part, nor are its further names, such as ::ffff:0:0/96, which lead to the same node.
    ipv4_ = ipv4;
    return walk(0, 0, true);
  }

 private:
  struct Step {
    std::uint64_t node;
    AddressBits address;
    unsigned depth;
  };

  bool walk(std::uint32_t root, unsigned depth, bool ipv6) {
    const unsigned bits = ipv6 ? 128 : 32;
    std::vector<Step> steps{{root, {}, depth}};
    while (!steps.empty()) {
      const Step step = steps.back();
      steps.pop_back();
      MMDB_search_node_s node;
      // A tree has each node once; one that leads back to itself would have no end.
      if (step.depth >= bits || ++visited_ > 2 * std::uint64_t{base_.metadata.node_count} ||
          MMDB_read_node(&base_, static_cast<std::uint32_t>(step.node), &node) != MMDB_SUCCESS) {
        return false;
      }
      AddressBits right = step.address;
      const unsigned bit = step.depth;
      (bit < 64 ? right.high : right.low) |= std::uint64_t{1} << (63 - bit % 64);
      // The right one first: the stack gives the left one first then, so that prefixes come in order.
      if (!take(node.right_record_type, node.right_record, node.right_record_entry, right, bit + 1, ipv6, steps) ||
          !take(node.left_record_type, node.left_record, node.left_record_entry, step.address, bit + 1, ipv6, steps)) {
        return false;
      }
    }
    return true;
  }

  bool take(std::uint8_t type, std::uint64_t record, const MMDB_entry_s& entry, const AddressBits& address,
            unsigned length, bool ipv6, std::vector<Step>& steps) {
    if (type == MMDB_RECORD_TYPE_SEARCH_NODE) {
      if (!ipv6 || record != ipv4_) steps.push_back({record, address, length});
      return true;
    }
    if (type != MMDB_RECORD_TYPE_DATA) return type == MMDB_RECORD_TYPE_EMPTY;
    const std::uint32_t route = route_of(entry);
    if (route != 0) {
      out_.prefixes[ipv6 ? 1 : 0].push_back({address, route, 0, static_cast<std::uint8_t>(length)});
    }
    return true;
  }

  /// The route that the data are; 0: they say nothing of use. Many networks share their data.
  std::uint32_t route_of(const MMDB_entry_s& entry) {
    const auto [found, fresh] = routes_.try_emplace(entry.offset, 0);
    if (!fresh) return found->second;
    constexpr const char* kNumber[] = {"autonomous_system_number", nullptr};
    constexpr const char* kName[] = {"autonomous_system_organization", nullptr};
    constexpr const char* kCountry[] = {"country", "iso_code", nullptr};
    Route route;
    MMDB_entry_data_s data;
    if (value_at(entry, kNumber, MMDB_DATA_TYPE_UINT32, data)) route.as_number = data.uint32;
    if (value_at(entry, kName, MMDB_DATA_TYPE_UTF8_STRING, data)) route.name = builder_.add_name(text_of(data));
    if (value_at(entry, kCountry, MMDB_DATA_TYPE_UTF8_STRING, data) && data.data_size == sizeof route.country) {
      std::memcpy(route.country, data.utf8_string, sizeof route.country);
    }
    if (!(route == Route{})) found->second = builder_.add_route(route);
    return found->second;
  }

  const MMDB_s& base_;
  FilePrefixes& out_;
  RouteMapBuilder& builder_;
  std::unordered_map<std::uint32_t, std::uint32_t> routes_;  ///< by the place of their data
  std::uint64_t ipv4_ = UINT64_MAX;
  std::uint64_t visited_ = 0;
};

}  // namespace

tl::expected<FilePrefixes, std::string> read_maxmind_file(const std::string& file, RouteMapBuilder& builder) {
  Database database;
  if (auto good = database.open(file); !good) return tl::make_unexpected(good.error());
  FilePrefixes out;
  out.file = file;
  out.form = PrefixForm::maxmind;
  if (!Walk(database.base(), out, builder).run()) {
    return tl::make_unexpected(fmt::format("{}: the search tree is damaged; expected a whole MaxMind database", file));
  }
  if (auto good = RouteMapBuilder::sort(out); !good) return tl::make_unexpected(good.error());
  if (out.size() != 0) return out;
  return tl::make_unexpected(fmt::format(
      "{}: a database of {} has neither AS numbers nor countries; expected one of them, such as GeoLite2-ASN", file,
      database.base().metadata.database_type));
}

}  // namespace weir
