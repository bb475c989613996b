// TemplateSet: the templates of a stream, and which of them a record takes.
//
// Records without sections take 256 to 259, whatever else weir can send, so that they do not grow. Records with
// sections that are all of tunnel, label and ESP take 264 to 267, which have the fields of all three, 0 where there is
// none: collectors know these two sets from the first announcement on. Any other combination of sections gets a
// template of its own when its first record comes, from 268 on, and is announced before that record.
//
// clang-format off
//   ids          sections                 made
//   256 to 259   none                     with the stream
//   264 to 267   tunnel, label, ESP       with the stream
//   268 to 331   exactly a combination    on demand, at most 64
//   332 to 395   a wider one              on demand, for what the 64 have no room for; 0 where a section is absent
// clang-format on
//
// Each four are uniflow IPv4 and IPv6, then both directions in one record (merged or biflow). A wider combination has
// all sections that any flow may have, and of those that go with a protocol the groups (kGroups) of which the record
// has any: TCP, DNS, what is on TCP besides, what is on UDP, what agents say. A template and its longest entry fit a
// message. Where the path's messages are too short for that, the sections that come last in WEIR_SECTIONS stay out of
// the template, so out of the records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/encode/export_profile.h"
#include "proto/encode/export_template.h"
#include "proto/encode/open_message.h"

namespace weir {

class TemplateSet {
 public:
  /// Bits of a template's place, which is the region of its records in a message.
  static constexpr std::size_t kIpv6 = 1;
  static constexpr std::size_t kBoth = 2;  ///< merged, or biflow
  static constexpr std::size_t kClassic = 4;
  static constexpr std::size_t kFirstOnDemand = 8;
  static constexpr std::size_t kMostOnDemand = 64;
  static constexpr std::size_t kNone = SIZE_MAX;

  static constexpr std::uint32_t kClassicSections =
      kSectionBit<TunnelSection> | kSectionBit<LabelSection> | kSectionBit<EspSection>;
  /// Sections that go with a protocol. A flow is of TCP or of UDP, and few have DNS together with another of these. The
  /// last one goes with the observer, an agent or the kernel's sampler: a direction of 0 says something, so that only
  /// records that have one may have its field.
  static constexpr std::array<std::uint32_t, 5> kGroups{
      kSectionBit<TcpSection> | kSectionBit<RttSection>, kSectionBit<DnsSection>,
      kSectionBit<TlsSection> | kSectionBit<TlsCertificateSection> | kSectionBit<HttpSection>,
      kSectionBit<WireguardSection> | kSectionBit<QuicSection> | kSectionBit<QuicHelloSection> |
          kSectionBit<Quic2017Section>,
      kSectionBit<DirectionSection> | kSectionBit<LinkSection> | kSectionBit<PsampleSection>};
  /// The combination that a record with `sections` takes where there are too many: it has them all.
  static constexpr std::uint32_t wider_sections(std::uint32_t sections) {
    std::uint32_t wider = kAllSections;
    for (const std::uint32_t group : kGroups) {
      if ((sections & group) == 0) wider &= ~group;
    }
    return wider;
  }

  struct Options {
    bool uniflow = true;   ///< templates of uniflow records are used
    bool both = false;     ///< those of both directions are
    bool sections = true;  ///< false: sections are not sent
    std::uint32_t header_octets = 0;
  };

  /// `message` has room for the records of each template; it outlives this.
  TemplateSet(const TemplateChoice& choice, const Options& options, OpenMessage& message);

  /// Whether the record takes the template at its place among the first four.
  [[nodiscard]] bool is_plain(const FlowRecord& record) const { return (record.sections & relevant_) == 0; }
  /// The place of the template that the record takes; `place` is its place among the first four. kNone: it has yet to
  /// be made, or announced.
  [[nodiscard]] std::size_t find(const FlowRecord& record, std::size_t place) const {
    if (is_plain(record)) return place;  // of the start: no record goes before the first announcement
    const std::size_t found = find_sections(record.sections, place);
    return found != kNone && entries_[found].announced ? found : kNone;
  }
  /// The same; makes it if it is not there. It may not have been announced.
  std::size_t find_or_make(const FlowRecord& record, std::size_t place);

  [[nodiscard]] const ExportTemplate& operator[](std::size_t place) const { return entries_[place].form; }

  /// Those to be announced: all, or only those that have not been. They count as announced then.
  std::vector<const ExportTemplate*> take_for_announcement(bool all);
  /// A new transport session: nobody knows any of those made on demand.
  void forget_announcements();

 private:
  struct Entry {
    ExportTemplate form;
    bool used = false;
    bool announced = false;
  };

  [[nodiscard]] TemplateForm form_of(std::size_t place) const;
  [[nodiscard]] std::size_t find_sections(std::uint32_t sections, std::size_t place) const;
  [[nodiscard]] std::size_t find_on_demand(std::uint32_t sections, std::size_t place) const;
  [[nodiscard]] bool full() const { return keys_.size() >= kMostOnDemand; }
  [[nodiscard]] std::uint32_t wanted_sections(std::size_t place) const;
  [[nodiscard]] std::uint32_t fitting_sections(std::uint32_t sections, std::size_t place) const;
  [[nodiscard]] ExportTemplate make_form(std::uint16_t id, std::size_t place, std::uint32_t sections) const;
  std::size_t add_on_demand(std::size_t place, std::uint32_t sections);

  TemplateChoice choice_;
  std::uint32_t header_octets_;
  OpenMessage& message_;
  std::uint32_t relevant_ = 0;             ///< the sections that have an influence on the template
  std::uint32_t classic_ = 0;              ///< of these the classic ones: all three, or none
  std::array<std::uint32_t, 4> wanted_{};  ///< by place of the first four: sections with a field that was chosen
  std::vector<Entry> entries_;             ///< by place
  std::vector<std::uint64_t> keys_;        ///< of those made on demand: sections, and the place among the first four
};

}  // namespace weir
