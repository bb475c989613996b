// Captures made here octet by octet: which frames hold flow export, and which do not.
#include "tools/collect/capture_datagrams.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/support/hex.h"
#include "tests/support/sflow.h"

namespace weir::capture_datagrams_test {
namespace {

using test::Bytes;
using test::hex;
using test::put;

const Bytes kMessage = hex("000a 0014 6553f100 00000000 00000001 0100 0004");

void append(Bytes& out, const Bytes& more) {
  out.insert(out.end(), more.begin(), more.end());
}

Bytes udp(std::uint16_t port, const Bytes& payload) {
  Bytes out;
  put(out, 40'000, 2);
  put(out, port, 2);
  put(out, payload.size() + 8, 2);
  put(out, 0, 2);
  append(out, payload);
  return out;
}

Bytes ipv4(const Bytes& payload, std::uint16_t fragment = 0) {
  Bytes out = hex("4500 0000 0000");
  put(out, fragment, 2);
  append(out, hex("4011 0000 c0000201 c0000202"));
  append(out, payload);
  return out;
}

Bytes ipv6(const Bytes& payload, std::uint8_t next_header = 17) {
  Bytes out = hex("60000000 0000");
  put(out, next_header, 1);
  append(out, hex("40 20010db8000000000000000000000001 20010db8000000000000000000000002"));
  append(out, payload);
  return out;
}

Bytes ethernet(const Bytes& from_ether_type) {
  Bytes out = hex("020000000001 020000000002");
  append(out, from_ether_type);
  return out;
}

Bytes joined(Bytes a, const Bytes& b) {
  append(a, b);
  return a;
}

/// A pcap file, big-endian, microseconds, each packet at second 1700000000 and its number in microseconds.
Bytes pcap_of(std::uint32_t link_type, const std::vector<Bytes>& frames) {
  Bytes out = hex("a1b2c3d4 0002 0004 00000000 00000000 0000ffff");
  put(out, link_type, 4);
  std::uint32_t number = 0;
  for (const Bytes& frame : frames) {
    put(out, 1'700'000'000, 4);
    put(out, number++, 4);
    put(out, frame.size(), 4);
    put(out, frame.size(), 4);
    append(out, frame);
  }
  return out;
}

struct Found {
  std::vector<std::string> exporters;
  std::vector<std::uint64_t> times;
  std::vector<std::size_t> sizes;
  CaptureDatagrams::Counts counts;
  std::string error;
};

Found find(Bytes file) {
  Found found;
  auto capture = CaptureDatagrams::open(fmemopen(file.data(), file.size(), "r"), "test");
  if (!capture) {
    found.error = capture.error();
    return found;
  }
  CaptureDatagrams::Datagram datagram;
  while (capture->next(datagram)) {
    found.exporters.push_back(datagram.exporter);
    found.times.push_back(datagram.received_ns);
    found.sizes.push_back(datagram.octets.size());
  }
  found.counts = capture->counts();
  found.error = capture->error();
  return found;
}

TEST(CaptureDatagrams, FindsExportBehindEveryLinkLayer) {
  const Bytes v4 = ipv4(udp(2055, kMessage));
  const std::string exporter = "192.0.2.1:40000";
  EXPECT_EQ(find(pcap_of(1, {ethernet(joined(hex("0800"), v4))})).exporters, std::vector{exporter});
  EXPECT_EQ(find(pcap_of(1, {ethernet(joined(hex("88a8 0001 8100 0002 0800"), v4))})).exporters, std::vector{exporter});
  EXPECT_EQ(find(pcap_of(101, {v4})).exporters, std::vector{exporter});
  EXPECT_EQ(find(pcap_of(113, {joined(hex("0000 0001 0006 0200000000010000 0800"), v4)})).exporters,
            std::vector{exporter});
  EXPECT_EQ(find(pcap_of(276, {joined(hex("0800 0000 00000001 0001 00 06 0200000000010000"), v4)})).exporters,
            std::vector{exporter});
  EXPECT_EQ(find(pcap_of(0, {joined(hex("00000002"), v4)})).exporters, std::vector{exporter});
  const Found v6 = find(pcap_of(1, {ethernet(joined(hex("86dd"), ipv6(udp(2055, kMessage))))}));
  EXPECT_EQ(v6.exporters, std::vector<std::string>{"[2001:db8::1]:40000"});
  EXPECT_EQ(v6.times, std::vector<std::uint64_t>{1'700'000'000'000'000'000});
}

TEST(CaptureDatagrams, TakesSflowByItsPortOrByALengthThatFits) {
  using test::sflow::counters_sample;
  const Bytes whole = test::sflow::datagram(1, {counters_sample(1, {})});
  Bytes cut = whole;
  cut.pop_back();
  EXPECT_EQ(find(pcap_of(101, {ipv4(udp(6343, cut))})).counts.datagrams, 1U);
  EXPECT_EQ(find(pcap_of(101, {ipv4(udp(9999, whole))})).counts.datagrams, 1U);
  EXPECT_EQ(find(pcap_of(101, {ipv4(udp(9999, cut))})).counts.datagrams, 0U);
  EXPECT_EQ(find(pcap_of(101, {ipv4(udp(6343, hex("00000004 00000001 c0000263")))})).counts.datagrams, 0U)
      << "sFlow v4";
}

TEST(CaptureDatagrams, TakesNetflow1OnlyWithAPlausibleTime) {
  const Bytes record(48, 0);
  const Bytes header = hex("0001 0001 00002710 6553f100 00000000");
  EXPECT_EQ(find(pcap_of(101, {ipv4(udp(2055, joined(header, record)))})).counts.datagrams, 1U);
  const Bytes without_time = hex("0001 0001 00002710 00000001 00000000");
  EXPECT_EQ(find(pcap_of(101, {ipv4(udp(2055, joined(without_time, record)))})).counts.datagrams, 0U);
}

TEST(CaptureDatagrams, TakesWhatGoesWhereExportWentAndNothingElse) {
  const Bytes malformed = hex("000a 00ff 6553f100 00000000 00000001 0100 0004");
  const Found found = find(pcap_of(101, {
                                            ipv4(udp(53, hex("0102030405"))),  // no export
                                            ipv4(udp(2055, malformed)),        // nothing known of this port yet
                                            ipv4(udp(2055, kMessage)),
                                            ipv4(udp(2055, malformed)),  // to be counted as malformed
                                            ipv4(udp(9995, malformed)),
                                        }));
  EXPECT_EQ(found.times, (std::vector<std::uint64_t>{1'700'000'000'000'002'000, 1'700'000'000'000'003'000}));
  EXPECT_EQ(found.counts.packets, 5U);
  EXPECT_EQ(found.counts.datagrams, 2U);
}

// As a capture on the exporter's own host shows what went to the kernel with UDP_SEGMENT.
TEST(CaptureDatagrams, CutsMessagesApartThatTheKernelWasGivenTogether) {
  const Bytes v5 = joined(hex("0005 0001 00000001 6553f100 00000000 00000001 0000 0000"), Bytes(48));
  const Bytes v7 = joined(hex("0007 0001 00000001 6553f100 00000000 00000001 00000000"), Bytes(52));
  const Bytes v9 = hex("0009 0001 00000001 6553f100 00000001 00000001 0000 000c 0100 0001 0001 0004");
  for (const Bytes& message : {kMessage, v5, v7, v9}) {
    SCOPED_TRACE(message.size());
    Bytes three = joined(joined(message, message), message);
    const Found found = find(pcap_of(101, {ipv4(udp(2055, three)), ipv4(udp(2055, message))}));
    EXPECT_EQ(found.sizes, std::vector<std::size_t>(4, message.size()));
    EXPECT_EQ(found.exporters, std::vector<std::string>(4, "192.0.2.1:40000"));
    EXPECT_EQ(found.times.at(2), 1'700'000'000'000'000'000U);
    EXPECT_EQ(found.times.at(3), 1'700'000'000'000'001'000U);
    EXPECT_EQ(found.counts.packets, 2U);
    EXPECT_EQ(found.counts.datagrams, 4U);
    // What is after a message and is none stays with it, to be counted as malformed.
    const Found trailing = find(pcap_of(101, {ipv4(udp(2055, message)), ipv4(udp(2055, joined(message, Bytes(20))))}));
    EXPECT_EQ(trailing.sizes, (std::vector<std::size_t>{message.size(), message.size() + 20}));
  }
}

TEST(CaptureDatagrams, CountsFragmentsAndWhatTheSnapshotLengthCut) {
  Bytes cut = ipv4(udp(2055, kMessage));
  cut.resize(cut.size() - 3);
  const Found found = find(
      pcap_of(101, {ipv4(udp(2055, kMessage)), cut, ipv4(udp(2055, kMessage), 0x2000), ipv6(udp(2055, kMessage), 44)}));
  EXPECT_EQ(found.counts.datagrams, 2U);
  EXPECT_EQ(found.counts.cut_off, 1U);
  EXPECT_EQ(found.counts.fragments, 2U);
}

TEST(CaptureDatagrams, SurvivesEveryTruncationOfAFrameAndOfTheFile) {
  const Bytes frame = ethernet(joined(hex("8100 0001 0800"), ipv4(udp(2055, kMessage))));
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const Bytes short_frame(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(find(pcap_of(1, {short_frame})).exporters.empty()) << size;
  }
  const Bytes file = pcap_of(1, {frame, frame});
  Bytes broken(file.begin(), file.end() - 1);
  const Found found = find(broken);
  EXPECT_EQ(found.exporters.size(), 1U);
  EXPECT_NE(found.error.find("test: packet 2: "), std::string::npos) << found.error;
}

TEST(CaptureDatagrams, KnowsACaptureByItsFirstOctets) {
  for (const char* magic : {"a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a"}) {
    EXPECT_TRUE(CaptureDatagrams::is_capture(hex(magic))) << magic;
  }
  EXPECT_FALSE(CaptureDatagrams::is_capture(hex("000a0010")));
  EXPECT_FALSE(CaptureDatagrams::is_capture(hex("0a0d0d")));
}

TEST(CaptureDatagrams, TakesOnlyWholeMessagesForExport) {
  EXPECT_TRUE(is_flow_export(kMessage));
  EXPECT_FALSE(is_flow_export(hex("000a 0010 6553f100 00000000 00000001"))) << "nothing in it";
  EXPECT_FALSE(is_flow_export(hex("000a 0018 6553f100 00000000 00000001 0100 0004")));
  EXPECT_FALSE(is_flow_export(hex("0005 0000 00000000 00000000 00000000 00000000 00000000")));
  // Version 9, the exporter's time 2023: zeros at the end, and one good set before a bad one.
  const Bytes nine = hex("0009 0001 00002710 6553f100 00000000 00000001");
  EXPECT_TRUE(is_flow_export(joined(nine, hex("0100 0008 00000000 000000000000000000"))));
  EXPECT_TRUE(is_flow_export(joined(nine, hex("0100 0008 00000000 0100 ffff"))));
  EXPECT_TRUE(is_flow_export(joined(nine, hex("0100 0000"))));
  EXPECT_FALSE(is_flow_export(joined(nine, hex("0002 0000")))) << "an id that is reserved";
  EXPECT_FALSE(is_flow_export(joined(hex("0009 0001 00002710 00000000 00000000 00000001"), hex("0100 0000"))))
      << "no time";
  // IPFIX: its length is the datagram's.
  EXPECT_TRUE(is_flow_export(hex("000a 0018 6553f100 00000000 00000001 0002 0000 61626364")));
  EXPECT_FALSE(is_flow_export(hex("000a 0017 6553f100 00000000 00000001 0002 0000 61626364")));
  EXPECT_FALSE(is_flow_export(hex("000a 0018 6553f100 00000000 00000001 0001 0000 61626364"))) << "an id of version 9";
  EXPECT_FALSE(is_flow_export({}));
}

}  // namespace
}  // namespace weir::capture_datagrams_test
