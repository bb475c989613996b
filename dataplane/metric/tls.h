// The metric `tls`: what the two ends of a TLS connection say before it is encrypted: ClientHello, ServerHello and, up
// to TLS 1.2, the server's certificate.
//
// A connection is recognised by its first octets, on any TCP port: after a SYN, or where a segment begins with a
// ClientHello or ServerHello (in the middle of a connection, after STARTTLS). A worker decodes nothing: TlsReader finds
// what is needed, and this copies it, bounded, into lines of the worker's pool, for the control side to decode.
// Segments may be cut anywhere. One that comes before its turn waits in lines of the pool, too; kMostHeldLines of them
// on a side, then the handshake is given up. Receivers look every segment up in their watch, and pass on those of the
// first TlsReader::kMostOctets of a stream; once a handshake was read or given up, these are not read.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/metric/metric.h"
#include "dataplane/metric/tls_reader.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct Tls {
  static constexpr std::string_view kName = "tls";
  static constexpr std::string_view kMeaning =
      "TLS: versions, cipher, server name, ALPN, JA3, JA4, the server's certificate (personal data: names of servers)";
  static constexpr std::uint32_t kSections = kSectionBit<TlsSection> | kSectionBit<TlsCertificateSection>;

  static constexpr unsigned kMostHeldLines = 64;  ///< of a side: about 3500 octets

  /// Octets of a hello or certificate in a line of the pool.
  struct KeptPart {
    std::uint8_t octets[60];
  };
  /// Octets of a segment that came before its turn.
  struct HeldPart {
    std::uint32_t sequence;
    std::uint8_t cut : 1;  ///< more of the segment came and was not captured
    std::uint8_t count : 7;
    std::uint8_t octets[55];
  };
  /// What is kept of one TlsPart.
  struct Kept {
    std::uint32_t first_line;
    std::uint32_t last_line;
    std::uint16_t octets;
    bool cut;  ///< there is more of it
    std::uint8_t reserved;
  };
  enum class Phase : std::uint8_t {
    unknown,  ///< waits for a segment that begins like TLS
    opened,   ///< the SYN was seen: the stream begins at next_sequence
    reading,
    done,
  };
  struct Stream {
    TlsReader reader;
    std::uint32_t next_sequence;
    std::uint32_t held_line;  ///< list of HeldPart
    std::uint8_t held_lines;
    Phase phase;
    std::uint8_t reserved[2];
  };

  struct State {};
  struct Slot {
    Stream streams[2];    ///< by side
    Kept kept[3];         ///< by TlsPart
    std::uint8_t bits;    ///< of TlsSection::kept
    std::uint8_t hellos;  ///< bit n: of handshake type n
    std::uint8_t reserved[2];
  };

  /// Two lines for every flow, since most have no TLS; small tables as many as a whole handshake may want.
  static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters& /*parameters*/) {
    constexpr std::uint64_t kSmallTable = 4096;
    return std::max(2 * flows, std::min(flows, kSmallTable) * kKeptLines);
  }
  static constexpr std::size_t kKeptLines = [] {
    const auto lines = [](std::size_t octets) { return (octets + sizeof(KeptPart) - 1) / sizeof(KeptPart); };
    return lines(TlsSection::kMostClient) + lines(TlsSection::kMostServer) + lines(TlsCertificateSection::kMost);
  }();
  static constexpr std::size_t kPoolLines = kKeptLines + std::size_t{2} * kMostHeldLines;

  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& /*parameters*/) {
    return packet.key.protocol == kProtocolTcp ? PacketPayload::kMost : 0;
  }
  /// The beginning of a stream, as far as it may be one of TLS, and all that begins like one.
  static bool recognises(const ParsedPacket& packet, const PacketFacts& facts, StreamWatch& watch) {
    const PacketPayload& payload = facts.payload;
    if (!facts.has_tcp() || (packet.tcp_flags & kTcpRst) != 0) return false;
    const bool syn = (packet.tcp_flags & kTcpSyn) != 0;
    const std::uint32_t sequence = facts.sequence + (syn ? 1 : 0);
    if (syn || TlsReader::begins(payload.octets, payload.captured)) {
      watch.begin(packet, sequence);
      return true;
    }
    const std::uint32_t distance = watch.distance(packet, sequence);
    if (distance >= TlsReader::kMostOctets) return false;
    // No TLS: the flow is told, and nothing that follows is wanted.
    if (distance == 0 && !TlsReader::may_begin(payload.octets, payload.captured)) watch.end(packet);
    return true;
  }

  static bool applies(std::uint8_t protocol) { return protocol == kProtocolTcp; }

  static Verdict update(State& /*state*/, Slot& slot, const MetricInput& input) {
    read(slot, input);
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    std::uint32_t bits = slot.hellos != 0 ? kSectionBit<TlsSection> : 0;
    if (kept_of(slot, TlsPart::certificate).octets != 0) bits |= kSectionBit<TlsCertificateSection>;
    return bits;
  }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    if ((output.record.sections & kSectionBit<TlsSection>) != 0) {
      auto& section = output.section<TlsSection>();
      section.kept = slot.bits;
      section.client_octets = copy(kept_of(slot, TlsPart::client), section.octets, output.pool);
      section.server_octets =
          copy(kept_of(slot, TlsPart::server), section.octets + TlsSection::kMostClient, output.pool);
    }
    if ((output.record.sections & kSectionBit<TlsCertificateSection>) != 0) {
      auto& section = output.section<TlsCertificateSection>();
      section.certificate_octets = copy(kept_of(slot, TlsPart::certificate), section.octets, output.pool);
    }
  }

  static void release(State& /*state*/, Slot& slot, LinePool& pool) {
    for (Kept& kept : slot.kept) forget(kept, pool);
    for (Stream& stream : slot.streams) drop_held(stream, pool);
  }

  /// What was kept left with the record: a handshake that is under way is given up.
  static void restart(State& /*state*/, Slot& slot) {
    Slot next{};
    for (unsigned side = 0; side < 2; ++side) {
      Stream& stream = next.streams[side];
      stream.next_sequence = slot.streams[side].next_sequence;
      stream.phase = slot.streams[side].phase == Phase::reading ? Phase::done : slot.streams[side].phase;
    }
    slot = next;
  }

 private:
  static const Kept& kept_of(const Slot& slot, TlsPart part) { return slot.kept[static_cast<unsigned>(part)]; }

  static std::uint16_t copy(const Kept& kept, std::uint8_t* to, const LinePool& pool) {
    std::uint32_t line = kept.first_line;
    for (std::uint32_t at = 0; at < kept.octets; at += sizeof(KeptPart)) {
      std::memcpy(to + at, pool.at<KeptPart>(line).octets, std::min<std::size_t>(sizeof(KeptPart), kept.octets - at));
      line = pool.next(line);
    }
    return kept.octets;
  }
  static void forget(Kept& kept, LinePool& pool) {
    pool.give(kept.first_line);
    kept = {};
  }
  static void drop_held(Stream& stream, LinePool& pool) {
    pool.give(stream.held_line);
    stream.held_line = LinePool::kNone;
    stream.held_lines = 0;
  }

  /// TlsReader's sink.
  struct Keeper {
    Slot& slot;
    LinePool& pool;

    bool begin(std::uint8_t type) {
      if ((slot.hellos >> type & 1) != 0) return false;  // the first one counts
      slot.hellos = static_cast<std::uint8_t>(slot.hellos | 1U << type);
      return true;
    }
    void keep(TlsPart part, const std::uint8_t* octets, std::uint32_t count) {
      constexpr std::uint32_t kMost[] = {TlsSection::kMostClient, TlsSection::kMostServer,
                                         TlsCertificateSection::kMost};
      Kept& kept = slot.kept[static_cast<unsigned>(part)];
      if (kept.cut) return;
      const std::uint32_t room = kMost[static_cast<unsigned>(part)] - kept.octets;
      kept.cut = count > room;
      count = std::min(count, room);
      while (count != 0) {
        const std::uint32_t used = kept.octets % sizeof(KeptPart);
        if (used == 0) {
          const std::uint32_t line =
              pool.take(part == TlsPart::certificate ? MissingFact::tls_certificate_cut : MissingFact::tls_hello_cut);
          if (line == LinePool::kNone) {
            kept.cut = true;
            return;
          }
          (kept.first_line == LinePool::kNone ? kept.first_line : pool.next(kept.last_line)) = line;
          kept.last_line = line;
        }
        const std::uint32_t taken = std::min<std::uint32_t>(count, sizeof(KeptPart) - used);
        std::memcpy(pool.at<KeptPart>(kept.last_line).octets + used, octets, taken);
        kept.octets = static_cast<std::uint16_t>(kept.octets + taken);
        octets += taken;
        count -= taken;
      }
    }
    void hello_ends(TlsPart part, bool ssl2) {
      if (part != TlsPart::client || kept_of(slot, part).cut) return;
      slot.bits = static_cast<std::uint8_t>(slot.bits | TlsSection::kClientWhole | (ssl2 ? TlsSection::kSsl2 : 0));
    }
  };

  /// A segment: a SYN, or one with payload.
  [[gnu::noinline]] static void read(Slot& slot, const MetricInput& input) {
    Stream& stream = slot.streams[input.side];
    if (!input.facts.has_tcp() || stream.phase == Phase::done || (input.packet.tcp_flags & kTcpRst) != 0) return;
    PacketPayload payload = input.facts.payload;
    std::uint32_t sequence = input.facts.sequence;
    if ((input.packet.tcp_flags & kTcpSyn) != 0) {
      ++sequence;
      if (stream.phase == Phase::unknown || (stream.phase == Phase::opened && sequence != stream.next_sequence)) {
        begin(stream, sequence, Phase::opened, input.pool);
      }
    }
    if (payload.captured == 0) return;
    if (stream.phase != Phase::reading && TlsReader::begins(payload.octets, payload.captured)) {
      begin(stream, sequence, Phase::reading, input.pool, stream.phase == Phase::opened);
    }
    if (stream.phase == Phase::unknown) return;
    const std::uint32_t ahead = sequence - stream.next_sequence;
    if (ahead >= 0x8000'0000) {  // begins with octets that were read
      const std::uint32_t old = 0 - ahead;
      if (old >= payload.captured) return;
      payload.octets += old;
      payload.captured -= old;
      payload.whole -= old;
    } else if (ahead != 0) {
      return hold(stream, sequence, payload, input.pool);
    }
    if (stream.phase == Phase::opened) {
      if (!TlsReader::may_begin(payload.octets, payload.captured)) {
        return begin(stream, sequence, Phase::unknown, input.pool);
      }
      stream.phase = Phase::reading;
    }
    Keeper keeper{slot, input.pool};
    stream.reader.read(payload.octets, payload.captured, keeper);
    stream.next_sequence += payload.captured;
    const bool cut = read_held(stream, keeper) || payload.captured < payload.whole;
    if (stream.reader.ended() && !stream.reader.has_hello()) {  // no TLS, which may yet come
      return begin(stream, stream.next_sequence, Phase::unknown, input.pool);
    }
    // What was not captured will not come.
    if (stream.reader.ended() || cut) end(stream, input.pool);
  }

  /// `keeping`: segments that came before, which may go on with it.
  static void begin(Stream& stream, std::uint32_t sequence, Phase phase, LinePool& pool, bool keeping = false) {
    if (!keeping) drop_held(stream, pool);
    stream.reader = {};
    stream.next_sequence = sequence;
    stream.phase = phase;
  }
  static void end(Stream& stream, LinePool& pool) {
    drop_held(stream, pool);
    stream.phase = Phase::done;
  }

  /// A segment before its turn. What of it is held already takes no room again. Where it has no room the handshake is
  /// given up.
  static void hold(Stream& stream, std::uint32_t sequence, PacketPayload payload, LinePool& pool) {
    if (sequence - stream.next_sequence >= TlsReader::kMostOctets) return;  // of nothing that is looked for
    const bool cut = payload.captured < payload.whole;
    while (payload.captured != 0) {
      const std::uint32_t count = std::min<std::uint32_t>(payload.captured, sizeof(HeldPart::octets));
      if (!holds(stream, sequence, count, pool)) {
        const std::uint32_t line =
            stream.held_lines < kMostHeldLines ? pool.take(MissingFact::tls_segment_cut) : LinePool::kNone;
        if (line == LinePool::kNone) return end(stream, pool);
        auto& part = pool.at<HeldPart>(line);
        part.sequence = sequence;
        part.cut = cut && count == payload.captured ? 1 : 0;
        part.count = count & 0x7f;
        std::memcpy(part.octets, payload.octets, count);
        pool.next(line) = stream.held_line;
        stream.held_line = line;
        ++stream.held_lines;
      }
      sequence += count;
      payload.octets += count;
      payload.captured -= count;
    }
  }
  /// Whether these octets are held, as a segment that is sent again is cut into parts: at most kMostHeldLines steps.
  static bool holds(const Stream& stream, std::uint32_t sequence, std::uint32_t count, const LinePool& pool) {
    for (std::uint32_t line = stream.held_line; line != LinePool::kNone; line = pool.next(line)) {
      const auto& part = pool.at<HeldPart>(line);
      if (part.sequence == sequence && part.count >= count) return true;
    }
    return false;
  }
  /// Those whose turn it is. Each round takes one from a list that is not longer than kMostHeldLines. True: what
  /// follows the last one was not captured.
  static bool read_held(Stream& stream, Keeper& keeper) {
    std::uint32_t before = LinePool::kNone;
    std::uint32_t line = stream.held_line;
    while (line != LinePool::kNone && !stream.reader.ended()) {
      const auto& part = keeper.pool.at<HeldPart>(line);
      const std::uint32_t old = stream.next_sequence - part.sequence;
      const std::uint32_t after = keeper.pool.next(line);
      if (old >= 0x8000'0000) {  // not yet
        before = line;
        line = after;
        continue;
      }
      if (old < part.count) {
        stream.reader.read(part.octets + old, part.count - old, keeper);
        stream.next_sequence += part.count - old;
        if (part.cut != 0) return true;
      }
      (before == LinePool::kNone ? stream.held_line : keeper.pool.next(before)) = after;
      keeper.pool.next(line) = LinePool::kNone;
      keeper.pool.give(line);
      --stream.held_lines;
      before = LinePool::kNone;
      line = stream.held_line;
    }
    return false;
  }
};
static_assert(std::has_unique_object_representations_v<Tls::Kept> && sizeof(Tls::Slot) <= 144,
              "a table of a million flows has as many");

}  // namespace weir
