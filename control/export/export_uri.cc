#include "control/export/export_uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/exporter_kinds.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

/// Where the second column of help begins.
constexpr std::size_t kColumn = 30;
constexpr std::size_t kRightColumn = 116 - kColumn;  ///< the page of this folder indents the lines by four

/// Two columns; a left one that is too long has a line of its own. A right one that is too long goes on in the next
/// line.
void append_row(std::string& out, std::string_view left, std::string_view right) {
  out += "  ";
  out += left;
  const std::size_t used = 2 + left.size();
  if (!left.empty() && used + 1 >= kColumn) {
    out.append("\n").append(kColumn, ' ');
  } else {
    out.append(kColumn - used, ' ');
  }
  while (right.size() > kRightColumn) {
    const std::size_t blank = right.rfind(' ', kRightColumn);
    if (blank == std::string_view::npos) break;
    out.append(right.substr(0, blank)).append("\n").append(kColumn, ' ');
    right.remove_prefix(blank + 1);
  }
  out.append(right).append("\n");
}

/// What help calls a kind by: its scheme, or its form where another kind has that scheme and "//".
std::string_view help_name(const ExporterKind& kind) {
  const bool shared = std::any_of(exporter_kinds().begin(), exporter_kinds().end(), [&](const ExporterKind* other) {
    return other != &kind && other->scheme == kind.scheme;
  });
  return shared && !kind.prefix().ends_with('/') ? kind.form : kind.scheme;
}

bool same_texts(const ExportOption& a, const ExportOption& b) {
  return a.name == b.name && a.form == b.form && a.help == b.help;
}

/// The options of every kind.
struct CommonOptions {
  std::string name;
  std::optional<CryptoPanKey> anonymise;
};

OptionResult set_name(CommonOptions& options, std::string_view name, std::string_view value) {
  constexpr std::size_t kLongest = 64;
  const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
  if (value.empty() || value.size() > kLongest || !plain) {
    return Error(fmt::format("{} '{}' is not 1 to {} letters, digits, '.', '_' and '-'", name, value, kLongest));
  }
  options.name = value;
  return {};
}

OptionResult set_anonymise(CommonOptions& options, std::string_view name, std::string_view value) {
  return option_hex(name, value, options.anonymise.emplace());
}

constexpr auto kCommonRows = std::to_array<OptionRow<CommonOptions>>({
    {kAnonymiseOption, set_anonymise},
    {kNameOption, set_name},
});
static_assert(kCommonRows.size() == kCommonOptions.size());

/// Takes the options of every kind out of `query` (NAME=VALUE, joined by '&').
tl::expected<CommonOptions, std::string> take_common(std::string& query) {
  CommonOptions options;
  std::array<bool, kCommonRows.size()> given{};
  std::vector<std::string_view> others;
  const std::string all = query;
  for (std::string_view rest = all; !rest.empty();) {
    const std::string_view option = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(option.size() + 1, rest.size()));
    const std::size_t equals = option.find('=');
    const auto* const row =
        std::find_if(kCommonRows.begin(), kCommonRows.end(), [&](const OptionRow<CommonOptions>& one) {
          return equals != std::string_view::npos && one.text.name == option.substr(0, equals);
        });
    if (row == kCommonRows.end()) {
      others.push_back(option);
      continue;
    }
    if (std::exchange(given[static_cast<std::size_t>(row - kCommonRows.begin())], true)) {
      return Error(fmt::format("option '{}' is given twice", row->text.name));
    }
    if (auto set = row->set(options, row->text.name, option.substr(equals + 1)); !set) return Error(set.error());
  }
  if (others.empty()) {
    query.clear();
  } else if (std::find(given.begin(), given.end(), true) != given.end()) {
    query = joined(others, "&");
  }
  return options;
}

/// What stands after an '&' in the target and is an option of the kind: its '?' was forgotten. Empty: nothing.
std::string_view option_in_target(const ExporterKind& kind, std::string_view target) {
  for (std::size_t at = target.find('&'); at != std::string_view::npos; at = target.find('&', at + 1)) {
    const std::string_view option = target.substr(at + 1, target.find('&', at + 1) - at - 1);
    const std::string_view name = option.substr(0, option.find('='));
    if (name.size() == option.size()) continue;
    const auto is_it = [&](const ExportOption& one) { return one.name == name; };
    if (std::any_of(kCommonOptions.begin(), kCommonOptions.end(), is_it) ||
        std::any_of(kind.options.begin(), kind.options.end(), is_it)) {
      return option;
    }
  }
  return {};
}

