// Machine: what the kernel says of the machine, in the files of /proc and /sys.
//
// The checks are functions of it. Tests give it the root of a made-up tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir {

class Machine {
 public:
  explicit Machine(std::string root = {}) : root_(std::move(root)) {}

  /// The file without the blanks and line ends at its end; nullopt: it cannot be read.
  [[nodiscard]] std::optional<std::string> text(const std::string& path) const;
  /// Its first number, in decimal digits.
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& path) const;
  /// CPUs of a file such as /sys/devices/system/cpu/isolated; none where it is empty or absent.
  [[nodiscard]] std::vector<unsigned> cpus(const std::string& path) const;
  /// The names in a folder, in ascending order; none where there is no such folder.
  [[nodiscard]] std::vector<std::string> names(const std::string& folder) const;
  /// The last part of what a symbolic link says; nullopt: there is none.
  [[nodiscard]] std::optional<std::string> link(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;

 private:
  std::string root_;
};

}  // namespace weir
