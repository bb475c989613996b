// Templates that the user gives, for data whose exporter's templates are not there: --template and --templates.
//
// A template is written ID:FIELD,FIELD... A field is ELEMENT/LENGTH, where the element is its number or IANA's name for
// it (or NetFlow v9's), with its enterprise number before it if it has one, and the length is in octets, or "v" where
// each record says it: "256:8/4,12/4,octetDeltaCount/8,29305:1/8,82/v". "scope " before a field makes it a scope, and
// the template one of options; "options " before the id does so without a scope.
//
// A file has a template on each line; empty lines and those that begin with '#' are passed over. It may also be what
// --dump printed: then the templates in it count, and all else in it is passed over. Of two templates of one id the
// later one counts.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proto/decode/flow_message.h"

namespace weir {

/// Error: one line that names the field and what would be right.
tl::expected<TemplateRecord, std::string> parse_given_template(std::string_view text);

/// What a file holds. Error: one line with the number of the line in the file.
tl::expected<std::vector<TemplateRecord>, std::string> parse_given_templates(std::string_view text);

}  // namespace weir
