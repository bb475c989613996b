// Interface numbers of 32 bits in 16.
#include "dataplane/flow/interface_numbers.h"

#include <gtest/gtest.h>

#include <map>

#include "dataplane/offline_meter.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"

namespace weir::test::interface_numbers_test {
namespace {

TEST(InterfaceNumbers, ComeBackAsTheyWere) {
  InterfaceNumbers numbers;
  std::map<std::uint16_t, std::uint32_t> kept;
  for (const std::uint32_t number : {0U, 1U, InterfaceNumbers::kDirect - 1, InterfaceNumbers::kDirect, 65535U, 65536U,
                                     65536U + InterfaceNumbers::kPlaces, 4'294'967'295U}) {
    const std::uint16_t as = numbers.keep(number);
    EXPECT_EQ(numbers.number_of(as), number);
    EXPECT_EQ(numbers.keep(number), as);
    EXPECT_TRUE(kept.emplace(as, number).second) << number;
  }
  for (const auto& [as, number] : kept) EXPECT_EQ(numbers.number_of(as), number);
}

TEST(InterfaceNumbers, BeyondThoseThatFitAreUnknown) {
  InterfaceNumbers numbers;
  for (std::uint32_t i = 0; i < InterfaceNumbers::kPlaces; ++i) {
    EXPECT_EQ(numbers.number_of(numbers.keep(1'000'000 + 3 * i)), 1'000'000 + 3 * i);
  }
  EXPECT_EQ(numbers.keep(999'999), 0U);
  EXPECT_EQ(numbers.number_of(numbers.keep(1'000'003)), 1'000'003U);
}

TEST(InterfaceNumbers, AreWholeInRecords) {
  OfflineMeter meter{OfflineOptions(), KeyHash(KeyHash::random_seed())};
  const Bytes frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(4).bytes();
  PacketView view = view_of(frame, 1'700'000'000'000'000'000);
  view.ingress_interface = 4'000'000'000;
  meter.add(view);
  meter.finish();
  const RecordBatch records = take_batch(meter.records(0));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->ingress_interface, 4'000'000'000U);
}

}  // namespace
}  // namespace weir::test::interface_numbers_test
