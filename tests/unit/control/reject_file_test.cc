// The file of --save-rejects, read back by weir's own reader and octet by octet; its bounds; the listing of rejects.
#include "control/reject_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "control/reject_listing.h"
#include "control/reject_saver.h"
#include "dataplane/input/capture_file.h"
#include "dataplane/reject_ring.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::reject_file_test {
namespace {

using test::Bytes;
using test::packet;
using test::TemporaryFolder;
using test::view_of;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Bytes arp(std::size_t octets = 46) {
  return packet().eth().ether_type(0x0806).payload(octets).bytes();
}

PacketCount unsaved(const SavedRejects& totals, UnsavedReject why) {
  return totals.unsaved[static_cast<std::size_t>(why)];
}

TEST(RejectTarget, IsAFileWithABoundThatHasADefault) {
  EXPECT_EQ(parse_reject_target("a.pcapng")->path, "a.pcapng");
  EXPECT_EQ(parse_reject_target("a.pcapng")->max_octets, 67'108'864U);
  EXPECT_EQ(parse_reject_target("a?max=1M")->max_octets, 1'048'576U);
  for (const char* wrong : {"", "-", "?max=1M", "a?max=", "a?max=1", "a?max=1x", "a?most=1M", "a?"}) {
    EXPECT_FALSE(parse_reject_target(wrong)) << wrong;
  }
}

TEST(RejectFile, HoldsTheFramesWithTheirTimesLinkTypesAndReasons) {
  const TemporaryFolder folder;
  const std::string path = folder.path("rejects.pcapng");
  auto file = RejectFile::open({path, 1 << 20});
  ASSERT_TRUE(file) << file.error();
  (*file)->begin();
  const Bytes frame = arp();
  const Bytes raw = {0x55, 0x66};
  PacketView cut = view_of(frame, 1'700'000'000'123'456'789);
  cut.captured_octets = 31;
  cut.ingress_interface = 2;
  (*file)->save(view_of(frame, 1'700'000'000'000'000'001), Reject::ether_type_arp);
  (*file)->save(cut, Reject::ether_type_other);
  (*file)->save(view_of(raw, 7, 0, LinkType::raw_ip), Reject::link_protocol);
  ASSERT_TRUE((*file)->close());
  EXPECT_EQ((*file)->totals().saved, (PacketCount{3, 2 * frame.size() + 2}));

  auto back = CaptureFile::open(path);
  ASSERT_TRUE(back) << back.error();
  PacketView view{};
  ASSERT_EQ((*back)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.time_ns, 1'700'000'000'000'000'001U);
  EXPECT_EQ(Bytes(view.data, view.data + view.captured_octets), frame);
  ASSERT_EQ((*back)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.time_ns, 1'700'000'000'123'456'789U);
  EXPECT_EQ(view.captured_octets, 31U);
  EXPECT_EQ(view.frame_octets, frame.size());
  ASSERT_EQ((*back)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.link_type, LinkType::raw_ip);
  EXPECT_EQ((*back)->next(view), CaptureFile::Result::end);
  const std::string octets = contents(path);
  // opt_comment (1), the length of the text, the text (draft-ietf-opsawg-pcapng section 3.5).
  const std::string text = "ether_type_arp: ARP or RARP";
  EXPECT_NE(octets.find(std::string("\x01\x00", 2) + static_cast<char>(text.size()) + '\0' + text), std::string::npos);
  EXPECT_NE(octets.find("ether_type_other: "), std::string::npos);
  EXPECT_NE(octets.find("link_protocol: "), std::string::npos);
}

TEST(RejectFile, StopsAtItsBoundAndCountsWhatIsNotSaved) {
  const TemporaryFolder folder;
  const std::string path = folder.path("rejects.pcapng");
  auto file = RejectFile::open({path, 4096});
  ASSERT_TRUE(file) << file.error();
  (*file)->begin();
  const Bytes frame = arp(1000);
  const Bytes small = arp(46);
  for (unsigned i = 0; i < 10; ++i) (*file)->save(view_of(frame), Reject::ether_type_arp);
  (*file)->save(view_of(small), Reject::ether_type_arp);  // it would fit, but the file is a beginning and no choice
  ASSERT_TRUE((*file)->close());
  const SavedRejects totals = (*file)->totals();
  EXPECT_EQ(totals.saved, (PacketCount{3, 3 * 1014}));
  EXPECT_EQ(unsaved(totals, UnsavedReject::rejects_file_full), (PacketCount{8, 7 * 1014 + 60}));
  EXPECT_LE(contents(path).size(), 4096U);
  auto back = CaptureFile::open(path);
  ASSERT_TRUE(back);
  PacketView view{};
  unsigned packets = 0;
  while ((*back)->next(view) == CaptureFile::Result::packet) ++packets;
  EXPECT_EQ(packets, 3U);
  EXPECT_EQ((*back)->error(), "");
}

TEST(RejectFile, LeavesAFileAloneUntilItBeginsAndRefusesAnothersFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path("rejects.pcapng");
  std::ofstream(path) << "something older";
  auto file = RejectFile::open({path, 4096});
  ASSERT_TRUE(file);
  EXPECT_EQ(contents(path), "something older");
  const auto other = RejectFile::open({path, 4096});
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().starts_with("--save-rejects " + path + ": another program writes to the file"))
      << other.error();
  (*file)->begin();
  EXPECT_EQ(contents(path).find("older"), std::string::npos);
  const auto missing = RejectFile::open({folder.path("no/where"), 4096});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().find("No such file or directory"), std::string::npos) << missing.error();
}

