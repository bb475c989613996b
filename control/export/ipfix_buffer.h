// IpfixBuffer: IPFIX messages on their way into a TCP connection (RFC 7011 section 10.4).
//
// A connection is a transport session of its own: it begins with the templates and its sequence with 0. So messages
// that the last connection did not take as a whole are numbered anew in the next one, after its templates. Templates
// are not repeated within a connection, new ones stand before their first record; options data are repeated every
// template_refresh.
#pragma once

#include <cstdint>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/export_queue.h"
#include "control/export/stream_buffer.h"
#include "control/export/template_options.h"
#include "proto/encode/ipfix_encoder.h"

namespace weir {

class IpfixBuffer final : public StreamBuffer {
 public:
  IpfixBuffer(const TemplateOptions& templates, const ExportContext& context, const ExportQueue& books);

  std::size_t append(RecordSpan records) override;
  std::span<const std::uint8_t> pending() override;
  [[nodiscard]] bool empty() const override { return sent_ == octets_.size() && encoder_.empty(); }
  RecordTotals advance(std::size_t count) override;
  void rewind() override { sent_ = boundary_; }
  RecordTotals clear() override;
  void begin_stream() override;
  void end_stream() override;

 private:
  struct Message {
    std::size_t end;  ///< in octets_
    RecordTotals totals;
    std::uint32_t data_records;
    std::size_t deadlines_end;  ///< in deadlines_
  };
  void append_message(std::span<const std::uint8_t> message, const RecordTotals& totals, std::uint32_t data_records);
  /// `record` is the next one, whose template may have yet to be announced; nullptr: none is known.
  void announce(bool repeat_templates, const FlowRecord* record = nullptr);
  void close_message();
  void forget_sent();

  const ExportContext context_;
  const ExportQueue& books_;
  IpfixEncoder encoder_;
  std::vector<std::uint8_t> octets_;
  std::size_t sent_ = 0;
  std::size_t boundary_ = 0;  ///< end of the last message that left as a whole
  std::vector<Message> messages_;
  std::size_t messages_done_ = 0;
  std::vector<std::uint64_t> deadlines_;  ///< of the records in messages_, then of the open message
  std::size_t deadlines_done_ = 0;
  RecordTotals open_;
  std::uint32_t sequence_ = 0;  ///< of the next message to be appended
};

}  // namespace weir
