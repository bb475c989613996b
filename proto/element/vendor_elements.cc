#include "proto/element/vendor_elements.h"

#include <algorithm>
#include <span>

#include "proto/element/cert_table.h"
#include "proto/element/vendor_table.h"

namespace weir {
namespace {

using Elements = std::span<const InformationElement>;

constexpr std::uint32_t kCisco = 9;
constexpr std::uint32_t kCert = 6871;
constexpr std::uint32_t kVmware = 6876;
constexpr std::uint32_t kCesnet = 8057;
constexpr std::uint32_t kNtop = 35632;
/// nProbe's element n is number 57472 + n in NetFlow v9.
constexpr std::uint16_t kNtopNetflow9Elements = 57'472;

constexpr bool rises(Elements elements) {
  return std::adjacent_find(elements.begin(), elements.end(),
                            [](const InformationElement& a, const InformationElement& b) { return a.id >= b.id; }) ==
         elements.end();
}
static_assert(rises(ie_detail::kCiscoElements) && rises(ie_detail::kCertElements) &&
                  rises(ie_detail::kVmwareElements) && rises(ie_detail::kCesnetElements) &&
                  rises(ie_detail::kNtopElements),
              "find_vendor_element() searches by halves");

Elements elements_of(std::uint32_t enterprise) {
  switch (enterprise) {
    case kCisco:
      return ie_detail::kCiscoElements;
    case kCert:
      return ie_detail::kCertElements;
    case kVmware:
      return ie_detail::kVmwareElements;
    case kCesnet:
      return ie_detail::kCesnetElements;
    case kNtop:
      return ie_detail::kNtopElements;
    default:
      return {};
  }
}

}  // namespace

const InformationElement* find_vendor_element(std::uint16_t id, std::uint32_t enterprise) {
  const Elements elements = elements_of(enterprise);
  const auto found =
      std::lower_bound(elements.begin(), elements.end(), id,
                       [](const InformationElement& element, std::uint16_t wanted) { return element.id < wanted; });
  return found != elements.end() && found->id == id ? &*found : nullptr;
}

const InformationElement* find_ntop_netflow9_element(std::uint16_t id) {
  return id > kNtopNetflow9Elements ? find_vendor_element(static_cast<std::uint16_t>(id - kNtopNetflow9Elements), kNtop)
                                    : nullptr;
}

}  // namespace weir
