// TlsReader: reads one end's stream of a TLS connection octet by octet, through records (RFC 8446 section 5.1) and
// handshake messages (section 4), up to the last message that is of use, and passes on what is to be kept of it:
//
//   ClientHello   version, cipher suites, and of the extensions those that are decoded: see TlsSection
//   ServerHello   version, cipher suite, and extensions likewise; then, up to TLS 1.2,
//   Certificate   the beginning of the first one
//
// It holds no octets: where it is in a message is a step and how many octets of that are left. So a stream may come in
// pieces of any length. It ends with the first thing that is out of place, and after kMostOctets.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/base/byte_order.h"
#include "proto/record/sections.h"

namespace weir {

/// Octets of a message that a TlsReader passes on.
enum class TlsPart : std::uint8_t { client, server, certificate };

class TlsReader {
 public:
  static constexpr std::uint32_t kMostOctets = 8192;
  /// So many octets tell whether a TLS or an SSL 2.0 stream begins.
  static constexpr std::uint32_t kBeginningOctets = 11;

  static constexpr std::uint8_t kClientHello = 1;
  static constexpr std::uint8_t kServerHello = 2;

  /// Whether a stream that begins so may be one of TLS or SSL 2.0, as far as the octets say.
  static bool may_begin(const std::uint8_t* octets, std::uint32_t count) {
    if (count == 0) return true;
    if ((octets[0] & 0x80) != 0) return count < kBeginningOctets || is_ssl2_hello(octets);
    if (octets[0] != kHandshake) return false;
    return (count < 2 || octets[1] == 3) && (count < 3 || octets[2] <= 4) &&
           (count < 6 || octets[5] == kClientHello || octets[5] == kServerHello);
  }
  /// Whether they are enough to say that one does begin.
  static bool begins(const std::uint8_t* octets, std::uint32_t count) {
    constexpr std::uint32_t kLeast = kRecordHeaderOctets + 1;
    return count >= kLeast && ((octets[0] & 0x80) == 0 || count >= kBeginningOctets) && may_begin(octets, count);
  }

  [[nodiscard]] bool ended() const { return ended_; }
  /// A hello that the sink wanted began.
  [[nodiscard]] bool has_hello() const { return has_hello_; }

  /// Octets that go on where the stream is. `sink`:
  ///   bool begin(std::uint8_t type)                         a ClientHello or ServerHello begins: whether it is wanted
  ///   void keep(TlsPart, const std::uint8_t*, std::uint32_t octets)
  ///   void hello_ends(TlsPart, bool ssl2)                   it is well-formed
  template <typename Sink>
  void read(const std::uint8_t* octets, std::uint32_t count, Sink& sink) {
    const bool last = count >= kMostOctets - octets_;
    if (last) count = kMostOctets - octets_;
    octets_ = static_cast<std::uint16_t>(octets_ + count);
    while (count != 0 && !ended_) {
      std::uint32_t taken = 0;
      if (head_octets_ < head_wanted()) {
        taken = 1;
        head_[head_octets_++] = *octets;
        if (head_octets_ == head_wanted()) take_head(sink);
      } else {
        taken = std::min<std::uint32_t>(count, record_left_);
        if (head_[0] == kHandshake) read_messages(octets, taken, sink);
        record_left_ = static_cast<std::uint16_t>(record_left_ - taken);
        if (record_left_ == 0) head_octets_ = 0;
      }
      octets += taken;
      count -= taken;
    }
    if (last) end();
  }

 private:
  // Content types (RFC 8446 section 5.1).
  static constexpr std::uint8_t kAlert = 21;
  static constexpr std::uint8_t kHandshake = 22;
  static constexpr std::uint32_t kRecordHeaderOctets = 5;
  // Handshake types besides the hellos (RFC 8446 section 4, RFC 5246 section 7.4, RFC 4680).
  static constexpr std::uint8_t kHelloRequest = 0;
  static constexpr std::uint8_t kCertificate = 11;
  static constexpr std::uint8_t kSupplementalData = 23;

