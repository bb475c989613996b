// ExportMode: live records or those of a capture, and what follows from that for an exporter.
//
// Live, records cannot wait, and collectors come and go: the probe starts without them and survives them. From a
// capture, everything may wait, and a person is watching: a collector that is absent at the start is an error that the
// person can correct. Exporters ask the questions below and never which mode it is.
#pragma once

#include <chrono>
#include <cstdint>

#include "proto/encode/header_time.h"

namespace weir {

enum class ExportMode : std::uint8_t {
  live,     ///< `weir run`, and weir-collect with --listen
  capture,  ///< `weir read`, and weir-collect with files
};

/// Whether records for people leave in order of start time, once the last one is here.
constexpr bool sorts_by_start(ExportMode mode) {
  return mode == ExportMode::capture;
}

/// What the header of a message says.
constexpr HeaderTime header_time(ExportMode mode) {
  return mode == ExportMode::capture ? HeaderTime::records : HeaderTime::now;
}

/// Whether the peer has to be there when the exporter is opened.
constexpr bool needs_peer_at_start(ExportMode mode) {
  return mode == ExportMode::capture;
}

/// Whether a peer that went is waited for.
constexpr bool reconnects(ExportMode mode) {
  return mode == ExportMode::live;
}

/// Whether a file that cannot be written is waited for: a full disk, a folder that is gone.
constexpr bool waits_for_files(ExportMode mode) {
  return mode == ExportMode::live;
}

/// Whether it is measured how late records leave: a capture has no "now".
constexpr bool measures_lateness(ExportMode mode) {
  return mode == ExportMode::live;
}

/// How long an exporter that has a connection may take nothing before it is treated as having no room. When a capture
/// is read, the person who pipes the output into a pager decides how long it takes.
constexpr std::chrono::nanoseconds patience(ExportMode mode) {
  return mode == ExportMode::capture ? std::chrono::nanoseconds::max() : std::chrono::seconds(10);
}

}  // namespace weir
