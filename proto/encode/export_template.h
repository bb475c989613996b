// ExportTemplate: a list of fields, compiled for writing flow records.
//
// A field is an information element and a length. For each the table in export_template.cc knows where its octets lie:
// in the FlowRecord itself, or in RecordValues, the few things that are computed once a record (times in milliseconds,
// flags of both directions together, ICMP type only where the protocol is ICMP). A field that the table does not know
// makes no template, so nothing is ever sent that nobody wrote.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "proto/base/ip_numbers.h"
#include "proto/encode/copy_program.h"
#include "proto/record/flow_record.h"

namespace weir {

/// One field of a template that weir sends.
struct TemplateField {
  std::uint16_t element = 0;
  std::uint16_t octets = 0;
  std::uint32_t enterprise = 0;

  friend bool operator==(const TemplateField&, const TemplateField&) = default;
};

/// What a data record shows of a FlowRecord.
enum class RecordKind : std::uint8_t {
  uniflow,  ///< one direction
  merged,   ///< NetFlow v9: both directions, one pair of times, the flags of both
  biflow,   ///< RFC 5103: both directions, the reverse one in elements of its own
};

/// What is computed for a data record, and what is often sent beside it. Blocks of 16 octets, each written at once and
/// read at once: a load that takes together what several smaller stores have just written would wait until they have
/// all reached the cache.
struct alignas(16) RecordValues {
  std::uint32_t start_uptime_ms;  ///< since the boot time of the header, see UptimeWindow
  std::uint32_t end_uptime_ms;
  std::uint8_t icmp_type;  ///< 0 for protocols that have none
  std::uint8_t icmp_code;
  std::uint8_t protocol;
  std::uint8_t ip_tos;
  std::uint8_t tcp_flags;
  std::uint8_t end_reason;
  std::uint8_t one;  ///< 1: samplingAlgorithm (deterministic), biflowDirection (initiator)
  std::uint8_t ip_version;
  std::uint64_t start_ms;  ///< since 1970
  std::uint64_t end_ms;
  std::uint64_t reverse_start_ms;  ///< biflow only, as the rest
  std::uint64_t reverse_end_ms;
  std::uint8_t reverse_icmp_type;
  std::uint8_t reverse_icmp_code;
  std::uint8_t reverse_tcp_flags;
  std::uint8_t reverse_ip_tos;
  std::uint8_t reserved[12];
  // Of records with a third line only, see compute_third_line().
  std::uint8_t tunnel_source[16];  ///< IPv4 as ::ffff:a.b.c.d, so that one template does for both
  std::uint8_t tunnel_destination[16];
  std::uint64_t layer2_segment;
  std::uint32_t tunnel_id;
  std::uint32_t esp_spi;
  std::uint8_t mpls_section[3];
  std::uint8_t tunnel_type;
  std::uint8_t tunnel_depth;
  std::uint8_t reserved_too[11];
};
static_assert(sizeof(RecordValues) == 128 && offsetof(RecordValues, start_ms) == 16 &&
              offsetof(RecordValues, reverse_start_ms) == 32 && offsetof(RecordValues, reverse_icmp_type) == 48);

/// Writes the values of the record that shows `kKind` of `record`; kWay: which direction a uniflow is of.
template <RecordKind kKind, Direction kWay>
inline void compute_values(RecordValues& values, const FlowRecord& record, std::uint64_t boot_ms) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  std::uint64_t start_ns = record.first_ns[kWay];
  std::uint64_t end_ns = record.last_ns[kWay];
  std::uint8_t tcp_flags = record.tcp_flags[kWay];
  if constexpr (kKind == RecordKind::merged) {
    const bool forward = record.packets[kForward] != 0;
    const bool reverse = record.packets[kReverse] != 0;
    if (reverse) {
      start_ns = forward && start_ns < record.first_ns[kReverse] ? start_ns : record.first_ns[kReverse];
      end_ns = forward && end_ns > record.last_ns[kReverse] ? end_ns : record.last_ns[kReverse];
      tcp_flags = static_cast<std::uint8_t>((forward ? tcp_flags : 0U) | record.tcp_flags[kReverse]);
    }
  }
  const std::uint64_t start_ms = start_ns / kMillisecond;
  const std::uint64_t end_ms = end_ns / kMillisecond;
  // Before boot only where a start was clamped; beyond 32 bits only in the last second of the 64-bit times (year 2554).
  const auto uptime = [boot_ms](std::uint64_t time_ms) {
    const std::uint64_t offset = time_ms < boot_ms ? 0 : time_ms - boot_ms;
    return static_cast<std::uint32_t>(offset < UINT32_MAX ? offset : UINT32_MAX);
  };
  const bool icmp = is_icmp(record.protocol);
  values.start_uptime_ms = uptime(start_ms);
  values.end_uptime_ms = uptime(end_ms);
  values.icmp_type = icmp ? record.icmp_type[kWay] : 0;
  values.icmp_code = icmp ? record.icmp_code[kWay] : 0;
  values.protocol = record.protocol;
  values.ip_tos = record.ip_tos[kWay];
  values.tcp_flags = tcp_flags;
  values.end_reason = static_cast<std::uint8_t>(record.end_reason);
  values.one = 1;
  values.ip_version = record.ip_version;
  values.start_ms = start_ms;
  values.end_ms = end_ms;
  if constexpr (kKind == RecordKind::biflow) {
    values.reverse_start_ms = record.first_ns[kReverse] / kMillisecond;
    values.reverse_end_ms = record.last_ns[kReverse] / kMillisecond;
    values.reverse_icmp_type = icmp ? record.icmp_type[kReverse] : 0;
    values.reverse_icmp_code = icmp ? record.icmp_code[kReverse] : 0;
    values.reverse_tcp_flags = record.tcp_flags[kReverse];
    values.reverse_ip_tos = record.ip_tos[kReverse];
  }
}

