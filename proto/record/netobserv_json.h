// A flow record as one JSON line with the names that the agent of NetObserv writes (json:FILE?format=netobserv).
//
//   {"Etype":2048,"FlowDirection":0,"SrcMac":"02:00:00:00:00:01","DstMac":"02:00:00:00:00:02","SrcAddr":"10.0.0.1",
//    "DstAddr":"10.0.0.2","SrcPort":40000,"DstPort":443,"Proto":6,"IFIndex":2,"Packets":3,"Bytes":444,
//    "StartMonoTimeNs":123,"EndMonoTimeNs":789,"TimeFlowStart":"2026-11-30T12:00:00.000000123Z",
//    "TimeFlowEnd":"2026-11-30T12:00:00.000000789Z","Interface":"eth0"}
//
// The agent knows one direction, so a biflow has a line for each. Bytes are octets with the link-layer header where an
// agent counted them, else IP octets. What the record does not have is 0: direction, MAC addresses, monotonic times.
// Times on the wall are as RFC 3339 section 5.6 has them, in UTC, without zeros at the end of the fraction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/record/sections.h"

namespace weir {

/// Names of interfaces are cut after so many octets.
inline constexpr std::size_t kMostInterfaceNameOctets = 64;
/// Most octets of one line.
inline constexpr std::size_t kNetobservJsonMaxOctets = 1200;

/// Writes the forward direction of `record` as one line, newline included, to `out`, which has room for
/// kNetobservJsonMaxOctets. Returns the end. `interface`: the name of its interface; empty: nobody knows it, and the
/// line says unknown.
char* write_netobserv_json(char* out, RecordView record, std::string_view interface);

}  // namespace weir