/// An option as one kind has it, and who else has it so.
struct DescribedOption {
  const ExportOption* option;
  std::vector<std::string_view> schemes;
};

/// Each option once: where kinds describe one name differently, once for each description.
std::vector<DescribedOption> described_options() {
  std::vector<DescribedOption> all;
  for (const ExporterKind* const kind : exporter_kinds()) {
    for (const ExportOption& option : kind->options) {
      auto known = std::find_if(all.begin(), all.end(),
                                [&](const DescribedOption& one) { return same_texts(*one.option, option); });
      if (known == all.end()) known = all.insert(all.end(), {&option, {}});
      known->schemes.push_back(help_name(*kind));
    }
  }
  // Options of one name stand together; the others keep the order of the kinds.
  std::vector<DescribedOption> by_name;
  while (!all.empty()) {
    const std::string_view name = all.front().option->name;
    const auto rest = std::stable_partition(all.begin(), all.end(),
                                            [&](const DescribedOption& one) { return one.option->name == name; });
    by_name.insert(by_name.end(), all.begin(), rest);
    all.erase(all.begin(), rest);
  }
  return by_name;
}

}  // namespace

std::string without_keys(std::string_view uri) {
  std::string text;
  std::size_t at = uri.find('?');
  at = at == std::string_view::npos ? uri.size() : at + 1;
  text.append(uri.substr(0, at));
  while (at < uri.size()) {
    const std::string_view option = uri.substr(at, uri.find('&', at) - at);
    const std::string_view name = option.substr(0, option.find('='));
    const bool secret = name == kAnonymiseOption.name || name == "key";
    text.append(secret ? fmt::format("{}=***", name) : option);
    at += option.size();
    if (at < uri.size()) text += uri[at++];
  }
  return text;
}

tl::expected<ExportUri, std::string> parse_export_uri(const std::string& text) {
  const std::string_view view = text;
  const std::string shown = without_keys(text);  // errors go to logs
  for (const ExporterKind* const kind : exporter_kinds()) {
    if (!view.starts_with(kind->prefix())) continue;
    const std::string_view rest = view.substr(kind->prefix().size());
    const std::size_t question = rest.find('?');
    if (const std::string_view option = option_in_target(*kind, rest.substr(0, question)); !option.empty()) {
      return Error(fmt::format(
          "export '{}': '{}' stands in the name; options begin with '?', as in ?{}", shown,
          rest.substr(static_cast<std::size_t>(option.data() - rest.data()) - 1, option.size() + 1), option));
    }
    std::string query(question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1));
    auto common = take_common(query);
    if (!common) return Error(fmt::format("export '{}': {}", shown, common.error()));
    auto request = kind->parse(*kind, rest.substr(0, question), query);
    if (!request) return Error(fmt::format("export '{}': {}", shown, request.error()));
    std::string name = common->name.empty() ? shown : common->name;
    return ExportUri{shown, std::move(name), kind, std::move(*request), common->anonymise};
  }
  std::vector<std::string_view> forms;
  for (const ExporterKind* const kind : exporter_kinds()) forms.push_back(kind->form);
  return Error(fmt::format("export '{}': unknown form; expected one of {}", shown, joined(forms, ", ")));
}

std::string export_uri_help() {
  std::string out = "Export URIs (IPv6 addresses stand in brackets; FILE - is standard output):\n";
  for (const ExporterKind* const kind : exporter_kinds()) {
    append_row(out, kind->form, kind->help);
    append_row(out, "", "options: " + kind->option_names());
    append_row(out, "", fmt::format("as in '{}'", kind->example));  // a shell would take '?' and '&' for its own
  }
  out += "Options of export URIs follow a '?' and are joined by '&':\n";
  const std::vector<DescribedOption> options = described_options();
  for (const DescribedOption& one : options) {
    const auto with_name = std::count_if(options.begin(), options.end(), [&](const DescribedOption& other) {
      return other.option->name == one.option->name;
    });
    append_row(out, fmt::format("{}={}", one.option->name, one.option->form),
               with_name == 1 ? std::string(one.option->help)
                              : fmt::format("{}: {}", joined(one.schemes, ", "), one.option->help));
  }
  for (const ExportOption& option : kCommonOptions) {
    append_row(out, fmt::format("{}={}", option.name, option.form), option.help);
  }
  out += fmt::format("Each exporter has a queue of {} MiB of memory. What finds it full is lost as queue_full.\n",
                     kQueueOctets / (1024 * 1024));
  return out;
}

}  // namespace weir
