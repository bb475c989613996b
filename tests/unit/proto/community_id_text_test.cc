// A Community ID as text, there and back; and texts that are none.
#include "proto/base/community_id_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "proto/record/flow_protobuf.h"
#include "tests/unit/proto/encoder_fixtures.h"

namespace weir::community_id_text_test {
namespace {

using Id = std::array<std::uint8_t, kCommunityIdOctets>;

// Both forms of one ID are in the test vectors of github.com/corelight/pycommunityid.
constexpr Id kId{0x2d, 0x05, 0x3d, 0xa9, 0x99, 0x4a, 0xf8, 0x1e, 0x45, 0xdc,
                 0xa0, 0xe6, 0x7a, 0xfe, 0xa6, 0xe4, 0xf3, 0x22, 0x6e, 0xb8};
const std::string kText = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";

TEST(CommunityIdText, IsOneAndBase64) {
  char text[kCommunityIdTextOctets];
  EXPECT_EQ(std::string(text, write_community_id(text, kId.data())), kText);
  Id back{};
  ASSERT_TRUE(read_community_id(kText, back.data()));
  EXPECT_EQ(back, kId);
}

TEST(CommunityIdText, ThatIsCutOrOfAnotherVersionOrNoBase64IsRefused) {
  Id id{};
  for (std::size_t octets = 0; octets < kText.size(); ++octets) {
    EXPECT_FALSE(read_community_id(kText.substr(0, octets), id.data())) << octets;
  }
  for (const char* const text : {"2:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:LQU9qZlK+B5F3KDmev6m5PMibrg", "",
                                 "1:LQU9qZlK+B5F3KDmev6m5PMibr==", "1:LQU9qZlK-B5F3KDmev6m5PMibrg=",
                                 "1:LQU9qZlK+B5F3KDmev6m5PMibrh=",  // a bit after the last octet is set
                                 "1:LQU9qZlK+B5F3KDmev6m5PMibrg=="}) {
    EXPECT_FALSE(read_community_id(text, id.data())) << text;
  }
}

TEST(CommunityIdText, ThatIsNoneMakesTheProtobufMessageMalformed) {
  OwnedRecord record(test::ipv4_flow());
  std::memcpy(record.add<IdsSection>().community_id, kId.data(), kId.size());
  std::array<std::uint8_t, kFlowProtobufMaxOctets> octets;
  const std::uint8_t* const end = write_flow_protobuf(octets.data(), record);
  const std::string_view written(reinterpret_cast<const char*>(octets.data()),
                                 static_cast<std::size_t>(end - octets.data()));
  const std::size_t at = written.find(kText);
  ASSERT_NE(at, std::string_view::npos);
  OwnedRecord back;
  ASSERT_TRUE(decode_flow(next_delimited({octets.data(), end}).message, back));
  ASSERT_NE(back.view().find<IdsSection>(), nullptr);
  EXPECT_EQ(std::memcmp(back.view().find<IdsSection>()->community_id, kId.data(), kId.size()), 0);
  octets[at] = '2';
  EXPECT_FALSE(decode_flow(next_delimited({octets.data(), end}).message, back));
}

}  // namespace
}  // namespace weir::community_id_text_test
