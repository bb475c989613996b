#include "proto/encode/options_data.h"

#include <algorithm>
#include <initializer_list>

#include "proto/base/byte_order.h"
#include "proto/base/netflow9.h"
#include "proto/element/information_elements.h"

namespace weir {
namespace {

constexpr std::uint16_t kSamplingTemplate = 260;
constexpr std::uint16_t kStatisticsTemplate = 261;
constexpr std::uint16_t kInterfaceTemplate = 262;
constexpr std::uint16_t kLossTemplate = 263;

constexpr std::uint16_t kIpfixTemplateSet = 2;         // RFC 7011 section 3.3.2
constexpr std::uint16_t kIpfixOptionsTemplateSet = 3;  // likewise
constexpr std::uint16_t kVariable = 65535;             // RFC 7011 section 7
constexpr std::uint16_t kEnterpriseBit = 0x8000;       // RFC 7011 section 3.2
// v9 knows fixed lengths only. Names of interfaces are those of the command line.
constexpr std::uint16_t kNameOctets = 32;
constexpr std::uint16_t kDescriptionOctets = 64;
constexpr std::size_t kLongestText = 200;  // one octet of length will do, and any message holds it
// RFC 3954 section 6.1.
constexpr std::uint16_t kScopeSystem = 1;
constexpr std::uint16_t kScopeInterface = 2;

using Octets = std::vector<std::uint8_t>;

template <typename T>
void put(Octets& out, T value) {
  std::uint8_t octets[sizeof value];
  store_be<T>(octets, value);
  out.insert(out.end(), octets, octets + sizeof value);
}

/// Text of fixed length, zeros after it; kVariable: its length before it.
void put_text(Octets& out, const std::string& text, std::uint16_t octets) {
  const std::size_t count = std::min(text.size(), octets == kVariable ? kLongestText : octets);
  if (octets == kVariable) out.push_back(static_cast<std::uint8_t>(count));
  out.insert(out.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count));
  if (octets != kVariable) out.insert(out.end(), octets - count, 0);
}

/// A field specifier: 4 octets, or 8 with an enterprise number. Returns the end.
std::uint8_t* write_field(std::uint8_t* out, const TemplateField& field) {
  store_be<std::uint16_t>(out,
                          static_cast<std::uint16_t>(field.element | (field.enterprise != 0 ? kEnterpriseBit : 0U)));
  store_be<std::uint16_t>(out + 2, field.octets);
  if (field.enterprise == 0) return out + 4;
  store_be<std::uint32_t>(out + 4, field.enterprise);
  return out + 8;
}

void put_field(Octets& out, const TemplateField& field) {
  std::uint8_t octets[8] = {};
  out.insert(out.end(), octets, write_field(octets, field));
}

/// Puts records into sets and sets into messages of limited length.
class MessageWriter {
 public:
  explicit MessageWriter(const AnnouncementForm& form) : form_(form) {}

  /// `own_set`: in a set of its own, whatever came before.
  void add(std::uint16_t set_id, const Octets& record, bool data, bool own_set = false) {
    if (own_set) close_set();
    const std::size_t head = set_id == set_id_ ? 0 : 4;
    if (!messages_.empty() &&
        padded(messages_.back().octets.size()) + head + padded(record.size()) > form_.limit_octets) {
      close_set();
      messages_.emplace_back();
    }
    if (messages_.empty()) messages_.emplace_back();
    Octets& octets = messages_.back().octets;
    if (octets.empty()) octets.resize(form_.header_octets);
    if (set_id != set_id_) {
      close_set();
      set_id_ = set_id;
      set_at_ = octets.size();
      put<std::uint16_t>(octets, set_id);
      put<std::uint16_t>(octets, 0);
    }
    octets.insert(octets.end(), record.begin(), record.end());
    ++messages_.back().records;
    messages_.back().data_records += data;
  }
  std::vector<AnnouncedMessage> take() {
    close_set();
    return std::move(messages_);
  }

