#include "proto/encode/template_set.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "proto/encode/template_room.h"

namespace weir {
namespace {

constexpr std::uint16_t kFirstId = 256;
constexpr std::uint16_t kFirstClassicId = 264;
constexpr std::uint16_t kFirstOnDemandId = 268;

constexpr std::uint64_t key_of(std::uint32_t sections, std::size_t place) {
  return std::uint64_t{place} << 32 | sections;
}

}  // namespace

TemplateSet::TemplateSet(const TemplateChoice& choice, const Options& options, OpenMessage& message)
    : choice_(choice), header_octets_(options.header_octets), message_(message), entries_(kFirstOnDemand) {
  for (std::size_t place = 0; place < kClassic; ++place) {
    const bool used = (place & kBoth) != 0 ? options.both : options.uniflow;
    if (used && options.sections) wanted_[place] = wanted_sections(place);
  }
  relevant_ = std::accumulate(wanted_.begin(), wanted_.end(), std::uint32_t{0}, std::bit_or<>());
  classic_ = (relevant_ & kClassicSections) != 0 ? kClassicSections : 0;
  relevant_ |= classic_;
  for (std::size_t place = 0; place < kFirstOnDemand; ++place) {
    const bool classic = (place & kClassic) != 0;
    if (!((place & kBoth) != 0 ? options.both : options.uniflow) || (classic && classic_ == 0)) continue;
    const std::size_t first = place & ~kClassic;
    const auto id = static_cast<std::uint16_t>((classic ? kFirstClassicId : kFirstId) + first);
    // The initial templates need no check: no record is sent before they are announced.
    entries_[place] = {make_form(id, first, classic ? kClassicSections : 0), true, true};
    message_.add_region(place, id);
  }
}

TemplateForm TemplateSet::form_of(std::size_t place) const {
  const RecordKind both = choice_.dialect == Dialect::ipfix ? RecordKind::biflow : RecordKind::merged;
  return {choice_.profile, choice_.dialect, (place & kIpv6) != 0 ? Family::ipv6 : Family::ipv4,
          (place & kBoth) != 0 ? both : RecordKind::uniflow};
}

std::uint32_t TemplateSet::wanted_sections(std::size_t place) const {
  std::uint32_t wanted = 0;
  for (const ListedField& field : choose_fields(section_fields(form_of(place), kAllSections), choice_)) {
    wanted |= section_bit(field.row().section);
  }
  return wanted;
}

std::size_t TemplateSet::find_sections(std::uint32_t sections, std::size_t place) const {
  const std::uint32_t wanted = sections & wanted_[place];
  if ((wanted & ~kClassicSections) == 0) return (sections & classic_) != 0 ? place | kClassic : place;
  const std::size_t exact = find_on_demand(wanted, place);
  if (exact != kNone || !full()) return exact;
  return find_on_demand(wider_sections(wanted) & wanted_[place], place);
}

std::size_t TemplateSet::find_on_demand(std::uint32_t sections, std::size_t place) const {
  const auto found = std::find(keys_.begin(), keys_.end(), key_of(sections, place));
  return found == keys_.end() ? kNone : kFirstOnDemand + static_cast<std::size_t>(found - keys_.begin());
}

std::size_t TemplateSet::find_or_make(const FlowRecord& record, std::size_t place) {
  if (is_plain(record)) return place;
  const std::size_t found = find_sections(record.sections, place);
  if (found != kNone) return found;
  const std::uint32_t sections = full() ? wider_sections(record.sections) : record.sections;
  return add_on_demand(place, sections & wanted_[place]);
}

std::size_t TemplateSet::add_on_demand(std::size_t place, std::uint32_t sections) {
  const std::size_t made = entries_.size();
  const auto id = static_cast<std::uint16_t>(kFirstOnDemandId + keys_.size());
  keys_.push_back(key_of(sections, place));
  entries_.push_back({make_form(id, place, fitting_sections(sections, place)), true, false});
  message_.add_region(made, id);
  return made;
}

std::uint32_t TemplateSet::fitting_sections(std::uint32_t sections, std::size_t place) const {
  const TemplateForm form = form_of(place);
  const std::vector<ListedField> base = choose_fields(base_fields(form), choice_);
  std::uint32_t fitting = 0;
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    const std::uint32_t more = fitting | (sections & section_bit(static_cast<Section>(i)));
    std::vector<ListedField> rest = choose_fields(section_fields(form, more), choice_);
    leave_out_whole_texts(rest);
    set_text_octets(rest, kLeastTextOctets);
    if (fits(base, rest, form.kind, header_octets_, message_.limit())) fitting = more;
  }
  return fitting;
}

ExportTemplate TemplateSet::make_form(std::uint16_t id, std::size_t place, std::uint32_t sections) const {
  const TemplateForm form = form_of(place);
  const FieldList base = base_fields(form);
  const FieldList rest = section_fields(form, sections);
  std::vector<ListedField> chosen_base = choose_fields(base, choice_);
  std::vector<ListedField> chosen = choose_fields(rest, choice_);
  const auto has_room = [&] { return fits(chosen_base, chosen, form.kind, header_octets_, message_.limit()); };
  const auto shorten = [&] {
    for (std::uint16_t octets = kNetflow9TextOctets; octets >= kLeastTextOctets && !has_room(); --octets) {
      set_text_octets(chosen, octets);
    }
  };
  shorten();
  if (!has_room()) {
    leave_out_whole_texts(chosen);
    set_text_octets(chosen, kNetflow9TextOctets);
    shorten();
  }
  auto made = ExportTemplate::compile(id, chosen_base, chosen, sections);
  if (!made) {  // with all fields, where none of the chosen ones is of this kind of record
    TemplateChoice all = choice_;
    all.fields.clear();
    made = ExportTemplate::compile(id, choose_fields(base, all), choose_fields(rest, all), sections);
  }
  // A conversation, with as much of its texts and as many of its packets as the message has room for besides.
  const std::uint32_t head = header_octets_ + OpenMessage::kSetHeader;
  const std::uint32_t entry = entry_octets(made->record_octets(), form.kind);
  const std::uint32_t left = message_.limit() > head + entry ? message_.limit() - head - entry : 0;
  made->limit_tail(form.kind == RecordKind::uniflow ? left / 2 : left);
  return *made;
}

std::vector<const ExportTemplate*> TemplateSet::take_for_announcement(bool all) {
  std::vector<const ExportTemplate*> templates;
  for (Entry& entry : entries_) {
    if (entry.used && (all || !entry.announced)) templates.push_back(&entry.form);
    entry.announced = entry.used;
  }
  return templates;
}

void TemplateSet::forget_announcements() {
  for (std::size_t i = kFirstOnDemand; i < entries_.size(); ++i) entries_[i].announced = false;
}

}  // namespace weir
