#include "control/config/inputs.h"

#include <fmt/format.h>

#include <utility>

#include "control/export/file_sink.h"

namespace weir {

std::vector<std::string> inputs_of(const Settings& settings) {
  std::vector<std::string> inputs = settings.captures;
  inputs.insert(inputs.end(), settings.prefix_files.begin(), settings.prefix_files.end());
  const InputSource& source = settings.input_source;
  if (source.kind == InputSource::Kind::records_file && source.path != "-") inputs.push_back(source.path);
  if (!settings.config_file.empty()) inputs.push_back(settings.config_file);
  return inputs;
}

tl::expected<void, std::string> outputs_are_apart(const Settings& settings) {
  const std::pair<const char*, const std::string&> outputs[] = {{"--ledger", settings.ledger_file},
                                                                {"--save-rejects", settings.rejects.path}};
  for (const std::string& input : inputs_of(settings)) {
    const auto identity = FileSink::identity_of(input);
    for (const auto& [option, file] : outputs) {
      if (!identity || FileSink::identity_of(file) != identity) continue;
      return tl::make_unexpected(
          fmt::format("{} {}: that is the input {} itself; name another file", option, file, input));
    }
  }
  return {};
}

}  // namespace weir
