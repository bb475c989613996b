// IpfixBuffer: IPFIX messages on their way into a TCP connection (RFC 7011 section 10.4).
//
// A connection is a transport session of its own: it begins with the templates and its sequence with 0. So messages
// that were not acknowledged as a whole on the last connection are numbered anew in the next one, after its templates.
// Templates are not repeated within a connection, new ones stand before their first record; options data are repeated
// every template_refresh.
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
  /// What it keeps at once, if nothing else is said: what was sent and is not acknowledged, and what is pending. 4 MiB
  /// fill 40 MB a second over a path of 100 ms.
  static constexpr std::size_t kMostOctets = std::size_t{4} * 1024 * 1024;

  IpfixBuffer(const TemplateOptions& templates, const ExportContext& context, const ExportQueue& books,
              std::size_t most_octets = kMostOctets);

  std::size_t append(RecordSpan records) override;
  std::span<const std::uint8_t> pending() override;
  [[nodiscard]] bool empty() const override { return sent_ == octets_.size() && encoder_.empty(); }
  [[nodiscard]] std::size_t pending_octets() const override { return octets_.size() - sent_; }
  void sent(std::size_t count) override;
  RecordTotals acknowledged(std::size_t count) override;
  [[nodiscard]] std::size_t begun_octets() const override { return sent_ - boundary_; }
  [[nodiscard]] bool settled() const override { return boundary_ == octets_.size() && encoder_.empty(); }
  void rewind() override { sent_ = acknowledged_ = boundary_; }
  [[nodiscard]] RecordTotals in_flight() const override { return begun_before(sent_); }
  [[nodiscard]] RecordTotals once_sent() const override { return begun_before(ever_sent_); }
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
  void forget_acknowledged();
  /// How many messages are not acknowledged and begin before `end`, from messages_[messages_done_] on.
  [[nodiscard]] std::size_t messages_before(std::size_t end) const;
  [[nodiscard]] RecordTotals begun_before(std::size_t end) const;

  const ExportContext context_;
  const ExportQueue& books_;
  const std::size_t most_octets_;
  IpfixEncoder encoder_;
  std::vector<std::uint8_t> octets_;
  std::size_t sent_ = 0;
  std::size_t ever_sent_ = 0;     ///< the greatest sent_ of what is here now
  std::size_t acknowledged_ = 0;  ///< at most sent_
  std::size_t boundary_ = 0;      ///< end of the last message that was acknowledged as a whole
  std::vector<Message> messages_;
  std::size_t messages_done_ = 0;
  std::vector<std::uint64_t> deadlines_;  ///< of the records in messages_, then of the open message
  std::size_t deadlines_done_ = 0;
  RecordTotals open_;
  std::uint32_t sequence_ = 0;  ///< of the next message to be appended
};

}  // namespace weir
