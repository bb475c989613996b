#include "tools/collect/message_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/schema/flow.pb.h"

namespace weir::message_stream_test {
namespace {

using Octets = std::vector<std::uint8_t>;

/// A message as protobuf's own class writes it, with its length in front.
Octets message(std::uint64_t packets) {
  v1::FlowRecord flow;
  flow.set_src_addr(std::string("\x0a\x00\x00\x01", 4));
  flow.set_dst_addr(std::string("\x0a\x00\x00\x02", 4));
  flow.set_proto(17);
  flow.set_etype(0x0800);
  flow.set_src_port(53);
  flow.set_packets(packets);
  flow.set_bytes(packets * 100);
  const std::string body = flow.SerializeAsString();
  EXPECT_LT(body.size(), 128U);  // so that the length is one octet
  const std::string whole = std::string(1, static_cast<char>(body.size())) + body;
  return {whole.begin(), whole.end()};
}

struct Taken {
  std::vector<std::uint64_t> packets;
  std::vector<std::string> samplers;
  std::vector<std::string> monitors;
  void operator()(RecordView record, const IpAddress& sampler, std::string_view monitor) {
    packets.push_back(record->packets[kForward]);
    samplers.push_back(sampler.text());
    monitors.emplace_back(monitor);
  }
};

TEST(MessageStream, GivesTheSameRecordsHoweverTheStreamIsCut) {
  Octets stream;
  for (const std::uint64_t packets : {1, 300, 70'000}) {
    const Octets one = message(packets);
    stream.insert(stream.end(), one.begin(), one.end());
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    MessageStream reader;
    Taken taken;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const std::size_t octets = std::min(piece, stream.size() - at);
      ASSERT_TRUE(reader.feed(std::span(stream).subspan(at, octets), std::ref(taken)));
    }
    EXPECT_EQ(taken.packets, (std::vector<std::uint64_t>{1, 300, 70'000})) << piece;
    EXPECT_EQ(reader.records(), 3U);
    EXPECT_TRUE(reader.finish());
  }
}

TEST(MessageStream, GivesEachRecordTheProbeThatItNamesAndNoOther) {
  v1::FlowRecord named;
  named.set_src_addr(std::string("\x0a\x00\x00\x01", 4));
  named.set_dst_addr(std::string("\xc0\x00\x02\x01", 4));
  Octets stream = message(1);
  for (const std::string& sampler :
       {std::string("\xc0\x00\x02\x07", 4), "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x01"}) {
    named.set_sampler_address(sampler);
    named.set_monitor(sampler.size() == 4 ? "wide.1" : "no name");
    const std::string body = named.SerializeAsString();
    stream.push_back(static_cast<std::uint8_t>(body.size()));
    stream.insert(stream.end(), body.begin(), body.end());
    const Octets other = message(2);
    stream.insert(stream.end(), other.begin(), other.end());
  }
  MessageStream reader;
  Taken taken;
  ASSERT_TRUE(reader.feed(stream, std::ref(taken)));
  EXPECT_EQ(taken.samplers, (std::vector<std::string>{"", "192.0.2.7", "", "2001:db8::1", ""}));
  EXPECT_EQ(taken.monitors, (std::vector<std::string>{"", "wide.1", "", "", ""})) << "no configuration has such a name";
}

TEST(MessageStream, SaysWhichRecordIsCutOff) {
  const Octets whole = message(1);
  Octets stream = whole;
  stream.insert(stream.end(), whole.begin(), whole.end() - 1);
  MessageStream reader;
  Taken taken;
  ASSERT_TRUE(reader.feed(stream, std::ref(taken)));
  EXPECT_EQ(taken.packets.size(), 1U);
  const auto end = reader.finish();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error(), "record 2 at octet " + std::to_string(whole.size()) + " is cut off after " +
                             std::to_string(whole.size() - 1) + " octets");
}

TEST(MessageStream, SaysWhichRecordIsNone) {
  Octets stream = message(1);
  const std::string place = std::to_string(stream.size());
  // Length 2; field 6 (src_addr) with wire type 2 and a length of 1, which is beyond the message's end.
  for (const int octet : {0x02, 0x32, 0x01}) stream.push_back(static_cast<std::uint8_t>(octet));
  MessageStream reader;
  Taken taken;
  const auto fed = reader.feed(stream, std::ref(taken));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error(), "record 2 at octet " + place + " is no weir.v1.FlowRecord");
  EXPECT_EQ(taken.packets, (std::vector<std::uint64_t>{1}));
}

TEST(MessageStream, RefusesALengthThatNoRecordHas) {
  MessageStream reader;
  Taken taken;
  // 0xffffffff octets: a reader that believed it would buffer 4 GiB.
  EXPECT_FALSE(reader.feed(Octets{0xff, 0xff, 0xff, 0xff, 0x0f, 0x00}, std::ref(taken)));
}

TEST(MessageStream, AnEmptyStreamIsWhole) {
  const MessageStream reader;
  EXPECT_TRUE(reader.finish());
}

}  // namespace
}  // namespace weir::message_stream_test
