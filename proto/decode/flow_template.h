// A template, compiled: what to do with each field of a record, decided once when the template comes.
//
// A record is then a run over a short list of operations, each a load of fixed width and a store into a ScratchRecord
// (element_rules.h); an element that a record has no place for is kept as a raw value. The common widths have
// operations of their own, so that nothing loops over the octets of an integer. Integers may have any length from 1 to
// 8 octets (RFC 7011 section 6.2); a longer one, or an address of a wrong length, is kept raw. At its end the record is
// appended to the batch, with those of the template's sections that say something.
//
// Which element fills a place when several could is decided here, too: delta counters (1, 2) before totals (85, 86) and
// initiator counters (231, 298); 58 before 243 for the VLAN; finer times before coarser ones; and the first of an
// element that comes twice. What does not get the place is kept raw, never dropped; so is a
// value that is too large for its place, which is 0 then.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/decode/decoded.h"
#include "proto/decode/element_rules.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/scratch_record.h"

namespace weir {

/// What a record needs from outside itself.
struct RecordContext {
  MessageHeader header;
  std::uint64_t system_init_ms = 0;  ///< IPFIX: of the exporter's options (element 160), for elements 21 and 22
};

class FlowTemplate {
 public:
  FlowTemplate(FlowVersion version, const TemplateRecord& record);

  [[nodiscard]] bool options() const { return options_; }
  [[nodiscard]] const std::vector<FieldSpec>& fields() const { return fields_; }
  [[nodiscard]] bool variable() const { return variable_; }
  /// Of the shortest record.
  [[nodiscard]] std::uint32_t least_octets() const { return least_octets_; }
  [[nodiscard]] bool names_sampler() const { return names_sampler_; }

  /// Decodes every record of a data set into `out`, as flows. If the template names samplers (elements 48 and 302),
  /// their ids are appended to `samplers`, one for each flow. `expected`: see without_padding().
  DecodeError decode_flows(std::uint16_t id, const RecordContext& context, std::span<const std::uint8_t> body,
                           Decoded& out, std::vector<std::uint64_t>& samplers, std::size_t expected) const;

 private:
  struct Operation {
    std::uint8_t action;
    std::uint8_t target_octets;  ///< of the place
    bool keep;                   ///< as a raw value, too
    std::uint16_t field;         ///< index
    std::uint16_t octets;        ///< of fields of fixed length
    std::uint16_t target;        ///< where the place is
    std::uint32_t source;        ///< offset in the record, if all fields have fixed lengths
  };
  struct Compiler;
  /// What several fields together say. `record`: the octets from its beginning on.
  void finish(ScratchRecord& scratch, const RecordContext& context, std::span<const std::uint8_t> record,
              Decoded& out) const;
  /// Keeps fields of the record as raw values, those of which wanted(index, octets) is true.
  template <typename Wanted>
  void keep_fields(std::span<const std::uint8_t> record, Decoded& out, const Wanted& wanted) const;

  FlowVersion version_;
  bool options_;
  bool variable_ = false;
  bool names_sampler_ = false;
  std::uint32_t least_octets_ = 0;
  std::uint32_t sections_ = 0;  ///< that records may have
  HeaderPlaces headers_{};
  /// A field of more octets than its place.
  struct NarrowField {
    std::uint16_t field;  ///< index
    std::uint8_t octets;  ///< of the place
  };
  std::vector<NarrowField> narrow_fields_;
  std::vector<std::uint16_t> outer_fields_;  ///< what a tunnel does not have of its header, by index
  std::uint16_t port_fields_[2] = {0, 0};    ///< the fields that fill the ports, by index, if there are any
  std::vector<FieldSpec> fields_;
  std::vector<Operation> operations_;
};

}  // namespace weir
