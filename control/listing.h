// What weir prints of its own lists: rejects and losses, tunnels, fields, metrics. Each is made from the list that the
// code works by, so it cannot say anything else.
#pragma once

#include <string>

#include "dataplane/metric/metrics.h"

namespace weir {

/// The names of all rejects and losses with what they mean.
std::string reasons_text();

/// What `weir tunnels` prints: every name of --tunnels, whether it is on by default, its port and what it is.
std::string tunnels_text();

/// What `weir fields` prints: every column of JSON and of databases, its section, type, unit, protobuf number, IPFIX
/// element and meaning.
std::string fields_text();
/// The same as one JSON array.
std::string fields_json();

/// What `weir metrics` prints: each of these metrics, its fields and the memory that it takes for each flow.
std::string metrics_text(const Metrics& metrics);

}  // namespace weir
