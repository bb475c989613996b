// The metric `http`: the first request of a flow and its response, of HTTP/1.x (RFC 9112), on any TCP port.
//
// The receiver passes on segments that begin like text. A side's message begins where a segment begins with a method or
// a status line; a request counts once its line has ended with a version 1.x. From there on the header is read octet by
// octet in the order of the stream, wherever segments are cut: a worker tells the lines apart, copies those that the
// record wants, bounded, into lines of its pool, and the control side takes them apart. What repeats is skipped; a gap
// ends the header. Once both headers are there, or a side sent kMostMisses segments of other text, its payload is
// looked at no more.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/metric/metric.h"
#include "proto/base/http1.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct Http {
  static constexpr std::string_view kName = "http";
  static constexpr std::string_view kMeaning =
      "HTTP/1.x: a flow's first request and response (personal data: hosts, URLs, user agents, referers)";
  static constexpr std::uint32_t kSections = kSectionBit<HttpSection>;

  static constexpr std::uint32_t kTextOctets = 32;     ///< of a segment, that tell text
  static constexpr std::uint32_t kLongestMethod = 20;  ///< of IANA's the longest has 17 letters
  static constexpr std::uint32_t kMostHeader = 65536;
  static constexpr unsigned kMostMisses = 32;

  /// Octets of lines in a line of the pool.
  struct LinesPart {
    std::uint8_t octets[60];
  };
  /// Lines of a message's header, each with its line feed.
  struct Kept {
    std::uint32_t first_line;
    std::uint32_t last_line;
    std::uint16_t octets;
    std::uint8_t names;  ///< bits of the fields that are kept, by kHttpFieldNames
    std::uint8_t full;   ///< 1: the pool had no line
  };

  enum class Mode : std::uint8_t {
    searching,     ///< for a segment that begins with a message
    begins,        ///< a message, perhaps: its first octets
    request_line,  ///< the rest of it
    status_line,
    name,  ///< the beginning of a header line
    value,
    other,  ///< a line of no interest
    done,
  };

  struct State {};
  struct Stream {
    std::uint32_t next_sequence;
    std::uint32_t header_octets;  ///< of the header at hand that were read
    std::uint16_t line_octets;    ///< of the line at hand that were kept, or had no room
    Mode mode;
    std::uint8_t head_octets;
    std::uint8_t misses;
    bool response;                          ///< the header at hand is one
    bool wanted;                            ///< the last line is kept: one that goes on with it is, too
    std::uint8_t head[kLongestMethod + 1];  ///< how the line at hand begins
    std::uint8_t tail[kHttpVersionOctets + 1];
    std::uint8_t reserved[2];
  };
  static_assert(sizeof(Stream) == 48, "two of them for every flow, whatever it is");
  struct Slot {
    Stream streams[2];  ///< by side
    Kept request;
    Kept response;
    std::uint16_t status;
    std::uint8_t known;       ///< bits, see below
    std::uint8_t header_cut;  ///< bits of HttpSection
    std::uint32_t reserved;
  };
  static constexpr std::uint8_t kRequest = 1;
  static constexpr std::uint8_t kResponse = 2;

  static constexpr std::size_t kMostKept = kHttpMostRequestLine + 1 + 3 * (kHttpMostFieldLine + 1);
  static constexpr std::size_t kMostKeptResponse = kHttpMostFieldLine + 1;
  static_assert(kMostKept + kMostKeptResponse <= sizeof(HttpSection::texts));
  static constexpr std::size_t kPoolLines = (kMostKept + sizeof(LinesPart) - 1) / sizeof(LinesPart) +
                                            (kMostKeptResponse + sizeof(LinesPart) - 1) / sizeof(LinesPart);

  /// A line for every flow, which few of them want; small tables as many as they may want.
  static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters& /*parameters*/) {
    constexpr std::uint64_t kSmallTable = 4096;
    return std::max(flows, std::min(flows, kSmallTable) * kPoolLines);
  }

  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& /*parameters*/) {
    return packet.key.protocol == kProtocolTcp ? PacketPayload::kMost : 0;
  }
  /// Whether the segment begins with octets that a header may have: none but of text, and all but controls of ASCII.
  static bool recognises(const ParsedPacket& /*packet*/, const PacketFacts& facts) {
    const PacketPayload& payload = facts.payload;
    const std::uint32_t octets = std::min(payload.captured, kTextOctets);
    if (octets == kTextOctets && no_control(payload.octets)) return true;
    for (std::uint32_t i = 0; i < octets; ++i) {
      const std::uint8_t octet = payload.octets[i];
      const bool control = octet < 0x20 && octet != '\t' && octet != '\r' && octet != '\n';
      if (control || octet == 0x7f) return false;
    }
    return octets != 0;
  }

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& /*state*/, Slot& slot, const MetricInput& input) {
    if (slot.streams[input.side].mode != Mode::done) read_segment(slot, input);
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) { return slot.known != 0 ? kSections : 0; }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<HttpSection>();
    section.header_cut = slot.header_cut;
    for (const Stream& stream : slot.streams) {  // headers that the record ends in
      if (stream.mode < Mode::status_line || stream.mode == Mode::done) continue;
      section.header_cut |= header_bit(stream);
    }
    if ((slot.known & kResponse) != 0) {
      section.status = slot.status;
      section.known = HttpSection::kStatus;
    }
    std::uint8_t* const to = section.texts[0];
    if ((slot.known & kRequest) != 0) section.request_octets = copy_kept(slot.request, output.pool, to);
    section.response_octets = copy_kept(slot.response, output.pool, to + section.request_octets);
  }

  static void release(State& /*state*/, Slot& slot, LinePool& pool) {
    forget(slot.request, pool);
    forget(slot.response, pool);
  }

 private:
  /// Whether none of kTextOctets octets is a control of ASCII, line ends and tabs included: eight at a time.
  static bool no_control(const std::uint8_t* octets) {
    constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
    std::uint64_t found = 0;
    for (std::uint32_t at = 0; at < kTextOctets; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, octets + at, sizeof word);
      const std::uint64_t no_delete = word ^ kEach * 0x7f;
      // The upper bit of an octet that is less than n, of at most 0x80, and perhaps of octets after it.
      found |= ((word - kEach * 0x20) & ~word) | ((no_delete - kEach) & ~no_delete);
    }
    return (found & kEach * 0x80) == 0;
  }

  [[gnu::noinline]] static void read_segment(Slot& slot, const MetricInput& input) {
    Stream& stream = slot.streams[input.side];
    PacketPayload payload = input.facts.payload;
    if (!input.facts.has_tcp() || (input.packet.tcp_flags & kTcpRst) != 0)
      return;  // a RST's text says why (RFC 9293 section 3.10.7)
    const std::uint32_t sequence = input.facts.sequence + ((input.packet.tcp_flags & kTcpSyn) != 0 ? 1 : 0);
    if (stream.mode != Mode::searching) {
      const std::uint32_t ahead = sequence - stream.next_sequence;
      if (ahead >= 0x8000'0000) {  // begins with octets that were read
        const std::uint32_t old = 0 - ahead;
        if (old >= payload.captured) return;
        payload.octets += old;
        payload.captured -= old;
      } else if (ahead != 0) {
        lose(slot, stream, input.pool);
        if (stream.mode == Mode::done) return;
      }
    }
    if (stream.mode == Mode::searching) {
      stream.next_sequence = sequence;
      begin(stream);
    }
    stream.next_sequence += payload.captured;
    read(slot, stream, payload, input);
  }

  /// A message begins here, or may.
  static void begin(Stream& stream) {
    stream.mode = Mode::begins;
    stream.head_octets = 0;
    stream.header_octets = 0;
    stream.wanted = false;
  }

  /// Octets that go on where the stream is.
  static void read(Slot& slot, Stream& stream, const PacketPayload& payload, const MetricInput& input) {
    const std::uint8_t* at = payload.octets;
    std::uint32_t left = payload.captured;
    while (left != 0 && stream.mode != Mode::searching && stream.mode != Mode::done) {
      std::uint32_t taken = 1;
      if (stream.mode == Mode::begins) {
        read_beginning(slot, stream, *at, input);
      } else if (stream.mode == Mode::name) {
        read_name(slot, stream, *at, input.pool);
      } else {
        taken = read_line(slot, stream, at, left, input);
      }
      at += taken;
      left -= taken;
      stream.header_octets += taken;
      if (stream.header_octets > kMostHeader) lose(slot, stream, input.pool);
    }
  }

  /// An octet where a message begins: a method and a space, or a version, a space and a status code.
  static void read_beginning(Slot& slot, Stream& stream, std::uint8_t octet, const MetricInput& input) {
    constexpr std::string_view kStatusLine = "HTTP/1.# ###";                  // #: a digit
    if (stream.head_octets == 0 && (octet == '\r' || octet == '\n')) return;  // RFC 9112 section 2.2
    stream.head[stream.head_octets++] = octet;
    const std::uint32_t octets = stream.head_octets;
    bool status = octets <= kStatusLine.size();
    for (std::uint32_t i = 0; i < octets && status; ++i) {
      const auto expected = static_cast<std::uint8_t>(kStatusLine[i]);
      status = expected == '#' ? is_digit(stream.head[i]) : stream.head[i] == expected;
    }
    if (status) {
      if (octets == kStatusLine.size()) begin_response(slot, stream, input.pool);
      return;
    }
    const bool in_method = (octet >= 'A' && octet <= 'Z') || octet == '-' || octet == '_';
    if (in_method && octets <= kLongestMethod) return;
    if (octet == ' ' && octets > 3 && (slot.known & kRequest) == 0) return begin_request(slot, stream, input.pool);
    miss(stream);
  }

  /// A method is there. One request is read at a time: what the other side began is none if this one is.
  static void begin_request(Slot& slot, Stream& stream, LinePool& pool) {
    for (Stream& one : slot.streams) {
      if (&one != &stream && one.mode == Mode::request_line) one.mode = Mode::searching;
    }
    forget(slot.request, pool);
    slot.header_cut &= static_cast<std::uint8_t>(~HttpSection::kRequest);
    stream.response = false;
    stream.line_octets = 0;
    stream.mode = Mode::request_line;
    std::memset(stream.tail, 0, sizeof stream.tail);
    keep(slot, stream, stream.head, stream.head_octets, pool);
  }

  static void begin_response(Slot& slot, Stream& stream, LinePool& pool) {
    if ((slot.known & kResponse) != 0 && !is_interim(slot.status)) {
      stream.mode = Mode::done;
      return;
    }
    forget(slot.response, pool);
    slot.header_cut &= static_cast<std::uint8_t>(~HttpSection::kResponse);
    slot.known |= kResponse;
    const std::uint8_t* const digits = stream.head + stream.head_octets - 3;
    slot.status = static_cast<std::uint16_t>((digits[0] - '0') * 100 + (digits[1] - '0') * 10 + digits[2] - '0');
    stream.response = true;
    stream.mode = Mode::status_line;
  }

  /// An octet of a header line's beginning.
  static void read_name(Slot& slot, Stream& stream, std::uint8_t octet, LinePool& pool) {
    if (octet == '\n') {
      const bool empty = stream.head_octets == 0 || (stream.head_octets == 1 && stream.head[0] == '\r');
      stream.head_octets = 0;
      stream.wanted = false;
      if (empty) end_header(stream, slot.status);
      return;
    }
    if (stream.head_octets == 0 && (octet == ' ' || octet == '\t')) {  // goes on with the line before: obs-fold
      const bool room = stream.wanted && stream.line_octets < kHttpMostFieldLine;
      stream.mode = room ? Mode::value : Mode::other;
      if (!room) return;
      ++stream.line_octets;  // the line feed before it
      return keep(slot, stream, &octet, 1, pool);
    }
    stream.head[stream.head_octets++] = octet;
    if (stream.head_octets == 1 && octet == '\r') return;
    const std::string_view head{reinterpret_cast<const char*>(stream.head), stream.head_octets};
    for (std::size_t i = 0; i < kHttpFieldNames.size(); ++i) {
      const bool of_response = i == kHttpFieldNames.size() - 1;
      if (of_response != stream.response || !http_name_begins(kHttpFieldNames[i], head)) continue;
      if (head.size() < kHttpFieldNames[i].size()) return;
      Kept& kept = stream.response ? slot.response : slot.request;
      const auto bit = static_cast<std::uint8_t>(1U << i);
      if ((kept.names & bit) != 0) break;  // the first one counts
      kept.names |= bit;
      stream.mode = Mode::value;
      stream.wanted = true;
      stream.line_octets = 0;
      return keep(slot, stream, stream.head, stream.head_octets, pool);
    }
    stream.mode = Mode::other;
    stream.wanted = false;
  }

  /// Octets up to the end of the line or of what there is; how many.
  static std::uint32_t read_line(Slot& slot, Stream& stream, const std::uint8_t* at, std::uint32_t left,
                                 const MetricInput& input) {
    const auto* const feed = static_cast<const std::uint8_t*>(std::memchr(at, '\n', left));
    const std::uint32_t octets = feed == nullptr ? left : static_cast<std::uint32_t>(feed - at);
    if (stream.mode == Mode::request_line || stream.mode == Mode::value) keep(slot, stream, at, octets, input.pool);
    if (stream.mode == Mode::request_line) note_tail(stream, at, octets);
    if (feed == nullptr) return octets;
    constexpr std::uint8_t kFeed = '\n';
    if (stream.mode == Mode::request_line || stream.mode == Mode::value) put(slot, stream, &kFeed, 1, input.pool);
    if (stream.mode == Mode::request_line && !end_request_line(slot, stream, input)) return octets + 1;
    stream.mode = Mode::name;
    stream.head_octets = 0;
    return octets + 1;
  }

  static void note_tail(Stream& stream, const std::uint8_t* at, std::uint32_t octets) {
    constexpr std::uint32_t kAll = sizeof stream.tail;
    const std::uint32_t fresh = std::min(octets, kAll);
    std::memmove(stream.tail, stream.tail + fresh, kAll - fresh);
    std::memcpy(stream.tail + kAll - fresh, at + octets - fresh, fresh);
  }

  /// Whether the line ends with a version 1.x. Then the request counts, and a response that came before it does not.
  static bool end_request_line(Slot& slot, Stream& stream, const MetricInput& input) {
    const std::uint8_t* const version = stream.tail + (stream.tail[kHttpVersionOctets] == '\r' ? 0 : 1);
    if (std::memcmp(version, " HTTP/1.", kHttpVersionOctets - 1) != 0 || !is_digit(version[kHttpVersionOctets - 1])) {
      forget(slot.request, input.pool);
      miss(stream);
      return false;
    }
    slot.known = kRequest;
    slot.header_cut &= HttpSection::kRequest;
    forget(slot.response, input.pool);
    Stream& other = slot.streams[input.side ^ 1U];
    other.mode = Mode::searching;
    other.misses = 0;
    return true;
  }

  static void end_header(Stream& stream, std::uint16_t status) {
    const bool another = stream.response && is_interim(status) && ++stream.misses < kMostMisses;
    if (another) return begin(stream);
    stream.mode = Mode::done;
  }

  /// What follows in the stream is not known.
  static void lose(Slot& slot, Stream& stream, LinePool& pool) {
    if (stream.mode == Mode::searching || stream.mode == Mode::done) return;
    if (stream.mode == Mode::begins) return miss(stream);
    if (stream.mode == Mode::request_line) {
      forget(slot.request, pool);
      return miss(stream);
    }
    slot.header_cut |= header_bit(stream);
    stream.mode = stream.response && is_interim(slot.status) ? Mode::searching : Mode::done;
  }

  /// No message begins here.
  static void miss(Stream& stream) { stream.mode = ++stream.misses < kMostMisses ? Mode::searching : Mode::done; }

  static std::uint8_t header_bit(const Stream& stream) {
    return stream.response ? std::uint8_t{HttpSection::kResponse} : std::uint8_t{HttpSection::kRequest};
  }
  static bool is_digit(std::uint8_t octet) { return octet >= '0' && octet <= '9'; }
  /// Another response follows (RFC 9110 section 15.2); after 101 none does, but another protocol.
  static bool is_interim(std::uint16_t status) { return status < 200 && status != 101; }

  /// Octets of the line at hand, as many as a line may have.
  static void keep(Slot& slot, Stream& stream, const std::uint8_t* octets, std::uint32_t count, LinePool& pool) {
    const std::size_t most = stream.mode == Mode::request_line ? kHttpMostRequestLine : kHttpMostFieldLine;
    count = static_cast<std::uint32_t>(std::min<std::size_t>(count, most - stream.line_octets));
    stream.line_octets = static_cast<std::uint16_t>(stream.line_octets + count);
    put(slot, stream, octets, count, pool);
  }
  static void put(Slot& slot, Stream& stream, const std::uint8_t* octets, std::uint32_t count, LinePool& pool) {
    Kept& kept = stream.response ? slot.response : slot.request;
    while (count != 0 && kept.full == 0) {
      const std::uint32_t used = kept.octets % sizeof(LinesPart);
      if (used == 0) {
        const std::uint32_t line = pool.take(MissingFact::http_header_cut);
        if (line == LinePool::kNone) {
          kept.full = 1;
          slot.header_cut |= header_bit(stream);
          return;
        }
        (kept.first_line == LinePool::kNone ? kept.first_line : pool.next(kept.last_line)) = line;
        kept.last_line = line;
      }
      const std::uint32_t part = std::min<std::uint32_t>(count, sizeof(LinesPart) - used);
      std::memcpy(pool.at<LinesPart>(kept.last_line).octets + used, octets, part);
      kept.octets = static_cast<std::uint16_t>(kept.octets + part);
      octets += part;
      count -= part;
    }
  }

  static void forget(Kept& kept, LinePool& pool) {
    pool.give(kept.first_line);
    kept = {};
  }
  static std::uint16_t copy_kept(const Kept& kept, const LinePool& pool, std::uint8_t* to) {
    std::uint32_t line = kept.first_line;
    for (std::uint32_t at = 0; at < kept.octets; at += sizeof(LinesPart)) {
      const std::uint32_t octets = std::min<std::uint32_t>(sizeof(LinesPart), kept.octets - at);
      std::memcpy(to + at, pool.at<LinesPart>(line).octets, octets);
      line = pool.next(line);
    }
    return kept.octets;
  }
};

}  // namespace weir
