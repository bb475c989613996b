// IpfixFileBuffer: IPFIX messages on their way into a file (RFC 5655).
//
// A file is a transport session of its own: it begins with the templates and its sequence with 0, like a connection
// (ipfix_buffer.h). It begins with its first record, so that a file without records has nothing in it. Options data
// with the exporter's statistics are its last message, where it ends in order.
#pragma once

#include <cstdint>
#include <span>

#include "control/export/ipfix_buffer.h"

namespace weir {

class IpfixFileBuffer final : public StreamBuffer {
 public:
  /// `most_octets`: of a write; 0: what is usual.
  IpfixFileBuffer(const TemplateOptions& templates, const ExportContext& context, const ExportQueue& books,
                  std::size_t most_octets)
      : messages_(templates, context, books, most_octets != 0 ? most_octets : kUsualOctets) {}

  std::size_t append(RecordSpan records) override {
    if (records.empty()) return 0;
    begin();
    return messages_.append(records);
  }
  std::span<const std::uint8_t> pending() override { return messages_.pending(); }
  [[nodiscard]] bool empty() const override { return messages_.empty(); }
  [[nodiscard]] std::size_t pending_octets() const override { return messages_.pending_octets(); }
  void sent(std::size_t count) override { messages_.sent(count); }
  RecordTotals acknowledged(std::size_t count) override {
    const RecordTotals done = messages_.acknowledged(count);
    lateness_ += messages_.take_lateness();
    return done;
  }
  [[nodiscard]] bool settled() const override { return messages_.settled(); }
  [[nodiscard]] std::size_t begun_octets() const override { return messages_.begun_octets(); }
  void rewind() override { messages_.rewind(); }
  [[nodiscard]] RecordTotals in_flight() const override { return messages_.in_flight(); }
  [[nodiscard]] RecordTotals once_sent() const override { return messages_.once_sent(); }
  RecordTotals clear() override { return messages_.clear(); }
  /// What the file before did not take as a whole goes to this one, after its templates.
  void begin_stream() override {
    begun_ = false;
    if (!messages_.settled()) begin();
  }
  void end_stream() override {
    if (begun_) messages_.end_stream();
  }

 private:
  static constexpr std::size_t kUsualOctets = std::size_t{256} * 1024;

  void begin() {
    if (!begun_) messages_.begin_stream();
    begun_ = true;
  }

  IpfixBuffer messages_;
  bool begun_ = false;
};

}  // namespace weir
