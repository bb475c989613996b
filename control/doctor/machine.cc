#include "control/doctor/machine.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "proto/base/cpu_list.h"

namespace weir {

namespace fs = std::filesystem;

std::optional<std::string> Machine::text(const std::string& path) const {
  std::ifstream in(root_ + path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string out{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return std::nullopt;
  out.erase(out.find_last_not_of(" \t\r\n") + 1);
  return out;
}

std::optional<std::int64_t> Machine::number(const std::string& path) const {
  const auto all = text(path);
  if (!all) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(all->data(), all->data() + all->size(), value);
  return fault == std::errc() && end != all->data() ? std::optional(value) : std::nullopt;
}

std::vector<unsigned> Machine::cpus(const std::string& path) const {
  const auto list = text(path);
  if (!list || list->empty()) return {};
  return parse_cpu_list(*list).value_or(std::vector<unsigned>{});
}

std::vector<std::string> Machine::names(const std::string& folder) const {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at(root_ + folder, error), end; !error && at != end; at.increment(error)) {
    out.push_back(at->path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<std::string> Machine::link(const std::string& path) const {
  std::error_code error;
  const fs::path target = fs::read_symlink(root_ + path, error);
  return error ? std::nullopt : std::optional(target.filename().string());
}

bool Machine::exists(const std::string& path) const {
  std::error_code error;
  return fs::exists(root_ + path, error);
}

}  // namespace weir
