#include "tools/ctl/completion.h"

#include <algorithm>
#include <string>

namespace weir::ctl {
namespace {

/// The options of a command: "--follow -f ", a blank after each.
std::string option_words(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + ' ';
    for (const std::string& name : option->get_snames()) words += '-' + name + ' ';
  }
  return words;
}

/// Those after which a value comes: "--filter|-n".
std::string with_value(const CLI::App& app) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : "|") + word; };
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    for (const std::string& name : option->get_lnames()) add("--" + name);
    for (const std::string& name : option->get_snames()) add('-' + name);
  }
  return words;
}

/// The words that may stand as the one argument of a command, a blank after each.
std::string choices_of(const CLI::App& app) {
  return app.get_name() == "log" ? "debug info warning error " : "";
}

bool takes_file(const CLI::App& app) {
  const auto options = app.get_options();
  return std::any_of(options.begin(), options.end(),
                     [](const CLI::Option* option) { return option->get_name(true) == "FILE"; });
}

}  // namespace

CompletionCommand::CompletionCommand(CLI::App& app)
    : command_(app.add_subcommand("completion", "A script for bash that completes commands and options of weirctl")) {}

std::string bash_completion(const CLI::App& app) {
  std::string commands;
  std::string options;
  std::string valued = with_value(app);
  std::string files;  // commands after which the name of a file comes: "'config diff'|'config apply'"
  for (const CLI::App* command : app.get_subcommands({})) {
    commands += command->get_name() + ' ';
    std::string words = option_words(*command) + choices_of(*command);
    if (const std::string more = with_value(*command); !more.empty()) valued += '|' + more;
    for (const CLI::App* sub : command->get_subcommands({})) {
      words += sub->get_name() + ' ' + option_words(*sub);
      if (const std::string more = with_value(*sub); !more.empty()) valued += '|' + more;
      if (!takes_file(*sub)) continue;
      files.append(files.empty() ? "'" : "|'").append(command->get_name());
      files.append(" ").append(sub->get_name()).append("'");
    }
    options += "    " + command->get_name() + ") options='" + words + "' ;;\n";
  }
  return "# bash completion of weirctl: eval \"$(weirctl completion)\", or as a file in\n"
         "# /usr/share/bash-completion/completions/weirctl\n"
         "_weirctl() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' sub='' options='' i\n"
         "  COMPREPLY=()\n"
         "  case $before in\n"
         "    -o|--output) mapfile -t COMPREPLY < <(compgen -W 'table json csv' -- \"$word\"); return ;;\n"
         "    --socket) mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;\n"
         "    " +
         valued +
         ") return ;;\n"
         "  esac\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      " +
         valued +
         ") ((++i)) ;;\n"
         "      -*) ;;\n"
         "      *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else sub=${COMP_WORDS[i]}; break; fi ;;\n"
         "    esac\n"
         "  done\n"
         "  case $command in\n" +
         options +
         "  esac\n"
         "  local all='" +
         option_words(app) +
         "'\n"
         "  [[ -n $command ]] || all+=' " +
         commands +
         "'\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$all $options\" -- \"$word\")\n"
         "  case \"$command $sub\" in\n"
         "    " +
         files +
         ") mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _weirctl weirctl\n";
}

}  // namespace weir::ctl
