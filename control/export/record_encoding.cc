#include "control/export/record_encoding.h"

#include "control/export/one_way.h"
#include "proto/record/fields.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"
#include "proto/record/netobserv_json.h"

namespace weir {
namespace {

std::uint8_t* write_json(std::uint8_t* out, RecordView record, const IpAddress& sampler_address,
                         const MonitorNames& monitors) {
  return reinterpret_cast<std::uint8_t*>(
      write_flow_json(reinterpret_cast<char*>(out), record, sampler_address, monitors.of(*record)));
}

}  // namespace

std::size_t JsonEncoding::longest_octets() const {
  return kFlowJsonMaxOctets;
}

std::uint8_t* JsonEncoding::write(std::uint8_t* out, RecordView record) {
  return write_json(out, record, sampler_address_, monitors_);
}

OrderedEncoding::Encode JsonEncoding::on_several_cores() const {
  return [sampler_address = sampler_address_, monitors = monitors_](std::uint8_t* out, RecordView record) {
    return write_json(out, record, sampler_address, monitors);
  };
}

std::size_t NetobservEncoding::longest_octets() const {
  return 2 * kNetobservJsonMaxOctets;
}

std::uint8_t* NetobservEncoding::write_line(std::uint8_t* out, RecordView record) {
  std::string name;
  if (const auto* const names = record.find<InterfaceNamesSection>()) {
    name =
        characters_at(reinterpret_cast<const std::uint8_t*>(names->ingress_name), InterfaceNamesSection::kNameOctets);
  } else if (facts_ != nullptr) {
    name = facts_->interface_name(record->ingress_interface);
  }
  return reinterpret_cast<std::uint8_t*>(write_netobserv_json(reinterpret_cast<char*>(out), record, name));
}

std::uint8_t* NetobservEncoding::write(std::uint8_t* out, RecordView record) {
  if (record->packets[kReverse] == 0) return write_line(out, record);
  if (record->packets[kForward] != 0) out = write_line(out, one_way(record, kForward));
  return write_line(out, one_way(record, kReverse));
}

std::size_t ProtobufEncoding::longest_octets() const {
  return kFlowProtobufMaxOctets;
}

std::uint8_t* ProtobufEncoding::write(std::uint8_t* out, RecordView record) {
  return write_flow_protobuf(out, record, sampler_address_, monitors_.of(*record));
}

std::size_t UniflowProtobufEncoding::longest_octets() const {
  return 2 * kFlowProtobufMaxOctets;
}

std::uint8_t* UniflowProtobufEncoding::write(std::uint8_t* out, RecordView record) {
  if (record->packets[kReverse] == 0) return write_flow_protobuf(out, record, sampler_address_, monitors_.of(*record));
  const std::string_view monitor = monitors_.of(*record);
  if (record->packets[kForward] != 0) {
    out = write_flow_protobuf(out, one_way(record, kForward), sampler_address_, monitor);
  }
  return write_flow_protobuf(out, one_way(record, kReverse), sampler_address_, monitor);
}

std::unique_ptr<RecordEncoding> protobuf_encoding(bool uniflow, const ExportContext& context) {
  if (uniflow) return std::make_unique<UniflowProtobufEncoding>(context.sampler_address, context.monitor_names());
  return std::make_unique<ProtobufEncoding>(context.sampler_address, context.monitor_names());
}

}  // namespace weir
