// The sections of a record, and RecordView, by which they are read.
//
// A record is its base (flow_record.h) and, right after it, those sections that it has: each a plain struct of a
// multiple of 8 octets, in the order of this list, named by a bit of FlowRecord::sections. In rings, batches and owned
// records a record lies in whole lines of 64 octets, so that it can be copied by the line.
//
// A new section is a file in section/ and one line here.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "proto/record/flow_record.h"
#include "proto/record/section/as_names.h"
#include "proto/record/section/as_path.h"
#include "proto/record/section/direction.h"
#include "proto/record/section/dns.h"
#include "proto/record/section/egress.h"
#include "proto/record/section/esp.h"
#include "proto/record/section/histograms.h"
#include "proto/record/section/http.h"
#include "proto/record/section/icmp.h"
#include "proto/record/section/ids.h"
#include "proto/record/section/interface_names.h"
#include "proto/record/section/label.h"
#include "proto/record/section/label_stack.h"
#include "proto/record/section/layer2.h"
#include "proto/record/section/lengths.h"
#include "proto/record/section/link.h"
#include "proto/record/section/packets.h"
#include "proto/record/section/psample.h"
#include "proto/record/section/quic.h"
#include "proto/record/section/quic_2017.h"
#include "proto/record/section/quic_hello.h"
#include "proto/record/section/routing.h"
#include "proto/record/section/rtt.h"
#include "proto/record/section/tcp.h"
#include "proto/record/section/tls.h"
#include "proto/record/section/tls_certificate.h"
#include "proto/record/section/tunnel.h"
#include "proto/record/section/wireguard.h"

// Name (of the enumerator, and in `weir fields`), struct, rows. The order is the order in memory.
// clang-format off
#define WEIR_SECTIONS(X)                                           \
  X(tunnel,          TunnelSection,         kTunnelFields)         \
  X(label,           LabelSection,          kLabelFields)          \
  X(esp,             EspSection,            kEspFields)            \
  X(label_stack,     LabelStackSection,     kLabelStackFields)     \
  X(layer2,          Layer2Section,         kLayer2Fields)         \
  X(tcp,             TcpSection,            kTcpFields)            \
  X(rtt,             RttSection,            kRttFields)            \
  X(lengths,         LengthsSection,        kLengthsFields)        \
  X(histograms,      HistogramsSection,     kHistogramsFields)     \
  X(ids,             IdsSection,            kIdsFields)            \
  X(icmp,            IcmpSection,           kIcmpFields)           \
  X(dns,             DnsSection,            kDnsFields)            \
  X(tls,             TlsSection,            kTlsFields)            \
  X(tls_certificate, TlsCertificateSection, kTlsCertificateFields) \
  X(http,            HttpSection,           kHttpFields)           \
  X(wireguard,       WireguardSection,      kWireguardFields)      \
  X(quic,            QuicSection,           kQuicFields)           \
  X(quic_hello,      QuicHelloSection,      kQuicHelloFields)      \
  X(quic_2017,       Quic2017Section,       kQuic2017Fields)       \
  X(egress,          EgressSection,         kEgressFields)         \
  X(direction,       DirectionSection,      kDirectionFields)      \
  X(interface_names, InterfaceNamesSection, kInterfaceNamesFields) \
  X(link,            LinkSection,           kLinkFields)           \
  X(psample,         PsampleSection,        kPsampleFields)        \
  X(routing,         RoutingSection,        kRoutingFields)        \
  X(as_path,         AsPathSection,         kAsPathFields)         \
  X(as_names,        AsNamesSection,        kAsNamesFields)        \
  X(packets,         PacketsSection,        kPacketsFields)
// clang-format on

