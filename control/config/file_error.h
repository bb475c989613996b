// Errors of the configuration file's text form: from protobuf's words and place to a line that names the mistake.
//
// protobuf reports where its parser stopped, often a token or a line after what is wrong. The text shows the
// mistake itself: an unknown name, a missing quote, or a word other than true and false.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

namespace weir {

/// As protobuf reports it; lines and columns count from 0.
struct ParserError {
  int line = 0;
  int column = 0;
  std::string message;
};

/// "NAME:LINE:COLUMN: what is wrong; what is expected". `text` is the file's, `type` the message that it is to be.
std::string describe_file_error(const ParserError& error, const std::string& text, const std::string& name,
                                const google::protobuf::Descriptor& type);

}  // namespace weir
