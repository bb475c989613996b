#include "control/doctor/finding.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/base/json_string.h"

namespace weir {
namespace {

std::string quoted(std::string_view text) {
  std::string out(text.size() * kJsonOctetMost + 2, '"');
  char* const end = write_json_string(out.data() + 1, text);
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out + '"';
}

std::ptrdiff_t count(const Findings& findings, Health health) {
  return std::count_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.health == health; });
}

}  // namespace

std::string_view health_name(Health health) {
  switch (health) {
    case Health::good:
      return "ok";
    case Health::advice:
      return "advice";
    case Health::problem:
      break;
  }
  return "problem";
}

std::string findings_text(const Findings& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += fmt::format("{:<8} {:<9} {}\n", health_name(finding.health), finding.check, finding.text);
    for (const std::string& command : finding.commands) out += fmt::format("{:18} {}\n", "", command);
  }
  const auto problems = count(findings, Health::problem);
  const auto advice = count(findings, Health::advice);
  out += problems == 0 ? std::string("\nnothing stands in the way")
                       : fmt::format("\n{} problem{} stand{} in the way", problems, problems == 1 ? "" : "s",
                                     problems == 1 ? "s" : "");
  return out +
         (advice == 0 ? std::string("\n") : fmt::format("; {} piece{} of advice\n", advice, advice == 1 ? "" : "s"));
}

std::string findings_json(const Findings& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    std::string commands;
    for (const std::string& command : finding.commands) {
      commands += (commands.empty() ? "" : ",") + quoted(command);
    }
    out += fmt::format("{{\"health\":\"{}\",\"check\":{},\"text\":{},\"commands\":[{}]}}\n",
                       health_name(finding.health), quoted(finding.check), quoted(finding.text), commands);
  }
  return out;
}

bool any_problem(const Findings& findings) {
  return count(findings, Health::problem) != 0;
}

}  // namespace weir