 private:
  static std::size_t padded(std::size_t octets) { return (octets + 3) / 4 * 4; }
  void close_set() {
    if (set_id_ == kNone) return;
    Octets& octets = messages_.back().octets;
    // Every data record here is longer than 3 octets. After options templates of IPFIX, padding is allowed (RFC 7011
    // section 3.3.1), but Logstash and others take it for the beginning of one more.
    if (form_.dialect != Dialect::ipfix || set_id_ != kIpfixOptionsTemplateSet) octets.resize(padded(octets.size()));
    store_be<std::uint16_t>(octets.data() + set_at_ + 2, static_cast<std::uint16_t>(octets.size() - set_at_));
    set_id_ = kNone;
  }

  static constexpr std::uint16_t kNone = 0xffff;
  const AnnouncementForm& form_;
  std::vector<AnnouncedMessage> messages_;
  std::uint16_t set_id_ = kNone;
  std::size_t set_at_ = 0;
};

class Announcer {
 public:
  Announcer(const AnnouncementForm& form) : form_(form), ipfix_(form.dialect == Dialect::ipfix), writer_(form) {}

  void templates(std::span<const ExportTemplate* const> templates) {
    for (const ExportTemplate* const one : templates) {
      Octets record(4 + 8 * one->fields().size());
      record.resize(static_cast<std::size_t>(write_template_record(record.data(), *one) - record.data()));
      writer_.add(ipfix_ ? kIpfixTemplateSet : kNetflow9TemplateFlowSet, record, false);
    }
  }

  void options_template(std::uint16_t id, TemplateField scope, std::initializer_list<TemplateField> options) {
    Octets record;
    put<std::uint16_t>(record, id);
    if (ipfix_) {  // RFC 7011 section 3.4.2.2: all fields, and how many of them are scopes
      put<std::uint16_t>(record, static_cast<std::uint16_t>(1 + options.size()));
      put<std::uint16_t>(record, 1);
    } else {  // RFC 3954 section 6.1: lengths in octets
      put<std::uint16_t>(record, 4);
      put<std::uint16_t>(record, static_cast<std::uint16_t>(4 * options.size()));
    }
    put_field(record, scope);
    for (const TemplateField& field : options) put_field(record, field);
    // Several options templates may share a set, but nfacctd misreads all after the first: in IPFIX it counts the
    // scopes twice, since the field count includes them, and in v9 it takes lengths for counts.
    writer_.add(ipfix_ ? kIpfixOptionsTemplateSet : kNetflow9OptionsTemplateFlowSet, record, false, true);
  }

  void declare() {
    const TemplateField process = ipfix_ ? TemplateField{ie::kObservationDomainId, 4} : TemplateField{kScopeSystem, 4};
    if (form_.selectors) {
      options_template(kSamplingTemplate, process,
                       {{ie::kSelectorId, 4},
                        {ie::kSelectorAlgorithm, 2},
                        {ie::kSamplingPacketInterval, 4},
                        {ie::kSamplingPacketSpace, 4}});
    } else {
      options_template(kSamplingTemplate, process, {{ie::kSamplingInterval, 4}, {ie::kSamplingAlgorithm, 1}});
    }
    options_template(kStatisticsTemplate, process,
                     {{ie::kExportedMessageTotalCount, 8},
                      {ie::kExportedOctetTotalCount, 8},
                      {ie::kExportedFlowRecordTotalCount, 8},
                      {ie::kObservedFlowTotalCount, 8},
                      {ie::kNotSentFlowTotalCount, 8},
                      {ie::kNotSentPacketTotalCount, 8},
                      {ie::kNotSentOctetTotalCount, 8},
                      {ie::kIgnoredPacketTotalCount, 8},
                      {ie::kIgnoredOctetTotalCount, 8}});
    const TemplateField interface =
        ipfix_ ? TemplateField{ie::kIngressInterface, 4} : TemplateField{kScopeInterface, 4};
    options_template(kInterfaceTemplate, interface,
                     {{ie::kInterfaceName, ipfix_ ? kVariable : kNameOctets},
                      {ie::kInterfaceDescription, ipfix_ ? kVariable : kDescriptionOctets}});
    if (!losses_by_name()) return;
    options_template(
        kLossTemplate, {ie::kWeirLossName, kVariable, kExampleEnterprise},
        {{ie::kNotSentFlowTotalCount, 8}, {ie::kNotSentPacketTotalCount, 8}, {ie::kNotSentOctetTotalCount, 8}});
  }

