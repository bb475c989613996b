// flow.proto and the field table name the same fields by the same numbers. (The tunnels' enum: tunnels_test.cc.)
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "proto/record/fields.h"
#include "proto/schema/flow.pb.h"

namespace weir {
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
    EXPECT_FALSE(found->is_repeated());
  }
}

TEST(FlowSchema, HasNoFieldThatTheTableDoesNotHave) {
  std::set<int> numbers = {v1::FlowRecord::kTypeFieldNumber};  // goflow2's: which protocol brought the flow there
  for (const Column& column : kColumns) numbers.insert(kFieldRows[column.row].field.protobuf[column.side]);
  const google::protobuf::Descriptor* schema = v1::FlowRecord::descriptor();
  for (int i = 0; i < schema->field_count(); ++i) {
    EXPECT_EQ(numbers.count(schema->field(i)->number()), 1U) << schema->field(i)->name();
  }
}

}  // namespace
}  // namespace weir
