// One message as text for people, each set and each field of it: `weir-collect --dump`.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "proto/decode/flow_message.h"

namespace weir {

/// The fields of the template that a data set names; nullptr if it is not known.
using TemplateFinder = std::function<const std::vector<FieldSpec>*(const MessageHeader& header, std::uint16_t id)>;

/// Several lines: the header; of each set its kind, id and length; templates field by field; records with every value.
/// A data set without a template is shown in hex. What is wrong with the message is its last line.
std::string dump_message(std::span<const std::uint8_t> datagram, const TemplateFinder& find_template);

}  // namespace weir
