#include "control/config/idle_choice.h"

#include <algorithm>
#include <fstream>

#include "proto/base/cpu_list.h"

namespace weir {

std::vector<unsigned> isolated_cpus(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  // The list is empty on most machines. A file that cannot be read isolates no CPU.
  if (!std::getline(in, line) || line.empty()) return {};
  return parse_cpu_list(line).value_or(std::vector<unsigned>{});
}

IdleMode idle_mode(IdleChoice choice, unsigned cpu, const std::vector<unsigned>& isolated) {
  switch (choice) {
    case IdleChoice::poll:
      return IdleMode::poll;
    case IdleChoice::pause:
      return IdleMode::pause;
    case IdleChoice::sleep:
      return IdleMode::wait;
    case IdleChoice::automatic:
      break;
  }
  return std::find(isolated.begin(), isolated.end(), cpu) == isolated.end() ? IdleMode::wait : IdleMode::poll;
}

}  // namespace weir