  enum class Step : std::uint8_t {
    header,
    version,
    random,
    session_length,
    session,
    suites_length,
    suites,
    compressions_length,
    compressions,
    suite,
    compression,
    extensions_length,
    extension,
    extension_data,
    chain_length,
    certificate_length,
    certificate,
    skipped,
  };

  /// RFC 5246 appendix E.2: kind 1, a version, lengths that fit.
  static bool is_ssl2_hello(const std::uint8_t* octets) {
    const std::uint32_t length = load_be<std::uint16_t>(octets) & 0x7fffU;
    const std::uint32_t suites = load_be<std::uint16_t>(octets + 5);
    const std::uint32_t session = load_be<std::uint16_t>(octets + 7);
    const std::uint32_t challenge = load_be<std::uint16_t>(octets + 9);
    const bool version = (octets[3] == 0 && octets[4] == 2) || (octets[3] == 3 && octets[4] <= 4);
    return octets[2] == kClientHello && version && suites != 0 && suites % 3 == 0 && (session == 0 || session == 16) &&
           challenge >= 16 && challenge <= 32 && length == 9 + suites + session + challenge;
  }

  /// Octets of a record's header; or of an SSL 2.0 ClientHello, which only the first octets of a stream can be.
  [[nodiscard]] std::uint32_t head_wanted() const {
    return !begun_ && head_octets_ != 0 && (head_[0] & 0x80) != 0 ? kBeginningOctets : kRecordHeaderOctets;
  }
  void end() { ended_ = true; }

  template <typename Sink>
  void take_head(Sink& sink) {
    if (head_octets_ == kBeginningOctets) {
      if (is_ssl2_hello(head_) && sink.begin(kClientHello)) {
        has_hello_ = true;
        sink.keep(TlsPart::client, head_ + 3, 2);
        sink.hello_ends(TlsPart::client, true);
      }
      return end();
    }
    constexpr std::uint32_t kMostRecord = 16'384 + 2048;  // RFC 5246 section 6.2.3
    record_left_ = load_be<std::uint16_t>(head_ + 3);
    const bool alert = head_[0] == kAlert && begun_ && record_left_ == 2;
    if ((head_[0] != kHandshake && !alert) || head_[1] != 3 || head_[2] > 4 || record_left_ == 0 ||
        record_left_ > kMostRecord) {
      return end();
    }
    if (!begun_) {
      begun_ = true;
      left_ = kMessageHeaderOctets;
    }
  }

  template <typename Sink>
  void read_messages(const std::uint8_t* octets, std::uint32_t count, Sink& sink) {
    while (count != 0 && !ended_) {
      const std::uint32_t taken = std::min(count, left_);
      if (step_ != Step::header) message_left_ -= taken;
      if (keeps()) sink.keep(part_, octets, taken);
      // A length, which has four octets at most, or anything else, which nobody asks for.
      for (std::uint32_t i = taken - std::min<std::uint32_t>(taken, 4); i < taken; ++i)
        value_ = value_ << 8 | octets[i];
      left_ -= taken;
      octets += taken;
      count -= taken;
      while (left_ == 0 && !ended_) next_step(sink);
    }
  }

  [[nodiscard]] bool keeps() const {
    return step_ == Step::version || step_ == Step::suites_length || step_ == Step::suites || step_ == Step::suite ||
           step_ == Step::certificate || (step_ == Step::extension_data && wanted_);
  }
  /// Those of TlsSection: server_name, supported_groups, ec_point_formats, signature_algorithms, ALPN,
  /// supported_versions (IANA).
  static bool is_decoded(std::uint32_t type) {
    return type == 0 || type == 10 || type == 11 || type == 13 || type == 16 || type == 43;
  }

  /// Goes on with `octets` of something. A message that has no more of them is none.
  void go(Step step, std::uint32_t octets) {
    step_ = step;
    left_ = octets;
    if (octets > message_left_) end();
  }
  void next_message() {
    step_ = Step::header;
    left_ = kMessageHeaderOctets;
  }