/// What a record's third line says: its tunnel, label and SPI; 0 for what it has not. The addresses are those of the
/// direction: a reverse uniflow has them the other way round. Type, id and label are the first packet's in both.
inline void compute_third_line(RecordValues& values, const FlowRecord& record, Direction way) {
  std::memset(values.tunnel_source, 0, sizeof values - offsetof(RecordValues, tunnel_source));
  if ((record.sections & kTunnelSection) != 0) {
    const auto put = [&record](std::uint8_t* to, const std::uint8_t* address) {
      if (record.tunnel_ip_version == 6) {
        std::memcpy(to, address, 16);
      } else if (record.tunnel_ip_version == 4) {  // RFC 4291 section 2.5.5.2
        to[10] = to[11] = 0xff;
        std::memcpy(to + 12, address, 4);
      }
    };
    put(values.tunnel_source, way == kForward ? record.tunnel_source : record.tunnel_destination);
    put(values.tunnel_destination, way == kForward ? record.tunnel_destination : record.tunnel_source);
    values.tunnel_type = static_cast<std::uint8_t>(record.tunnel_type);
    values.tunnel_depth = record.tunnel_depth;
    values.tunnel_id = record.tunnel_id;
    // IANA 351: the encapsulation in the first octet (1: VXLAN), the segment in the last ones. A GRE key is an NVGRE
    // segment only where Ethernet is inside, which the record does not say.
    if (record.tunnel_type == TunnelType::vxlan) values.layer2_segment = std::uint64_t{1} << 56 | record.tunnel_id;
  }
  if ((record.sections & kLabelSection) != 0) {  // RFC 3032 section 2.1 without the TTL: label, 3 bits, bottom of stack
    values.mpls_section[0] = static_cast<std::uint8_t>(record.mpls_label >> 12);
    values.mpls_section[1] = static_cast<std::uint8_t>(record.mpls_label >> 4);
    values.mpls_section[2] = static_cast<std::uint8_t>(record.mpls_label << 4);
  }
  if ((record.sections & kSpiSection) != 0) values.esp_spi = record.esp_spi;
}

class ExportTemplate {
 public:
  ExportTemplate() = default;
  /// Empty: a field is in no table of weir's, or its length does not fit the element.
  static std::optional<ExportTemplate> compile(std::uint16_t id, std::span<const TemplateField> fields);

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] const std::vector<TemplateField>& fields() const { return fields_; }
  [[nodiscard]] std::uint32_t record_octets() const { return record_octets_; }
  /// Copy operations of a record.
  [[nodiscard]] std::size_t operations() const { return programs_[kForward].operations(); }

  /// Writes the data record of kind kKind and direction kWay; returns its end. `out` has room for record_octets() and
  /// CopyProgram::kSlack. kThirdLine: the template has fields of the record's third line.
  template <RecordKind kKind, Direction kWay, bool kThirdLine = false>
  std::uint8_t* write(std::uint8_t* out, const FlowRecord& record, std::uint64_t boot_ms) const {
    RecordValues values;
    compute_values<kKind, kWay>(values, record, boot_ms);
    if constexpr (kThirdLine) compute_third_line(values, record, kWay);
    return programs_[kWay].run(out, reinterpret_cast<const std::uint8_t*>(&record),
                               reinterpret_cast<const std::uint8_t*>(&values));
  }

 private:
  std::uint16_t id_ = 0;
  std::uint32_t record_octets_ = 0;
  std::vector<TemplateField> fields_;
  std::array<CopyProgram, 2> programs_;  ///< by direction
};

}  // namespace weir