TEST(RejectFile, ThatCannotBeWrittenSaysSoAndCountsEveryFrame) {
  auto file = RejectFile::open({"/dev/full", 1 << 20});
  ASSERT_TRUE(file) << file.error();
  (*file)->begin();
  const Bytes frame = arp();
  for (unsigned i = 0; i < 5; ++i) (*file)->save(view_of(frame), Reject::ether_type_arp);
  const auto closed = (*file)->close();
  ASSERT_FALSE(closed);
  EXPECT_NE(closed.error().find("No space left on device"), std::string::npos) << closed.error();
  EXPECT_EQ(unsaved((*file)->totals(), UnsavedReject::rejects_write_failed), (PacketCount{5, 5 * frame.size()}));
}

TEST(RejectRing, CarriesWhatFitsAndRefusesTheRest) {
  RejectRing ring;
  const Bytes frame = arp(9000);
  std::size_t taken = 0;
  while (ring.push(view_of(frame, taken), Reject::ether_type_arp)) ++taken;
  EXPECT_EQ(taken, RejectRing::kLines / 32) << "2048 octets each";
  std::uint64_t next = 0;
  const std::size_t found = ring.consume(100'000, [&](const PacketView& view, Reject reject) {
    EXPECT_EQ(view.time_ns, next++);
    EXPECT_EQ(view.captured_octets, RejectRing::kMostOctets);
    EXPECT_EQ(view.frame_octets, frame.size());
    EXPECT_EQ(reject, Reject::ether_type_arp);
    EXPECT_TRUE(std::equal(view.data, view.data + view.captured_octets, frame.begin()));
  });
  EXPECT_EQ(found, taken);
}

TEST(RejectSaver, SavesWhatSeveralWorkersPutIntoTheirRings) {
  const TemporaryFolder folder;
  auto file = RejectFile::open({folder.path("rejects.pcapng"), 64 << 20});
  ASSERT_TRUE(file);
  (*file)->begin();
  RejectRing rings[2];
  RejectSaver saver({&rings[0], &rings[1]}, **file);
  std::uint64_t refused[2] = {};
  constexpr std::uint64_t kFrames = 5000;
  const Bytes frame = arp(200);
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < 2; ++i) {
    workers.emplace_back([&, i] {
      for (std::uint64_t number = 0; number < kFrames; ++number) {
        refused[i] += rings[i].push(view_of(frame, number), Reject::ether_type_arp) ? 0 : 1;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  saver.finish();
  ASSERT_TRUE((*file)->close());
  EXPECT_EQ((*file)->totals().saved.packets + refused[0] + refused[1], 2 * kFrames);
  EXPECT_EQ(unsaved((*file)->totals(), UnsavedReject::rejects_file_full).packets, 0U);
}

TEST(RejectListing, NamesTheFirstPacketsOfEachReasonAndHowManyMoreThereAre) {
  RejectListing listing;
  for (std::uint64_t number = 1; number <= 60; ++number) {
    listing.add(number, number == 7 ? Reject::vlan_truncated : number % 2 == 0 ? Reject::ether_type_arp : Reject::none);
  }
  EXPECT_EQ(listing.text(),
            "31 of 60 packets rejected; --explain N shows one, layer by layer\n"
            "  vlan_truncated: 1 packet\n"
            "    the frame ends inside an 802.1Q or QinQ tag\n"
            "    7\n"
            "  ether_type_arp: 30 packets\n"
            "    ARP or RARP\n"
            "    2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32 34 36 38 40 and 10 more\n");
  EXPECT_EQ(RejectListing().text(), "0 of 0 packets rejected\n");
}

}  // namespace
}  // namespace weir::reject_file_test