namespace weir {

/// `base` is no section of its own but what every record has.
enum class Section : std::uint8_t {
  base,
#define WEIR_X(name, type, rows) name,
  WEIR_SECTIONS(WEIR_X)
#undef WEIR_X
};

inline constexpr auto kSectionNames = std::to_array<std::string_view>({"base",
#define WEIR_X(name, type, rows) #name,
                                                                       WEIR_SECTIONS(WEIR_X)
#undef WEIR_X
});
inline constexpr std::size_t kSectionCount = kSectionNames.size();  ///< the base included
static_assert(kSectionCount <= 31, "FlowRecord::sections has 32 bits, the upper one is a mark");

/// By value of Section.
inline constexpr auto kSectionOctets = std::to_array<std::uint16_t>({sizeof(FlowRecord),
#define WEIR_X(name, type, rows) sizeof(type),
                                                                     WEIR_SECTIONS(WEIR_X)
#undef WEIR_X
});

/// The bit of FlowRecord::sections; 0 for the base.
[[nodiscard]] constexpr std::uint32_t section_bit(Section section) {
  return section == Section::base ? 0 : std::uint32_t{1} << (static_cast<unsigned>(section) - 1);
}
/// All bits that name a section.
inline constexpr std::uint32_t kAllSections = (std::uint32_t{1} << (kSectionCount - 1)) - 1;

namespace section_detail {

template <typename S>
struct SectionOf;
#define WEIR_X(name, type, rows)                     \
  template <>                                        \
  struct SectionOf<type> {                           \
    static constexpr Section kValue = Section::name; \
  };                                                 \
  static_assert(sizeof(type) % 8 == 0 && std::is_trivially_copyable_v<type> && alignof(type) <= 8);
WEIR_SECTIONS(WEIR_X)
#undef WEIR_X

}  // namespace section_detail

/// The Section of a section's struct.
template <typename S>
inline constexpr Section kSectionOf = section_detail::SectionOf<S>::kValue;
template <typename S>
inline constexpr std::uint32_t kSectionBit = section_bit(kSectionOf<S>);

/// Octets of the sections that `bits` name, without the base.
[[nodiscard]] constexpr std::size_t sections_octets(std::uint32_t bits) {
  std::size_t octets = 0;
  for (bits &= kAllSections; bits != 0; bits &= bits - 1) {
    octets += kSectionOctets[static_cast<std::size_t>(std::countr_zero(bits)) + 1];
  }
  return octets;
}

inline constexpr std::size_t kRecordLineOctets = 64;
/// Lines of a record with these sections.
[[nodiscard]] constexpr std::uint32_t record_lines(std::uint32_t sections) {
  if ((sections & kAllSections) == 0) [[likely]]
    return sizeof(FlowRecord) / kRecordLineOctets;
  return static_cast<std::uint32_t>((sizeof(FlowRecord) + sections_octets(sections) + kRecordLineOctets - 1) /
                                    kRecordLineOctets);
}
inline constexpr std::uint32_t kMostRecordLines = record_lines(kAllSections);

/// Where the section begins, after the record's start. The record has it.
[[nodiscard]] constexpr std::size_t section_offset(std::uint32_t sections, Section section) {
  return sizeof(FlowRecord) + sections_octets(sections & (section_bit(section) - 1));
}

/// The section of a record that has it, to be written.
template <typename S>
[[nodiscard]] inline S& section_of(FlowRecord& record) {
  return *reinterpret_cast<S*>(reinterpret_cast<std::uint8_t*>(&record) +
                               section_offset(record.sections, kSectionOf<S>));
}

/// Typed access to a record and its sections, which lie after it. A pointer: the record must outlive it. A FlowRecord
/// that stands alone (no bit of `sections` set) is a whole record, too.
class RecordView {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a record is seen where it lies
  RecordView(const FlowRecord& record) : record_(&record) {}

  [[nodiscard]] const FlowRecord& operator*() const { return *record_; }
  [[nodiscard]] const FlowRecord* operator->() const { return record_; }
  [[nodiscard]] bool has(Section section) const { return (record_->sections & section_bit(section)) != 0; }
  /// nullptr: the record does not have it.
  template <typename S>
  [[nodiscard]] const S* find() const {
    return static_cast<const S*>(find(kSectionOf<S>));
  }
  /// The same by its number; the base is always there.
  [[nodiscard]] const void* find(Section section) const {
    if (section == Section::base) return record_;
    if (!has(section)) return nullptr;
    return octets() + section_offset(record_->sections, section);
  }
  [[nodiscard]] const std::uint8_t* octets() const { return reinterpret_cast<const std::uint8_t*>(record_); }
  [[nodiscard]] std::uint32_t lines() const { return record_lines(record_->sections); }
  /// Octets of base and sections.
  [[nodiscard]] std::size_t size() const { return sizeof(FlowRecord) + sections_octets(record_->sections); }

 private:
  const FlowRecord* record_;
};

/// A record with room for every section: for whoever makes records one by one.
class OwnedRecord {
 public:
  OwnedRecord() = default;
  explicit OwnedRecord(RecordView record) { std::memcpy(octets_.data(), record.octets(), record.size()); }

  [[nodiscard]] FlowRecord& base() { return *reinterpret_cast<FlowRecord*>(octets_.data()); }
  [[nodiscard]] const FlowRecord& base() const { return *reinterpret_cast<const FlowRecord*>(octets_.data()); }
  [[nodiscard]] FlowRecord* operator->() { return &base(); }
  [[nodiscard]] const FlowRecord* operator->() const { return &base(); }
  // NOLINTNEXTLINE(google-explicit-constructor): it is one
  operator RecordView() const { return base(); }
  [[nodiscard]] RecordView view() const { return base(); }

  /// The section, added with all its octets 0 if the record does not have it yet. References to other sections are not
  /// valid after that.
  template <typename S>
  S& add() {
    return *static_cast<S*>(add(kSectionOf<S>));
  }
  void* add(Section section) {
    const std::size_t at = section == Section::base ? 0 : section_offset(base().sections, section);
    if (section != Section::base && (base().sections & section_bit(section)) == 0) {
      const std::size_t end = view().size();
      const std::size_t octets = kSectionOctets[static_cast<std::size_t>(section)];
      std::memmove(octets_.data() + at + octets, octets_.data() + at, end - at);
      std::memset(octets_.data() + at, 0, octets);
      base().sections |= section_bit(section);
    }
    return octets_.data() + at;
  }
  /// Takes the section out, if the record has it.
  void remove(Section section) {
    if (!view().has(section)) return;
    const std::size_t at = section_offset(base().sections, section);
    const std::size_t octets = kSectionOctets[static_cast<std::size_t>(section)];
    const std::size_t end = view().size();
    std::memmove(octets_.data() + at, octets_.data() + at + octets, end - at - octets);
    base().sections &= ~section_bit(section);
  }

 private:
  alignas(64) std::array<std::uint8_t, kMostRecordLines * kRecordLineOctets> octets_{};
};

}  // namespace weir
