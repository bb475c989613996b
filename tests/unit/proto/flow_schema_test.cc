// flow.proto and the field table name the same fields by the same numbers. (The tunnels' enum: tunnels_test.cc.)
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "proto/record/fields.h"
#include "proto/schema/flow.pb.h"

namespace weir::flow_schema_test {
namespace {

TEST(FlowSchema, HasEveryColumnOfTheTableByItsNameAndNumber) {
  const google::protobuf::Descriptor* schema = v1::FlowRecord::descriptor();
  for (const Column& column : kColumns) {
    const Field& field = kFieldRows[column.row].field;
    const int number = field.protobuf[column.side];
    if (number == 0) continue;
    const std::string name(column_name(column).view());
    SCOPED_TRACE(name);
    const google::protobuf::FieldDescriptor* found = schema->FindFieldByNumber(number);
    ASSERT_NE(found, nullptr) << "flow.proto has no field " << number;
    if (field.form == Form::labels || kFieldRows[column.row].section == Section::label) continue;  // a list there
    EXPECT_EQ(found->name(), name);
    EXPECT_EQ(found->is_repeated(),
              field.form == Form::histogram || field.form == Form::packets || field.form == Form::as_path);
    if (field.form != Form::packets) continue;
    const google::protobuf::Descriptor& packet = *found->message_type();
    ASSERT_EQ(packet.field_count(), static_cast<int>(kListedFacts.size()));
    for (std::size_t i = 0; i < kListedFacts.size(); ++i) {
      EXPECT_EQ(packet.field(static_cast<int>(i))->name(), kListedFacts[i].name);
      EXPECT_EQ(packet.field(static_cast<int>(i))->number(), static_cast<int>(i + 1));
    }
  }
}

TEST(FlowSchema, HasNoFieldThatTheTableDoesNotHave) {
  // goflow2's: which protocol brought the flow there, and which probe.
  std::set<int> numbers = {v1::FlowRecord::kTypeFieldNumber, v1::FlowRecord::kSamplerAddressFieldNumber,
                           v1::FlowRecord::kMonitorFieldNumber};
  for (const Column& column : kColumns) numbers.insert(kFieldRows[column.row].field.protobuf[column.side]);
  const google::protobuf::Descriptor* schema = v1::FlowRecord::descriptor();
  for (int i = 0; i < schema->field_count(); ++i) {
    EXPECT_EQ(numbers.count(schema->field(i)->number()), 1U) << schema->field(i)->name();
  }
}

/// A field of goflow2's FlowMessage: protobuf's wire format knows it by number and type alone.
struct Goflow2Field {
  int number;
  const char* name;
  google::protobuf::FieldDescriptor::Type type;
  bool repeated = false;
};
using Descriptor = google::protobuf::FieldDescriptor;

// As published: pb/flow.proto of https://github.com/netsampler/goflow2, commit
// 02f5d1b20f35c872834146d94f098b6f91cbf447.
constexpr Goflow2Field kGoflow2[] = {
    {1, "type", Descriptor::TYPE_ENUM},
    {3, "sampling_rate", Descriptor::TYPE_UINT64},
    {4, "sequence_num", Descriptor::TYPE_UINT32},
    {6, "src_addr", Descriptor::TYPE_BYTES},
    {7, "dst_addr", Descriptor::TYPE_BYTES},
    {9, "bytes", Descriptor::TYPE_UINT64},
    {10, "packets", Descriptor::TYPE_UINT64},
    {11, "sampler_address", Descriptor::TYPE_BYTES},
    {12, "next_hop", Descriptor::TYPE_BYTES},
    {13, "next_hop_as", Descriptor::TYPE_UINT32},
    {14, "src_as", Descriptor::TYPE_UINT32},
    {15, "dst_as", Descriptor::TYPE_UINT32},
    {16, "src_net", Descriptor::TYPE_UINT32},
    {17, "dst_net", Descriptor::TYPE_UINT32},
    {18, "in_if", Descriptor::TYPE_UINT32},
    {19, "out_if", Descriptor::TYPE_UINT32},
    {20, "proto", Descriptor::TYPE_UINT32},
    {21, "src_port", Descriptor::TYPE_UINT32},
    {22, "dst_port", Descriptor::TYPE_UINT32},
    {23, "ip_tos", Descriptor::TYPE_UINT32},
    {24, "forwarding_status", Descriptor::TYPE_UINT32},
    {25, "ip_ttl", Descriptor::TYPE_UINT32},
    {26, "tcp_flags", Descriptor::TYPE_UINT32},
    {27, "src_mac", Descriptor::TYPE_UINT64},
    {28, "dst_mac", Descriptor::TYPE_UINT64},
    {29, "vlan_id", Descriptor::TYPE_UINT32},
    {30, "etype", Descriptor::TYPE_UINT32},
    {31, "icmp_type", Descriptor::TYPE_UINT32},
    {32, "icmp_code", Descriptor::TYPE_UINT32},
    {33, "src_vlan", Descriptor::TYPE_UINT32},
    {34, "dst_vlan", Descriptor::TYPE_UINT32},
    {35, "fragment_id", Descriptor::TYPE_UINT32},
    {36, "fragment_offset", Descriptor::TYPE_UINT32},
    {37, "ipv6_flow_label", Descriptor::TYPE_UINT32},
    {38, "ip_flags", Descriptor::TYPE_UINT32},
    {70, "observation_domain_id", Descriptor::TYPE_UINT32},
    {71, "observation_point_id", Descriptor::TYPE_UINT32},
    {80, "mpls_ttl", Descriptor::TYPE_UINT32, true},
    {81, "mpls_label", Descriptor::TYPE_UINT32, true},
    {82, "mpls_ip", Descriptor::TYPE_BYTES, true},
    {100, "bgp_next_hop", Descriptor::TYPE_BYTES},
    {101, "bgp_communities", Descriptor::TYPE_UINT32, true},
    {102, "as_path", Descriptor::TYPE_UINT32, true},
    {103, "layer_stack", Descriptor::TYPE_ENUM, true},
    {104, "ipv6_routing_header_addresses", Descriptor::TYPE_BYTES, true},
    {105, "ipv6_routing_header_seg_left", Descriptor::TYPE_UINT32},
    {110, "time_received_ns", Descriptor::TYPE_UINT64},
    {111, "time_flow_start_ns", Descriptor::TYPE_UINT64},
    {112, "time_flow_end_ns", Descriptor::TYPE_UINT64},
};

/// weir's own fields have numbers from here on.
constexpr int kFirstOwnNumber = 1000;

TEST(FlowSchema, HasItsSharedFieldsByTheNumberAndTypeThatGoflow2Published) {
  const google::protobuf::Descriptor* schema = v1::FlowRecord::descriptor();
  int shared = 0;
  for (const Goflow2Field& theirs : kGoflow2) {
    SCOPED_TRACE(theirs.name);
    const Descriptor* const by_name = schema->FindFieldByName(theirs.name);
    const Descriptor* const by_number = schema->FindFieldByNumber(theirs.number);
    EXPECT_EQ(by_name, by_number) << "a name and its number belong together";
    if (by_number == nullptr) continue;
    ++shared;
    EXPECT_EQ(by_number->type(), theirs.type);
    EXPECT_EQ(by_number->is_repeated(), theirs.repeated);
  }
  int below = 0;
  for (int i = 0; i < schema->field_count(); ++i) below += schema->field(i)->number() < kFirstOwnNumber ? 1 : 0;
  EXPECT_EQ(below, shared) << "weir's own fields have numbers from 1000 on";
  EXPECT_GE(shared, 27);
}

TEST(FlowSchema, HasTheFlowTypesThatGoflow2Published) {
  const google::protobuf::EnumDescriptor* types = v1::FlowRecord::FlowType_descriptor();
  const char* const names[] = {"FLOWUNKNOWN", "SFLOW_5", "NETFLOW_V5", "NETFLOW_V9", "IPFIX"};
  ASSERT_EQ(types->value_count(), 5);
  for (int i = 0; i < 5; ++i) {
    ASSERT_NE(types->FindValueByNumber(i), nullptr);
    EXPECT_EQ(types->FindValueByNumber(i)->name(), names[i]);
  }
}

}  // namespace
}  // namespace weir::flow_schema_test
