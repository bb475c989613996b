#include "proto/base/number_text.h"

#include <gtest/gtest.h>

namespace weir::number_text_test {
namespace {

TEST(NumberText, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("capture.pcap"), "capture.pcap");
  EXPECT_EQ(printable("a\x1b[31mb\n\x7f"), "a\\x1b[31mb\\x0a\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b") << "CSI as UTF-8";
  EXPECT_EQ(printable("Gr\xc3\xbc\xc3\x9f"
                      "e \xc2\xb5"),
            "Gr\xc3\xbc\xc3\x9f"
            "e \xc2\xb5")
      << "letters stay";
  EXPECT_EQ(printable("\xc2"), "\xc2");
}

}  // namespace
}  // namespace weir::number_text_test
