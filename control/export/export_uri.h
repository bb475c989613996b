// The text of export URIs: which kind it is of, and what it asks for. Parsing opens and resolves nothing.
//
//   SCHEME://TARGET[?NAME=VALUE[&NAME=VALUE...]]   SCHEME:FILE[?...]
//
// The kinds (exporter_kinds.h) say what TARGET is and which options there are, besides `name` and `anonymise`, which
// all have. An option that does not exist is an error and never ignored: a probe that silently ignores an option is
// worse than one that does not start.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "control/export/crypto_pan.h"
#include "control/export/exporter_kind.h"

namespace weir {

struct ExportUri {
  std::string text;  ///< as given, but with *** in place of keys
  std::string name;  ///< by which status, ledger and metrics speak of the exporter: ?name=, else the URI
  const ExporterKind* kind;
  std::unique_ptr<ExportRequest> request;
  std::optional<CryptoPanKey> anonymise;
};

/// Error: one line that names the URI, the part that is wrong, and what is expected.
tl::expected<ExportUri, std::string> parse_export_uri(const std::string& text);

/// The URI for everybody to see: *** stands in place of keys.
std::string without_keys(std::string_view uri);

/// Every form of a URI with its options, as lines for help and for pages.
std::string export_uri_help();

}  // namespace weir
