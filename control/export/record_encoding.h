// RecordEncoding: how one record becomes octets of a stream: a JSON line, a protobuf message, a row of a table.
//
// RecordBuffer keeps what an encoding writes and knows where each record ends. One buffer has one encoding, and calls
// it from one thread; what several cores may do side by side is a function that changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "control/export/export_context.h"
#include "control/export/ordered_encoding.h"
#include "control/export/probe_facts.h"
#include "proto/base/ip_address.h"
#include "proto/record/monitor_names.h"
#include "proto/record/record_batch.h"

namespace weir {

class RecordEncoding {
 public:
  virtual ~RecordEncoding() = default;

  /// Most octets that write() needs.
  [[nodiscard]] virtual std::size_t longest_octets() const = 0;
  /// Writes `record` as a whole; returns the end.
  virtual std::uint8_t* write(std::uint8_t* out, RecordView record) = 0;
  /// What a new file begins with; `records`, at least one, are the first that it will have.
  virtual std::string head(RecordSpan /*records*/) { return {}; }
  /// The same as write(), where that is so costly that a long run is worth encoding on several cores.
  [[nodiscard]] virtual OrderedEncoding::Encode on_several_cores() const { return nullptr; }
};

class JsonEncoding final : public RecordEncoding {
 public:
  explicit JsonEncoding(const IpAddress& sampler_address = {}, MonitorNames monitors = {})
      : sampler_address_(sampler_address), monitors_(std::move(monitors)) {}
  [[nodiscard]] std::size_t longest_octets() const override;
  std::uint8_t* write(std::uint8_t* out, RecordView record) override;
  [[nodiscard]] OrderedEncoding::Encode on_several_cores() const override;

 private:
  IpAddress sampler_address_;
  MonitorNames monitors_;
};

/// JSON with the names of NetObserv's agent: a line per direction that has packets.
class NetobservEncoding final : public RecordEncoding {
 public:
  /// `facts` know the names of interfaces that records do not have themselves (--interfaces); nullptr: nobody does.
  explicit NetobservEncoding(std::shared_ptr<const ProbeFacts> facts) : facts_(std::move(facts)) {}
  [[nodiscard]] std::size_t longest_octets() const override;
  std::uint8_t* write(std::uint8_t* out, RecordView record) override;

 private:
  std::uint8_t* write_line(std::uint8_t* out, RecordView record);

  std::shared_ptr<const ProbeFacts> facts_;
};

/// Length-delimited weir.v1.FlowRecord.
class ProtobufEncoding final : public RecordEncoding {
 public:
  explicit ProtobufEncoding(const IpAddress& sampler_address = {}, MonitorNames monitors = {})
      : sampler_address_(sampler_address), monitors_(std::move(monitors)) {}
  [[nodiscard]] std::size_t longest_octets() const override;
  std::uint8_t* write(std::uint8_t* out, RecordView record) override;

 private:
  IpAddress sampler_address_;
  MonitorNames monitors_;
};

/// The same, with two messages per biflow.
class UniflowProtobufEncoding final : public RecordEncoding {
 public:
  explicit UniflowProtobufEncoding(const IpAddress& sampler_address = {}, MonitorNames monitors = {})
      : sampler_address_(sampler_address), monitors_(std::move(monitors)) {}
  [[nodiscard]] std::size_t longest_octets() const override;
  std::uint8_t* write(std::uint8_t* out, RecordView record) override;

 private:
  IpAddress sampler_address_;
  MonitorNames monitors_;
};

std::unique_ptr<RecordEncoding> protobuf_encoding(bool uniflow, const ExportContext& context);

}  // namespace weir
