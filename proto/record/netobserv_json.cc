#include "proto/record/netobserv_json.h"

#include <charconv>
#include <cstring>
#include <string>

#include "proto/base/address_text.h"
#include "proto/base/json_string.h"
#include "proto/base/time_text.h"

namespace weir {
namespace {

// The names with all that stands around values are below 300 octets; 10 numbers of at most 20 digits, two MAC and two
// IP addresses and two times make 450.
static_assert(kNetobservJsonMaxOctets >= 300 + 450 + kMostInterfaceNameOctets * kJsonOctetMost);

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// ,"name":value
char* put_number(char* out, std::string_view before, std::uint64_t value) {
  out = put(out, before);
  return std::to_chars(out, out + 20, value).ptr;
}

char* put_mac(char* out, std::string_view before, const std::uint8_t* mac) {
  out = write_mac_text(put(out, before), mac);
  *out++ = '"';
  return out;
}

char* put_address(char* out, std::string_view before, const std::uint8_t* address, std::uint8_t ip_version) {
  out = write_address_text(put(out, before), address, ip_version);
  *out++ = '"';
  return out;
}

char* put_time(char* out, std::string_view before, std::uint64_t time_ns) {
  std::string text = iso_time(time_ns, 9);
  text.pop_back();  // the Z
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return put(put(put(out, before), text), "Z\"");
}

}  // namespace

char* write_netobserv_json(char* out, RecordView record, std::string_view interface) {
  constexpr std::uint8_t kNoMac[6] = {};
  const auto* const frame = record.find<Layer2Section>();
  const auto* const way = record.find<DirectionSection>();
  const auto* const link = record.find<LinkSection>();
  out = put_number(out, R"({"Etype":)", record->ether_type);
  out = put_number(out, R"(,"FlowDirection":)", way == nullptr ? 0 : way->direction);
  out = put_mac(out, R"(,"SrcMac":")", frame == nullptr ? kNoMac : frame->source_mac);
  out = put_mac(out, R"(,"DstMac":")", frame == nullptr ? kNoMac : frame->destination_mac);
  out = put_address(out, R"(,"SrcAddr":")", record->source_address, record->ip_version);
  out = put_address(out, R"(,"DstAddr":")", record->destination_address, record->ip_version);
  out = put_number(out, R"(,"SrcPort":)", record->source_port());
  out = put_number(out, R"(,"DstPort":)", record->destination_port());
  out = put_number(out, R"(,"Proto":)", record->protocol);
  out = put_number(out, R"(,"IFIndex":)", record->ingress_interface);
  out = put_number(out, R"(,"Packets":)", record->packets[kForward]);
  out = put_number(out, R"(,"Bytes":)", link == nullptr ? record->octets[kForward] : link->octets[kForward]);
  out = put_number(out, R"(,"StartMonoTimeNs":)", link == nullptr ? 0 : link->start_mono_ns);
  out = put_number(out, R"(,"EndMonoTimeNs":)", link == nullptr ? 0 : link->end_mono_ns);
  out = put_time(out, R"(,"TimeFlowStart":")", record->first_ns[kForward]);
  out = put_time(out, R"(,"TimeFlowEnd":")", record->last_ns[kForward]);
  out = put(out, R"(,"Interface":")");
  out = write_json_string(out, interface.empty() ? "unknown" : interface.substr(0, kMostInterfaceNameOctets));
  return put(out, "\"}\n");
}

}  // namespace weir
