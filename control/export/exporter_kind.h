// ExporterKind: an exporter's description of itself, from which the URI parser, the help and the pages come.
//
// Each exporter's own file defines its kinds: a struct of what its URIs say, a row for each option, a function that
// opens the exporter, and the texts. exporter_kinds.h lists them, a line each; nothing else names them. A whole one:
//
//   struct Options : HostPort { std::uint32_t window = 8; };
//
//   constexpr auto kOptions = std::to_array<OptionRow<Options>>({
//       {{"window", "N", "Messages under way, 1 to 64 [8]", "16"},
//        [](Options& options, std::string_view name, std::string_view value) {
//          return set_option(options.window, option_number(name, value, 1, 64));
//        }},
//   });
//
//   OpenResult open(const Options& options, const ExportContext& context, ExportQueue& books) { ... }
//
//   constinit const ExporterKind syslog_kind = exporter_kind<Options, kOptions, open>(
//       {.scheme = "syslog", .form = "syslog://HOST:PORT", .help = "...", .example =
//       "syslog://192.0.2.1:514?window=16"});
//
// Options that several exporters have are structs with rows of their own, from which a kind's struct derives:
// peer.h, outgoing.h, datagram_options.h, template_options.h, file_output.h.
//
// A URI becomes an exporter in two steps. Parsing looks at the text, asks the system no more than whether an interface
// exists, and opens nothing; its errors are those of a command line. Opening meets the world.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/option_values.h"