  void data(const ExportAccount& account) {
    Octets record;
    put<std::uint32_t>(record, form_.domain);
    if (form_.selectors) {
      put<std::uint32_t>(record, 0);
      // RFC 5477 section 8.2.1: systematic count-based, or random n-out-of-N sampling. Of either, collectors take the
      // rate from what follows.
      put<std::uint16_t>(record, account.sampled_at_random ? 3 : 1);
      put<std::uint32_t>(record, 1);
      put<std::uint32_t>(record, std::max(account.sampling_rate, 1U) - 1);
    } else {
      put<std::uint32_t>(record, std::max(account.sampling_rate, 1U));
      record.push_back(account.sampled_at_random ? 2 : 1);  // element 35
    }
    writer_.add(kSamplingTemplate, record, true);

    NamedLoss sum;
    for (const NamedLoss& loss : account.losses) {
      sum.records += loss.records;
      sum.packets += loss.packets;
      sum.octets += loss.octets;
    }
    record.clear();
    put<std::uint32_t>(record, form_.domain);
    for (const std::uint64_t value :
         {account.messages, account.octets, account.flow_records, account.observed_flows, sum.records, sum.packets,
          sum.octets, account.ignored_packets, account.ignored_octets}) {
      put<std::uint64_t>(record, value);
    }
    writer_.add(kStatisticsTemplate, record, true);

    for (const InterfaceName& interface : account.interfaces) {
      record.clear();
      put<std::uint32_t>(record, interface.index);
      put_text(record, interface.name, ipfix_ ? kVariable : kNameOctets);
      put_text(record, interface.description, ipfix_ ? kVariable : kDescriptionOctets);
      writer_.add(kInterfaceTemplate, record, true);
    }
    for (const NamedLoss& loss : account.losses) {
      if (!losses_by_name() || loss.records + loss.packets == 0) continue;
      record.clear();
      put_text(record, loss.name, kVariable);
      put<std::uint64_t>(record, loss.records);
      put<std::uint64_t>(record, loss.packets);
      put<std::uint64_t>(record, loss.octets);
      writer_.add(kLossTemplate, record, true);
    }
  }

  std::vector<AnnouncedMessage> take() { return writer_.take(); }

 private:
  /// Their scope is the name, which has no fixed length.
  [[nodiscard]] bool losses_by_name() const { return ipfix_ && form_.own_elements; }

  const AnnouncementForm& form_;
  bool ipfix_;
  MessageWriter writer_;
};

}  // namespace

std::uint8_t* write_template_record(std::uint8_t* out, const ExportTemplate& of) {
  store_be<std::uint16_t>(out, of.id());
  store_be<std::uint16_t>(out + 2, static_cast<std::uint16_t>(of.fields().size()));
  out += 4;
  for (const TemplateField& field : of.fields()) out = write_field(out, field);
  return out;
}

std::vector<AnnouncedMessage> announcement(const AnnouncementForm& form,
                                           std::span<const ExportTemplate* const> templates,
                                           const ExportAccount& account) {
  Announcer announcer(form);
  announcer.templates(templates);
  if (form.options_templates) announcer.declare();
  if (form.options_data) announcer.data(account);
  return announcer.take();
}

}  // namespace weir
