// One message as text for people, each set and each field of it: `weir-collect --dump`.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "proto/decode/flow_message.h"
#include "proto/decode/value_text.h"

namespace weir {

/// The fields of the template that a data set names; nullptr if it is not known.
using TemplateFinder = std::function<const std::vector<FieldSpec>*(const MessageHeader& header, std::uint16_t id)>;

/// Several lines: the header; of each set its kind, id and length; templates field by field; records with every value.
/// A data set without a template is shown in hex. What is wrong with the message is its last line.
/// `values`: each value as what it means, or as its octets in hex.
std::string dump_message(std::span<const std::uint8_t> datagram, const TemplateFinder& find_template,
                         DumpValues values = DumpValues::text);

/// The octets of a datagram, 16 on a line after their offset: lines that text2pcap reads, if it
/// gets no others.
std::string dump_octets(std::span<const std::uint8_t> datagram);

}  // namespace weir
