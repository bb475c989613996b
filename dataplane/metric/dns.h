// The metric `dns`: the first query of a flow and its response, and how many messages there were (RFC 1035; over TCP
// RFC 7766).
//
// Messages are recognised by a port, 53 and what a user adds, and by a header that a DNS message can have. A worker
// reads the 12 octets of headers and no more: what follows the header of the first query is copied, bounded, into lines
// of the worker's pool, and the control side decodes the name in it. Over TCP a side's messages are followed by their
// lengths: segments may be cut anywhere. What repeats is skipped; after a gap that hides where the next message begins,
// reading goes on with a segment that begins like one. A flow without DNS costs a comparison per packet.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/metric/metric.h"
#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct Dns {
  static constexpr std::string_view kName = "dns";
  static constexpr std::string_view kMeaning =
      "DNS: name, type and response of a flow's first query, counts of messages (personal data: names that were asked "
      "for)";
  static constexpr std::uint32_t kSections = kSectionBit<DnsSection>;

  // Bits of MetricParameters::dns_names, in the order of kParameter's words.
  static constexpr std::uint16_t kMulticast = 1;
  static constexpr std::uint16_t kLinkLocal = 2;
  static constexpr MetricParameter kParameter{
      "mdns|llmnr",
      0,
      0,
      &MetricParameters::dns_names,
      {"mdns", "llmnr"},
      "also port 5353 (multicast DNS), port 5355 (LLMNR); dns:mdns,dns:llmnr is both"};

  static constexpr std::uint16_t kPort = 53;
  static constexpr std::uint16_t kMulticastPort = 5353;  // RFC 6762 section 3
  static constexpr std::uint16_t kLinkLocalPort = 5355;  // RFC 4795 section 2.1
  static constexpr std::uint32_t kHeaderOctets = 12;     // RFC 1035 section 4.1.1
  static constexpr std::uint32_t kPrefixOctets = 2;      // RFC 1035 section 4.2.2

  /// Octets of a question in a line of the pool.
  struct QuestionPart {
    std::uint8_t octets[60];
  };

  struct State {};
  /// A side's messages over TCP.
  struct Stream {
    std::uint32_t next_sequence;
    std::uint16_t left;                                ///< of a message whose header is there
    std::uint8_t head_octets;                          ///< of `head` that are there
    bool in_step;                                      ///< next_sequence goes on with the message
    std::uint8_t head[kPrefixOctets + kHeaderOctets];  ///< of the message at hand
    std::uint8_t reserved[2];
  };
  struct Slot {
    std::uint64_t query_ns;
    std::uint64_t response_time_ns;
    std::uint32_t queries;
    std::uint32_t responses;
    std::uint32_t errors;
    std::uint32_t first_line;  ///< of the pool: what follows the header of the first query
    std::uint32_t last_line;
    std::uint16_t question_octets;
    std::uint16_t id;
    std::uint16_t flags;
    std::uint16_t answers;
    std::uint8_t rcode;
    std::uint8_t known;      ///< bits, see below
    std::uint8_t keeping_1;  ///< the side, plus 1, whose octets are those of the question; 0: neither
    std::uint8_t reserved;
    Stream streams[2];  ///< by side
  };
  // Of `known`, besides bits of DnsSection.
  static constexpr std::uint8_t kQuery = 0x80;     ///< the first query was seen
  static constexpr std::uint8_t kQuestion = 0x40;  ///< the message that counts has a question

  /// A line for every flow, which few of them want; small tables as many as they may want.
  static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters& /*parameters*/) {
    constexpr std::uint64_t kSmallTable = 4096;
    return std::max(flows, std::min(flows, kSmallTable) * kPoolLines);
  }
  static constexpr std::size_t kPoolLines =
      (DnsSection::kMostQuestion + sizeof(QuestionPart) - 1) / sizeof(QuestionPart);

  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& parameters) {
    const auto has_port = [&](std::uint16_t port) {
      return packet.key.port_low == port || packet.key.port_high == port;
    };
    const bool wanted = has_port(kPort) || ((parameters.dns_names & kMulticast) != 0 && has_port(kMulticastPort)) ||
                        ((parameters.dns_names & kLinkLocal) != 0 && has_port(kLinkLocalPort));
    if (!wanted) return 0;
    if (packet.key.protocol == kProtocolUdp) return kHeaderOctets + DnsSection::kMostQuestion;
    return packet.key.protocol == kProtocolTcp ? PacketPayload::kMost : 0;
  }

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& /*state*/, Slot& slot, const MetricInput& input) {
    read(slot, input);
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    return (slot.queries | slot.responses) != 0 ? kSections : 0;
  }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<DnsSection>();
    section.response_time_ns = slot.response_time_ns;
    section.queries = slot.queries;
    section.responses = slot.responses;
    section.errors = slot.errors;
    section.id = slot.id;
    section.flags = slot.flags;
    section.answers = slot.answers;
    section.rcode = slot.rcode;
    section.known = static_cast<std::uint8_t>(slot.known & ~(kQuery | kQuestion));
    section.question_octets = slot.question_octets;
    std::uint32_t line = slot.first_line;
    for (std::uint32_t at = 0; at < slot.question_octets; at += sizeof(QuestionPart)) {
      const auto& part = output.pool.at<QuestionPart>(line);
      const std::uint32_t octets = std::min<std::uint32_t>(sizeof part, slot.question_octets - at);
      std::memcpy(section.name + 1 + at, part.octets, octets);
      line = output.pool.next(line);
    }
    // Nothing of the name was captured, or the pool had no room for it.
    if (slot.question_octets == 0 && (slot.known & kQuestion) != 0) section.name[0] = 1;
  }

  static void release(State& /*state*/, Slot& slot, LinePool& pool) { forget_question(slot, pool); }

  /// What follows in the streams is read where it was left.
  static void restart(State& /*state*/, Slot& slot) {
    Slot next{};
    std::memcpy(next.streams, slot.streams, sizeof next.streams);
    slot = next;
  }

 private:
  [[gnu::noinline]] static void read(Slot& slot, const MetricInput& input) {
    const PacketPayload& payload = input.facts.payload;
    if (input.facts.has_tcp()) return read_segment(slot, input);
    if (payload.captured < kHeaderOctets || !can_be_header(payload.octets, payload.whole)) return;
    if (take_header(slot, payload.octets, input)) {
      keep_question(slot, payload.octets + kHeaderOctets, payload.captured - kHeaderOctets, input.pool);
      slot.keeping_1 = 0;
    }
  }

  /// Whether a message of so many octets can begin so: an opcode in use (IANA), and room for its questions, which are 5
  /// octets at least.
  static bool can_be_header(const std::uint8_t* header, std::uint32_t octets) {
    constexpr std::uint32_t kLeastQuestion = 5;
    const unsigned opcode = header[2] >> 3 & 0xfU;
    return octets >= kHeaderOctets && opcode <= 6 && opcode != 3 &&
           load_be<std::uint16_t>(header + 4) * kLeastQuestion <= octets - kHeaderOctets;
  }
  /// The same for octets of which nothing says that a message begins there: one question, and room for all records,
  /// which are 11 octets at least.
  static bool begins_like_message(const PacketPayload& payload) {
    if (payload.captured < kPrefixOctets + kHeaderOctets) return false;
    const std::uint32_t octets = load_be<std::uint16_t>(payload.octets);
    const std::uint8_t* const header = payload.octets + kPrefixOctets;
    const std::uint32_t records =
        load_be<std::uint16_t>(header + 6) + load_be<std::uint16_t>(header + 8) + load_be<std::uint16_t>(header + 10);
    return can_be_header(header, octets) && load_be<std::uint16_t>(header + 4) == 1 &&
           records * 11 <= octets - kHeaderOctets;
  }

  /// Counts a message. True: it is the first one, and its question is to be kept.
  static bool take_header(Slot& slot, const std::uint8_t* header, const MetricInput& input) {
    const auto id = load_be<std::uint16_t>(header);
    const auto flags = load_be<std::uint16_t>(header + 2);
    const std::uint64_t now_ns = input.packet.time_ns;
    if ((flags & 0x8000) == 0) {
      if (slot.queries != UINT32_MAX) ++slot.queries;
      if ((slot.known & kQuery) != 0) return false;
      slot.known = kQuery;
      slot.query_ns = now_ns;
      slot.response_time_ns = 0;
      slot.rcode = 0;
      slot.answers = 0;
    } else {
      const std::uint8_t rcode = flags & 0xf;
      if (slot.responses != UINT32_MAX) ++slot.responses;
      if (rcode != 0 && slot.errors != UINT32_MAX) ++slot.errors;
      const bool has_query = (slot.known & kQuery) != 0;
      if ((slot.known & DnsSection::kResponse) != 0 || (has_query && id != slot.id)) return false;
      slot.known |= DnsSection::kResponse;
      slot.flags = flags;
      slot.rcode = rcode;
      slot.answers = load_be<std::uint16_t>(header + 6);
      if (has_query) {
        if (now_ns >= slot.query_ns) {
          slot.response_time_ns = now_ns - slot.query_ns;
          slot.known |= DnsSection::kResponseTime;
        }
        return false;
      }
    }
    slot.id = id;
    slot.flags = flags;
    forget_question(slot, input.pool);
    if (load_be<std::uint16_t>(header + 4) == 0) return false;  // multicast DNS answers without a question
    slot.known |= kQuestion;
    slot.keeping_1 = static_cast<std::uint8_t>(input.side + 1);
    return true;
  }

  static void forget_question(Slot& slot, LinePool& pool) {
    pool.give(slot.first_line);
    slot.first_line = slot.last_line = LinePool::kNone;
    slot.question_octets = 0;
    slot.keeping_1 = 0;
  }

  /// Octets of the question, after those that are there.
  static void keep_question(Slot& slot, const std::uint8_t* octets, std::uint32_t count, LinePool& pool) {
    count = std::min<std::uint32_t>(count, DnsSection::kMostQuestion - slot.question_octets);
    while (count != 0) {
      const std::uint32_t used = slot.question_octets % sizeof(QuestionPart);
      if (used == 0) {
        const std::uint32_t line = pool.take(MissingFact::dns_question_cut);
        if (line == LinePool::kNone) {
          slot.keeping_1 = 0;
          return;
        }
        (slot.first_line == LinePool::kNone ? slot.first_line : pool.next(slot.last_line)) = line;
        slot.last_line = line;
      }
      const std::uint32_t part = std::min<std::uint32_t>(count, sizeof(QuestionPart) - used);
      std::memcpy(pool.at<QuestionPart>(slot.last_line).octets + used, octets, part);
      slot.question_octets = static_cast<std::uint16_t>(slot.question_octets + part);
      octets += part;
      count -= part;
    }
  }

  /// A segment with payload: what is new in it goes to the side's stream.
  static void read_segment(Slot& slot, const MetricInput& input) {
    Stream& stream = slot.streams[input.side];
    PacketPayload payload = input.facts.payload;
    if ((input.packet.tcp_flags & kTcpRst) != 0) return;  // its text says why (RFC 9293 section 3.10.7)
    const bool syn = (input.packet.tcp_flags & kTcpSyn) != 0;
    const std::uint32_t sequence = input.facts.sequence + (syn ? 1 : 0);
    if (syn) begin_stream(stream, sequence);
    if (stream.in_step) {
      const std::uint32_t ahead = sequence - stream.next_sequence;
      if (ahead < 0x8000'0000) {
        if (ahead != 0) skip(slot, stream, input.side, ahead);
      } else {  // begins with octets that were read
        const std::uint32_t old = 0 - ahead;
        if (old >= payload.captured) return;
        payload.octets += old;
        payload.captured -= old;
        payload.whole -= old;
        return read_stream(slot, stream, payload, input);
      }
    }
    if (!stream.in_step) {
      if (!begins_like_message(payload)) return;
      begin_stream(stream, sequence);
    }
    stream.next_sequence = sequence;
    read_stream(slot, stream, payload, input);
  }

  static void begin_stream(Stream& stream, std::uint32_t sequence) {
    stream = {};
    stream.next_sequence = sequence;
    stream.in_step = true;
  }

  /// Octets that nobody saw: within a message whose header is there they do no harm.
  static void skip(Slot& slot, Stream& stream, unsigned side, std::uint32_t octets) {
    constexpr std::uint8_t kHead = kPrefixOctets + kHeaderOctets;
    if (slot.keeping_1 == side + 1) slot.keeping_1 = 0;
    if (stream.head_octets != kHead || octets > stream.left) {
      stream.in_step = false;
      return;
    }
    stream.left = static_cast<std::uint16_t>(stream.left - octets);
    if (stream.left == 0) stream.head_octets = 0;
  }

  /// Octets that go on where the stream is. Each round takes one at least.
  static void read_stream(Slot& slot, Stream& stream, const PacketPayload& payload, const MetricInput& input) {
    constexpr std::uint8_t kHead = kPrefixOctets + kHeaderOctets;
    const std::uint8_t* at = payload.octets;
    std::uint32_t count = payload.captured;
    const auto side_1 = static_cast<std::uint8_t>(input.side + 1);
    stream.next_sequence += count;
    while (count != 0) {
      std::uint32_t taken = 0;
      if (stream.head_octets < kHead) {
        taken = std::min<std::uint32_t>(count, kHead - stream.head_octets);
        std::memcpy(stream.head + stream.head_octets, at, taken);
        stream.head_octets = static_cast<std::uint8_t>(stream.head_octets + taken);
        if (stream.head_octets == kHead) {
          const auto octets = load_be<std::uint16_t>(stream.head);
          if (!can_be_header(stream.head + kPrefixOctets, octets)) {
            stream.in_step = false;
            return;
          }
          stream.left = static_cast<std::uint16_t>(octets - kHeaderOctets);
          (void)take_header(slot, stream.head + kPrefixOctets, input);
        }
      } else {
        taken = std::min<std::uint32_t>(count, stream.left);
        if (slot.keeping_1 == side_1) keep_question(slot, at, taken, input.pool);
        stream.left = static_cast<std::uint16_t>(stream.left - taken);
      }
      at += taken;
      count -= taken;
      if (stream.head_octets == kHead && stream.left == 0) {
        stream.head_octets = 0;
        if (slot.keeping_1 == side_1) slot.keeping_1 = 0;
      }
    }
  }
};

}  // namespace weir