namespace weir {

struct ExportOption {
  std::string_view name;
  std::string_view form;     ///< of its value, as help shows it: "N", "0|1"
  std::string_view help;     ///< one sentence, with the limits, and the default in brackets
  std::string_view example;  ///< a value that is right
};

/// The options that URIs of every kind have: parse_export_uri() takes them.
inline constexpr ExportOption kNameOption{
    "name", "NAME", "Name of the exporter in status, ledger and metrics, each its own [the URI]", "core-netflow"};
inline constexpr ExportOption kAnonymiseOption{
    "anonymise", "HEX",
    "Change addresses by Crypto-PAn with this key of 64 hexadecimal digits, which keeps networks together; texts and "
    "MAC addresses stay out [off]",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
inline constexpr auto kCommonOptions = std::to_array<ExportOption>({kAnonymiseOption, kNameOption});

using OpenResult = tl::expected<std::unique_ptr<Exporter>, std::string>;

/// What the text of a URI asks for. Nothing is open.
class ExportRequest {
 public:
  virtual ~ExportRequest() = default;

  /// The file that it writes, as it was given, "-": standard output; empty: it writes none.
  [[nodiscard]] virtual std::string file() const = 0;
  /// The source id, engine id or observation domain that its messages name; nothing: they name none.
  [[nodiscard]] virtual std::optional<std::uint32_t> source_id() const { return std::nullopt; }
  /// Of a group: the names of its members.
  [[nodiscard]] virtual std::vector<std::string> members() const { return {}; }
  /// Reads the files that it needs to reach its peer, and changes nothing. Error: one line without the URI.
  [[nodiscard]] virtual OptionResult check_files() const { return {}; }
  /// Changes nothing that others see: that is Exporter::begin()'s to do. `books` outlives the exporter. Error: one line
  /// without the URI.
  [[nodiscard]] virtual OpenResult open(const ExportContext& context, ExportQueue& books) const = 0;
};

using ParseResult = tl::expected<std::unique_ptr<ExportRequest>, std::string>;

struct ExporterKind {
  std::string_view scheme;   ///< what stands before the first ':'
  std::string_view form;     ///< of a URI without options, scheme included
  std::string_view help;     ///< what is sent, and where
  std::string_view example;  ///< a whole URI
  /// What it sends names one source id, so that each monitor has a stream of its own.
  bool names_source;
  std::span<const ExportOption> options;
  /// `target` is what stands between the scheme and the '?', `query` what stands after that, without the options of
  /// every kind. Error: one line without the URI.
  ParseResult (*parse)(const ExporterKind& kind, std::string_view target, std::string_view query);

  /// What a URI of this kind begins with: the scheme, ':' and, where the form has it, "//".
  [[nodiscard]] constexpr std::string_view prefix() const {
    const std::string_view rest = form.substr(scheme.size());
    return form.substr(0, scheme.size() + (rest.starts_with("://") ? 3 : 1));
  }
  /// The names of its options and of those of every kind, separated by ", ".
  [[nodiscard]] std::string option_names() const;
};

/// An option of a kind whose URIs become an `Options`: its texts, and what sets it.
template <typename Options>
struct OptionRow {
  ExportOption text;
  OptionResult (*set)(Options& options, std::string_view name, std::string_view value);
};

/// For kinds without options.
template <typename Options>
inline constexpr std::array<OptionRow<Options>, 0> kNoOptions{};

template <typename Options>
class ExportRequestOf final : public ExportRequest {
 public:
  using Open = OpenResult (*)(const Options& options, const ExportContext& context, ExportQueue& books);
  explicit ExportRequestOf(Open opener) : open_(opener) {}

  [[nodiscard]] std::string file() const override {
    if constexpr (requires { options.path_of_file(); }) {
      return options.path_of_file();
    } else {
      return {};
    }
  }
  [[nodiscard]] std::optional<std::uint32_t> source_id() const override {
    if constexpr (requires { options.source_id; }) {
      return options.source_id;
    } else {
      return std::nullopt;
    }
  }
  [[nodiscard]] std::vector<std::string> members() const override {
    if constexpr (requires { options.members; }) {
      return options.members;
    } else {
      return {};
    }
  }
  [[nodiscard]] OptionResult check_files() const override {
    if constexpr (requires { options.check_files(); }) {
      return options.check_files();
    } else {
      return {};
    }
  }
  [[nodiscard]] OpenResult open(const ExportContext& context, ExportQueue& books) const override {
    return open_(options, context, books);
  }

  Options options;

 private:
  Open open_;
};

/// Takes `query` apart (NAME=VALUE, joined by '&') and has each option set: `set` gets the place in kind.options.
OptionResult parse_query(const ExporterKind& kind, std::string_view query,
                         const std::function<OptionResult(std::size_t index, std::string_view value)>& set);

namespace detail {

template <const auto& kRows>
inline constexpr auto kOptionTexts = [] {
  std::array<ExportOption, std::size(kRows)> texts{};
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = kRows[i].text;
  return texts;
}();

template <typename Options, const auto& kRows, OpenResult (*kOpen)(const Options&, const ExportContext&, ExportQueue&)>
ParseResult parse_request(const ExporterKind& kind, std::string_view target, std::string_view query) {
  auto request = std::make_unique<ExportRequestOf<Options>>(kOpen);
  Options& options = request->options;
  if (auto good = parse_target(options, target, kind.form); !good) return tl::unexpected(std::move(good.error()));
  auto good = parse_query(kind, query, [&](std::size_t index, std::string_view value) {
    return kRows[index].set(options, kRows[index].text.name, value);
  });
  if (!good) return tl::unexpected(std::move(good.error()));
  if constexpr (requires { options.check(); }) {  // what only several options show to be wrong
    if (auto fit = options.check(); !fit) return tl::unexpected(std::move(fit.error()));
  }
  if constexpr (requires { options.check_source(options.host); }) {
    if (auto fit = options.check_source(options.host); !fit) return tl::unexpected(std::move(fit.error()));
  }
  return request;
}

}  // namespace detail

struct ExporterTexts {
  std::string_view scheme;
  std::string_view form;
  std::string_view help;
  std::string_view example;
  bool names_source = false;
};

/// `Options` is what parse_target(Options&, target, form) and the rows fill in.
template <typename Options, const auto& kRows, OpenResult (*kOpen)(const Options&, const ExportContext&, ExportQueue&)>
constexpr ExporterKind exporter_kind(const ExporterTexts& texts) {
  return {texts.scheme,
          texts.form,
          texts.help,
          texts.example,
          texts.names_source,
          detail::kOptionTexts<kRows>,
          &detail::parse_request<Options, kRows, kOpen>};
}

}  // namespace weir
