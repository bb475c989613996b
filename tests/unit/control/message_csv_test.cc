// message_csv: expectations written by hand from RFC 4180.
#include "proto/schema/message_csv.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/type.pb.h>
#include <gtest/gtest.h>

namespace weir::message_csv_test {
namespace {

TEST(MessageCsv, NamesEveryValueByItsPlace) {
  google::protobuf::EnumValue value;
  value.set_name("a \"b\", c\nd\\");
  value.set_number(-7);
  value.add_options()->set_name("first");
  value.add_options()->set_name("\x01");
  EXPECT_EQ(message_csv(value),
            "name,value\r\nname,\"a \"\"b\"\", c\nd\\\"\r\nnumber,-7\r\n"
            "options.0.name,first\r\noptions.0.value.type_url,\r\noptions.0.value.value,\r\n"
            "options.1.name,\x01\r\noptions.1.value.type_url,\r\noptions.1.value.value,\r\n");
}

TEST(MessageCsv, HasNoLineForAnEmptyListOrMap) {
  EXPECT_EQ(message_csv(google::protobuf::EnumValue()), "name,value\r\nname,\r\nnumber,0\r\n");
  google::protobuf::Struct map;
  EXPECT_EQ(message_csv(map), "name,value\r\n");
  (*map.mutable_fields())["b"].set_bool_value(true);
  (*map.mutable_fields())["a"].set_number_value(1.5);
  EXPECT_EQ(message_csv(map), "name,value\r\nfields.a.number_value,1.5\r\nfields.b.bool_value,true\r\n");
}

}  // namespace
}  // namespace weir::message_csv_test
