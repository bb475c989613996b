#include "control/enrich/prefix_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "control/enrich/prefix_line.h"

namespace weir {
namespace {

using Read = tl::expected<void, std::string>;

/// Takes lines of text, one after the other.
class LineReader {
 public:
  LineReader(FilePrefixes& out, RouteMapBuilder& builder) : out_(out), builder_(builder) {}

  Read add(std::string_view line, std::uint32_t number) {
    const std::size_t from = line.find_first_not_of(" \t\r");
    if (from == std::string_view::npos || line[from] == '#') return {};
    line.remove_prefix(from);
    if (!begun_) {
      out_.form = is_bgpdump(line) ? PrefixForm::bgpdump : PrefixForm::text;
      begun_ = true;
    }
    return out_.form == PrefixForm::bgpdump ? add_bgpdump(line, number) : add_text(line, number);
  }
  void finish() {
    if (best_) keep(best_->prefix, best_number_, builder_.add_path(best_->path), true);
    best_.reset();
    if (out_.form == PrefixForm::bgpdump) choose_among_runs();
  }

 private:
  Read add_text(std::string_view line, std::uint32_t number) {
    const auto parsed = parse_prefix_line(line);
    if (!parsed) return tl::make_unexpected(parsed.error());
    keep(*parsed, number, 0, false);
    return {};
  }

  /// A table has the paths of a prefix one after the other; the best one is kept.
  Read add_bgpdump(std::string_view line, std::uint32_t number) {
    if (auto good = parse_bgpdump_line(line, line_); !good) return good;
    const bool same = best_ && best_->prefix.address == line_.prefix.address &&
                      best_->prefix.length == line_.prefix.length && best_->prefix.ipv6 == line_.prefix.ipv6;
    if (same && !line_.better_than(*best_)) return {};
    if (best_ && !same) keep(best_->prefix, best_number_, builder_.add_path(best_->path), true);
    if (!best_) best_.emplace();
    std::swap(*best_, line_);
    best_number_ = number;
    return {};
  }

  void keep(const PrefixLine& line, std::uint32_t number, std::uint32_t path, bool bgp) {
    Route route;
    route.as_number = line.as_number;
    route.as_path = path;
    route.name = builder_.add_name(line.name);
    (bgp ? route.bgp_next_hop : route.next_hop) = builder_.add_hop(line.next_hop);
    std::copy(std::begin(line.country), std::end(line.country), route.country);
    route.domain = line.domain;
    out_.prefixes[line.ipv6 ? 1 : 0].push_back({line.address, builder_.add_route(route), number, line.length});
    if (bgp) ranks_[line.ipv6 ? 1 : 0].push_back({best_->local_preference, best_->path.size(), best_->origin, number});
  }

  /// Tables put together of several may have a prefix again later: the better one of those, the first of equals.
  struct Rank {
    std::uint32_t local_preference;
    std::size_t path;
    std::uint8_t origin;
    std::uint32_t line;
    [[nodiscard]] bool better_than(const Rank& other) const {
      return std::make_tuple(other.local_preference, path, origin, line) <
             std::make_tuple(local_preference, other.path, other.origin, other.line);
    }
  };
  void choose_among_runs() {
    for (std::size_t family = 0; family < 2; ++family) {
      std::vector<FilePrefix>& prefixes = out_.prefixes[family];
      const std::vector<Rank>& ranks = ranks_[family];
      std::vector<std::uint32_t> order(prefixes.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto left = std::tie(prefixes[a].address, prefixes[a].length);
        const auto right = std::tie(prefixes[b].address, prefixes[b].length);
        return left != right ? left < right : ranks[a].better_than(ranks[b]);
      });
      std::vector<FilePrefix> chosen;
      chosen.reserve(prefixes.size());
      for (const std::uint32_t i : order) {
        const FilePrefix& prefix = prefixes[i];
        if (!chosen.empty() && chosen.back().address == prefix.address && chosen.back().length == prefix.length)
          continue;
        chosen.push_back(prefix);
      }
      prefixes = std::move(chosen);
    }
  }

  FilePrefixes& out_;
  RouteMapBuilder& builder_;
  bool begun_ = false;
  BgpdumpLine line_;
  std::optional<BgpdumpLine> best_;  ///< of the prefix that the last lines are of
  std::uint32_t best_number_ = 0;
  std::array<std::vector<Rank>, 2> ranks_;  ///< of each prefix, where the form is bgpdump's
};

/// Whether the file begins as text does not.
bool begins_as_database(std::istream& in) {
  std::array<char, 4096> first{};
  in.read(first.data(), first.size());
  const auto end = first.begin() + in.gcount();
  const bool found = std::find(first.begin(), end, '\0') != end;
  in.clear();
  in.seekg(0);
  return found;
}

}  // namespace

tl::expected<FilePrefixes, std::string> read_prefix_file(const std::string& file, RouteMapBuilder& builder) {
  std::vector<char> buffer(std::size_t{1} << 18);
  std::ifstream in;
  in.rdbuf()->pubsetbuf(buffer.data(), static_cast<std::streamsize>(buffer.size()));
  errno = 0;
  in.open(file);
  if (!in) return tl::make_unexpected(fmt::format("{}: {}; expected a file of prefixes", file, std::strerror(errno)));
  if (begins_as_database(in)) return read_maxmind_file(file, builder);
  FilePrefixes out;
  out.file = file;
  LineReader reader(out, builder);
  std::uint32_t number = 0;
  errno = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (auto good = reader.add(line, number); !good) {
      return tl::make_unexpected(fmt::format("{}:{}: {}", file, number, good.error()));
    }
  }
  if (in.bad()) return tl::make_unexpected(fmt::format("{}:{}: {}", file, number + 1, std::strerror(errno)));
  reader.finish();
  if (auto good = RouteMapBuilder::sort(out); !good) return tl::make_unexpected(good.error());
  if (out.size() == 0) return tl::make_unexpected(fmt::format("{}: holds no prefix; expected one per line", file));
  return out;
}

}  // namespace weir
