// FlowPrinter: records as lines, to standard output: a table for people, or JSON for programs.
//
// Lines gather in memory and are written when 64 KiB are there or the caller says flush(), which it does whenever
// nothing more is to be read, so that a person sees a record at once and a flood costs few system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proto/base/ip_address.h"
#include "proto/decode/structured_data.h"
#include "proto/record/sections.h"
#include "tools/collect/flow_totals.h"
#include "tools/collect/record_details.h"
#include "tools/collect/sum_by.h"

namespace weir {

class FlowPrinter {
 public:
  enum class Format : std::uint8_t { none, table, json };
  FlowPrinter(Format format, int descriptor) : format_(format), descriptor_(descriptor) {}

  /// `details`: what a NetFlow, IPFIX or sFlow record has beside; JSON shows all of it, by its names. Its exporter is
  /// the sampler; of another record `sampler_address` is, if it names one. `monitor`: that made it; empty: it names
  /// none.
  void print(RecordView record, const RecordDetails* details = nullptr, const IpAddress& sampler_address = {},
             std::string_view monitor = {});
  /// An options record, or a counter sample of sFlow: its scopes and values.
  void print_options(std::string_view exporter, const Decoded& datagram, const DecodedOptions& options,
                     const SubTemplateFinder& find_template);
  /// The sums that were asked for, as a table, or as one JSON line each.
  void print_sums(const SumBy& sums, std::size_t count, bool json);
  /// Any text, whole lines.
  void print_text(std::string_view text);
  /// The largest flows as a table, or as one JSON line each.
  void print_top(const std::vector<FlowTotals::Flow>& flows, bool json);
  /// Writes what has gathered. Error: one line; nothing is written any more after it.
  tl::expected<void, std::string> flush();
  /// The first write that failed did so because nobody reads any more (`| head`): no fault, but there is no more to do.
  [[nodiscard]] bool reader_left() const { return reader_left_; }

 private:
  static constexpr std::size_t kWriteAt = 65'536;
  void print_line(const FlowRecord& record, std::string_view monitor);
  bool shows_monitor(std::string_view monitor);
  void append_details(const RecordDetails& details);
  void written();

  Format format_;
  int descriptor_;
  std::string lines_;
  bool reader_left_ = false;
  std::string error_;  ///< of the first write that failed
  std::optional<std::string> first_monitor_;
  std::size_t monitor_width_ = 0;   ///< of its column; 0: there is none, since all records are of one monitor
  std::size_t endpoint_width_ = 0;  ///< of the address columns: grows when a longer address comes
};

/// "10.0.0.1:443", "[2001:db8::1]:443"; without a port for protocols that have none.
std::string endpoint_text(const std::uint8_t* address, std::uint8_t ip_version, std::uint16_t port,
                          std::uint8_t protocol);

}  // namespace weir
