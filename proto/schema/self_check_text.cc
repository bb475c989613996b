#include "proto/schema/self_check_text.h"

#include "proto/schema/text_table.h"

namespace weir {

std::string self_check_text(const v1::SelfCheckReply& reply) {
  TextTable table("lll");
  for (const v1::SelfCheckItem& item : reply.items()) table.row({item.name(), item.outcome(), item.text()});
  return table.text(0);
}

}  // namespace weir