  /// The octets of a step are there: what comes next.
  template <typename Sink>
  void next_step(Sink& sink) {
    const bool client = part_ == TlsPart::client;
    switch (step_) {
      case Step::header:
        return begin_message(sink);
      case Step::version:
        return go(Step::random, 32);
      case Step::random:
        return go(Step::session_length, 1);
      case Step::session_length:
        return go(Step::session, value_ & 0xff);
      case Step::session:
        return client ? go(Step::suites_length, 2) : go(Step::suite, 2);
      case Step::suites_length:
        return go(Step::suites, value_ & 0xffff);
      case Step::suites:
        return go(Step::compressions_length, 1);
      case Step::compressions_length:
        return go(Step::compressions, value_ & 0xff);
      case Step::suite:
        return go(Step::compression, 1);
      case Step::compressions:
      case Step::compression:
        // Extensions may be missing (RFC 5246 section 7.4.1.2).
        return message_left_ == 0 ? end_hello(sink) : go(Step::extensions_length, 2);
      case Step::extensions_length:
        if ((value_ & 0xffff) != message_left_) return end();
        return next_extension(sink);
      case Step::extension:
        return begin_extension(sink);
      case Step::extension_data:
        return next_extension(sink);
      case Step::chain_length:
        return go(Step::certificate_length, 3);
      case Step::certificate_length:
        return go(Step::certificate, std::min<std::uint32_t>(value_ & 0xff'ffff, TlsCertificateSection::kMost));
      case Step::certificate:
        return end();
      case Step::skipped:
        return next_message();
    }
  }

  template <typename Sink>
  void begin_message(Sink& sink) {
    const auto type = static_cast<std::uint8_t>(value_ >> 24);
    message_left_ = value_ & 0xff'ffff;
    if (!has_hello_) {
      if ((type != kClientHello && type != kServerHello) || !sink.begin(type)) return end();
      has_hello_ = true;
      part_ = type == kClientHello ? TlsPart::client : TlsPart::server;
      return go(Step::version, 2);
    }
    if (type == kHelloRequest || type == kSupplementalData) return go(Step::skipped, message_left_);
    if (type != kCertificate) return end();
    part_ = TlsPart::certificate;
    go(Step::chain_length, 3);
  }
  template <typename Sink>
  void next_extension(Sink& sink) {
    return message_left_ == 0 ? end_hello(sink) : go(Step::extension, 4);
  }
  template <typename Sink>
  void begin_extension(Sink& sink) {
    const std::uint32_t type = value_ >> 16;
    const std::uint32_t octets = value_ & 0xffff;
    wanted_ = is_decoded(type);
    std::uint8_t kept[4];
    store_be(kept, static_cast<std::uint16_t>(type));
    store_be(kept + 2, static_cast<std::uint16_t>(wanted_ ? octets : 0));
    sink.keep(part_, kept, sizeof kept);
    go(Step::extension_data, octets);
  }
  template <typename Sink>
  void end_hello(Sink& sink) {
    sink.hello_ends(part_, false);
    if (part_ == TlsPart::client) return end();
    next_message();
  }

  static constexpr std::uint32_t kMessageHeaderOctets = 4;

  std::uint32_t left_;          ///< of the step
  std::uint32_t message_left_;  ///< of the message whose header is there
  std::uint32_t value_;         ///< the message's last four octets
  std::uint16_t octets_;        ///< that were read
  std::uint16_t record_left_;   ///< of the record whose header is there
  Step step_;
  TlsPart part_;
  std::uint8_t head_octets_;  ///< of head_ that are there
  std::uint8_t head_[kBeginningOctets];
  bool begun_;      ///< the first record's header was one
  bool has_hello_;  ///< one that the sink wants began
  bool wanted_;     ///< the extension's data
  bool ended_;
};
static_assert(std::is_trivially_copyable_v<TlsReader> && sizeof(TlsReader) == 36, "two of them in each flow's slot");

}  // namespace weir
