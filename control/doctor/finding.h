// Finding: one thing that the doctor looked at, how it is, and the command that mends it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// advice: weir runs, but measures worse or costs more than it need. problem: it does not start, or loses what it
/// measured.
enum class Health : std::uint8_t { good, advice, problem };

/// "ok", "advice", "problem".
std::string_view health_name(Health health);

struct Finding {
  Health health = Health::good;
  std::string check;                  ///< what was looked at: "memory", "port", "cpu", ...
  std::string text;                   ///< one sentence: what, and how it is
  std::vector<std::string> commands;  ///< for a shell, in this order; a line that begins with '#' is a remark
};

using Findings = std::vector<Finding>;

/// For people: a line for each, the commands below it, and a last line that says how many problems there are.
std::string findings_text(const Findings& findings);

/// One JSON object a line: health, check, text, commands.
std::string findings_json(const Findings& findings);

/// Whether something stands in the way.
bool any_problem(const Findings& findings);

}  // namespace weir
