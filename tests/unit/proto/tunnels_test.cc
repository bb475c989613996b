// The list of tunnels: what flow.proto says of it is the same, and each row is one that can be used.
#include "proto/record/tunnels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "proto/schema/flow.pb.h"

namespace weir::tunnels_test {
namespace {

TEST(Tunnels, have_the_names_and_numbers_of_flow_proto) {
  const google::protobuf::EnumDescriptor* schema = v1::FlowRecord::TunnelType_descriptor();
  ASSERT_EQ(static_cast<std::size_t>(schema->value_count()), kTunnelTypes.size());
  for (std::size_t i = 0; i < kTunnelTypes.size(); ++i) {
    std::string name(kTunnelTypes[i].name);  // "gtp-u" is GTP_U in the schema
    std::transform(name.begin(), name.end(), name.begin(), [](char letter) {
      return letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    });
    const google::protobuf::EnumValueDescriptor* value = schema->FindValueByNumber(static_cast<int>(i));
    ASSERT_NE(value, nullptr) << name;
    EXPECT_EQ(value->name(), name);
  }
}

TEST(Tunnels, have_a_port_exactly_where_a_port_announces_them_and_a_name_of_their_own) {
  std::set<std::string_view> names;
  for (const TunnelTypeInfo& info : kTunnelTypes) {
    EXPECT_EQ(info.told != TunnelSide::none, info.port != 0) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
  EXPECT_EQ(tunnel_name(TunnelType::gtp_u), "gtp-u");
  EXPECT_EQ(tunnel_name(static_cast<TunnelType>(kTunnelTypes.size())), "unknown");
}

}  // namespace
}  // namespace weir::tunnels_test
