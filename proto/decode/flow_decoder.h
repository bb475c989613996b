// FlowDecoder: datagrams of NetFlow v1, v5, v7, v9, IPFIX and sFlow v5 in, flows and options records out, with what
// must be remembered between them.
//
// It keeps a stream for each (exporter, session, version, source id), where the exporter of NetFlow v9 is its address
// without the port (RFC 3954 section 5.1), that of sFlow the agent that the datagram names, whoever sent it (the source
// id is the sub-agent), and else the transport session (RFC 7011 section 8), so that a TCP connection and datagrams
// from the same address and port have nothing in common: its templates (template_store.h), its place in the sequence,
// what its options records said about sampling, its clock, and counts of all that went wrong. What a single message
// says is decoded in flow_message.h, netflow5_decoder.h, sflow_decoder.h and flow_template.h.
//
// Errors are values (DecodeError), one per datagram, counted. An IPFIX message whose framing is wrong is refused whole;
// of a NetFlow v9 datagram the sets before the bad one are decoded. Where a set's content is wrong, that set gives what
// it held up to there, the other sets are decoded, and the first error is reported.
//
// Sequence (anchors of every format): v9 (RFC 3954 section 5.1) and sFlow count datagrams, v5 and v7 flows, IPFIX data
// records, options data included and templates not (RFC 7011 section 3.1); v1 has no sequence. So in IPFIX a data set
// without a template leaves the next number unknown: the sequence is taken up again from the message after. Some
// exporters (softflowd 1.1) count the records of the message itself, too; that is recognised, and reported as
// `sequence_own` instead of gaps.
//
// Sampling: a record's own rate; else what options data said for its sampler (48, 302), for its interface, or for the
// whole stream, in this order. Both rates are picked by the rule of proto/base/sampling_rate.h.
//
// Memory is bounded by one number, Limits::memory_octets, of which the streams of one address may have a quarter
// (template_store.h has the costs; a stream itself counts kStreamOctets, its 64 samplers and 256 interfaces included).
// Where it is used up the stream that was silent longest is forgotten: one whose session ended; else of those that sent
// one message only, as forged ones do, while these are a quarter of all; else of the others. So a flood of forged
// addresses shuts no new exporter out, and pushes out none that sends. One datagram of 65 535 octets yields at most as
// many flows (templates with records of one octet), 10 MB in the caller's Decoded, and waiting data as much again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "proto/decode/decoded.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/stream_rates.h"
#include "proto/decode/template_store.h"

namespace weir {

/// Counts of one stream, or summed over all.
// clang-format off
#define WEIR_STREAM_COUNTS(X)                                                                            \
  X(datagrams,          "received, malformed ones included")                                             \
  X(malformed,          "of these, with an error")                                                       \
  X(sequence_gaps,      "places in the sequence where something is missing")                             \
  X(lost_datagrams,     "v9, sFlow: how many are missing there, less those that came late")              \
  X(lost_records,       "v5, v7, IPFIX: the same, in records")                                           \
  X(late_datagrams,     "came after a later one")                                                        \
  X(restarts,           "the sequence began anew")                                                       \
  X(sequence_own,       "messages whose sequence number counts their own records, too")                  \
  X(records,            "data records decoded as flows")                                                 \
  X(option_records,     "data records decoded as options")                                               \
  X(templates,          "template and options template records taken")                                   \
  X(template_changes,   "of these, other than the definition before")                                    \
  X(templates_expired,  "not sent again within their lifetime")                                          \
  X(withdrawals,        "templates without fields")                                                      \
  X(withdrawals_ignored, "IPFIX over UDP: templates without fields, which mean nothing there")           \
  X(unknown_template,   "data sets that came without a known template")                                  \
  X(recovered_sets,     "of these, decoded when their template came")                                    \
  X(given_template_sets, "data sets decoded by a template that the user gave")                           \
  X(dropped_sets,       "of these, given up: no room, or their stream ended")                            \
  X(reserved_flow_sets, "sets of ids that the format reserves: skipped")                                 \
  X(unknown_samples,    "sFlow: samples of formats that are not known: skipped")                         \
  X(count_mismatches,   "v9 datagrams, all templates known, whose header counts other than they hold")
// clang-format on

struct StreamCounts {
#define WEIR_X(name, text) std::uint64_t name = 0;
  WEIR_STREAM_COUNTS(WEIR_X)
#undef WEIR_X

  StreamCounts& operator+=(const StreamCounts& other);
};

/// The address of "192.0.2.1:2055" or "[::1]:2055"; any other name as it is.
std::string_view address_of_exporter(std::string_view exporter);

/// Whence and when a datagram came.
struct DatagramOrigin {
  DatagramOrigin(std::string_view from, std::uint64_t at_ns = 0, std::uint64_t in_session = 0)
      : exporter(from), received_ns(at_ns), session(in_session) {}
  DatagramOrigin(const char* from) : exporter(from) {}

  std::string_view exporter;      ///< its address as text, or any name that tells exporters apart
  std::uint64_t received_ns = 0;  ///< since 1970; 0: unknown, so nothing expires and no clock is compared
  /// The number of a reliable transport session (a TCP connection, a file); 0: a datagram. Templates live as long as
  /// the session, and may be withdrawn (RFC 7011 section 8.4: over UDP a withdrawal is to be ignored).
  std::uint64_t session = 0;
};

/// The exporter's clock against the receiver's: reception less export time, in ms. The least is the best estimate of
/// how far the clocks are apart, since delay on the way only adds to it. A v9 or IPFIX header has whole seconds, which
/// adds up to 999.
struct ClockSkew {
  bool known = false;
  std::int64_t last_ms = 0;
  std::int64_t least_ms = 0;
  std::int64_t greatest_ms = 0;
};

struct StreamReport {
  std::string exporter;
  bool session;  ///< over a reliable transport: its messages are no datagrams
  FlowVersion version;
  std::uint32_t source_id;
  StreamCounts counts;
  ClockSkew skew;
  std::uint32_t exported_s;  ///< the time in the header of the last message that was received at a known time
  std::size_t templates;     ///< known now
  std::size_t waiting_sets;  ///< without a template now
};

class FlowDecoder {
 public:
  struct Limits {
    std::size_t memory_octets = std::size_t{512} << 20;  ///< of all streams together
    std::size_t streams = SIZE_MAX;
    std::size_t templates_per_stream = SIZE_MAX;
    std::size_t fields_per_stream = SIZE_MAX;  ///< of all templates of a stream together
    std::size_t waiting_octets_per_stream = 65'536;
    std::uint64_t template_lifetime_ns = TemplateLimits{}.template_lifetime_ns;
    /// NetFlow v9: whether another port is another exporter. By RFC 3954 section 5.1 it is not: an exporter is its
    /// address and its source id.
    bool netflow9_by_port = false;
  };
  /// What a stream counts without templates and waiting data.
  static constexpr std::size_t kStreamOctets = 20'000;
  FlowDecoder() : FlowDecoder(Limits{}) {}
  explicit FlowDecoder(const Limits& limits);

  /// Templates for the data of NetFlow v9 and IPFIX whose exporter sent none, in every stream. Of two of one id the
  /// later one counts. They are kept for good, and beside the limits.
  void give_templates(std::span<const TemplateRecord> templates);

  /// Decodes one datagram, or one IPFIX message of a stream, into `out`, which is emptied first; its spans are valid as
  /// long as `datagram` and `out` are. The first error is returned and counted.
  DecodeError decode(const DatagramOrigin& origin, std::span<const std::uint8_t> datagram, Decoded& out);

  /// A transport session (a TCP connection) is over: its templates mean nothing any more (RFC 7011 section 8.1).
  void end_session(std::string_view exporter, std::uint64_t session);

  /// Sum over all streams, those forgotten since included, and over datagrams that belong to none.
  [[nodiscard]] StreamCounts totals() const;
  /// Counts of one source id of an exporter, of all versions and sessions; zeros if it was never seen.
  [[nodiscard]] StreamCounts counts(std::string_view exporter, std::uint32_t source_id) const;
  /// Datagrams with this error.
  [[nodiscard]] std::uint64_t errors(DecodeError error) const { return errors_[static_cast<std::size_t>(error)]; }
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  /// Streams that were forgotten for others, those whose session had ended not counted.
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }
  /// The fields of a template that is known now, or was given; nullptr: none. Valid until the next datagram.
  [[nodiscard]] const std::vector<FieldSpec>* find_template(const DatagramOrigin& origin, const MessageHeader& header,
                                                            std::uint16_t id) const;
  /// Every stream that is known now, by exporter, version and source id.
  [[nodiscard]] std::vector<StreamReport> reports() const;

 private:
  struct Key;
  using KeyList = std::list<const Key*>;  ///< of streams, the one that was silent longest at the front
  /// The streams of one address together.
  struct Address {
    std::size_t octets = 0;
    KeyList streams;
  };
  struct Stream {
    TemplateStore templates;
    Address* address = nullptr;
    KeyList::iterator place;          ///< in once_ or proven_
    KeyList::iterator address_place;  ///< in its address's list
    bool proven = false;              ///< it sent more than one message
    bool sequence_known = false;
    std::uint32_t next_sequence = 0;
    std::uint32_t last_records = 0;  ///< IPFIX: data records of the message before
    std::uint32_t uptime_ms = 0;     ///< of the datagram with the greatest sequence
    std::int64_t boot_ms = 0;        ///< likewise: header time - sysUptime
    std::uint32_t exported_s = 0;
    bool ended = false;
    StreamRates rates;
    ClockSkew skew;
    StreamCounts counts;
  };
  struct Key {
    std::string exporter;
    std::uint64_t session;
    FlowVersion version;
    std::uint32_t source_id;
  };
  struct KeyView {
    std::string_view exporter;
    std::uint64_t session;
    FlowVersion version;
    std::uint32_t source_id;
  };
  /// Orders streams, and compares with a view so that a look-up makes no string.
  struct KeyOrder {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const int order = std::string_view(a.exporter).compare(std::string_view(b.exporter));
      if (order != 0) return order < 0;
      return std::tie(a.session, a.version, a.source_id) < std::tie(b.session, b.version, b.source_id);
    }
  };

  /// While it lives, what changes in the stream's templates and waiting data changes memory_octets_.
  class MemoryShare {
   public:
    MemoryShare(FlowDecoder& decoder, const Stream& stream)
        : decoder_(decoder), stream_(stream), before_(stream.templates.octets()) {}
    MemoryShare(const MemoryShare&) = delete;
    MemoryShare& operator=(const MemoryShare&) = delete;
    ~MemoryShare() {
      decoder_.memory_octets_ += stream_.templates.octets() - before_;
      stream_.address->octets += stream_.templates.octets() - before_;
    }

   private:
    FlowDecoder& decoder_;
    const Stream& stream_;
    std::size_t before_;
  };

  /// A template that the user gave, as each version reads it.
  struct Given {
    FlowTemplate netflow9;
    FlowTemplate ipfix;
  };

  /// nullptr: the user gave none.
  [[nodiscard]] const FlowTemplate* given_template(FlowVersion version, std::uint16_t id) const;
  [[nodiscard]] std::string_view stream_name(std::string_view exporter, FlowVersion version) const;
  /// What the stream may have now.
  [[nodiscard]] TemplateLimits template_limits(const Stream& stream) const;
  TemplateStore::Change take_template(Stream& stream, FlowVersion version, const TemplateRecord& record,
                                      std::uint64_t now_ns);
  Stream* find_or_add(const DatagramOrigin& origin, const MessageHeader& header, bool may_add);
  /// It was heard of: it goes to the end of its lists.
  void touch(Stream& stream);
  /// The stream to forget next, not `kept`; nullptr: there is none.
  [[nodiscard]] const Key* next_to_forget(const Stream* kept) const;
  void forget(const Key& key);
  /// Forgets streams, never `kept`, until so many octets (of `streams` more streams) fit: first those of the same
  /// address beyond its share, then any. False: they do not fit.
  bool make_room(std::string_view address, std::size_t octets, std::size_t streams, const Stream* kept);
  void note_clock(Stream& stream, const MessageHeader& header, std::uint64_t received_ns);
  /// `units`: how much this message adds to the sequence; `flows`: of these, the records that are no options.
  static void follow_sequence(Stream& stream, const MessageHeader& header, std::uint32_t units, std::uint32_t flows);
  DecodeError take_templates(Stream& stream, const MessageHeader& header, const FlowSet& set,
                             const DatagramOrigin& origin, std::uint64_t& records, Decoded& out);
  /// What the data sets of a message gave.
  struct Taken {
    std::uint64_t data_records = 0;
    std::uint64_t flow_records = 0;  ///< of these, without options
    bool all_known = true;           ///< no set was without a template, or of a reserved id
    bool short_set = false;          ///< there was a set of records shorter than padding may be
  };
  DecodeError take_set(Stream& stream, const MessageHeader& header, const FlowSet& set, std::uint64_t now_ns,
                       Taken& taken, Decoded& out);
  DecodeError take_data(Stream& stream, const FlowTemplate& known, const MessageHeader& header, std::uint16_t id,
                        std::span<const std::uint8_t> body, std::size_t expected, Decoded& out);
  /// Of a set of parsed_, a v9 datagram: how many records its header leaves for it; kUnknownCount where others are not
  /// known.
  [[nodiscard]] std::size_t expected_records(const Stream& stream, const FlowSet& wanted) const;
  void give_rates(const Stream& stream, std::size_t first_flow, bool sampler_known, Decoded& out) const;
  DecodeError decode_fixed(const DatagramOrigin& origin, std::span<const std::uint8_t> datagram, Decoded& out);
  DecodeError decode_samples(const DatagramOrigin& origin, std::span<const std::uint8_t> datagram, Decoded& out);
  DecodeError refuse(StreamCounts& counts, DecodeError error);

  Limits limits_;
  TemplateLimits template_limits_;
  std::map<Key, Stream, KeyOrder> streams_;
  std::size_t memory_octets_ = 0;
  std::map<std::string, Address, std::less<>> addresses_;
  std::map<std::uint16_t, Given> given_;
  KeyList once_;    ///< streams that sent one message, and those whose session ended
  KeyList proven_;  ///< the others
  std::uint64_t forgotten_ = 0;
  StreamCounts gone_;  ///< of streams forgotten, and of datagrams that belong to none
  std::uint64_t errors_[kDecodeErrorCount] = {};
  FlowMessage parsed_;  ///< kept for its memory, as are the next two
  std::vector<TemplateRecord> records_;
  std::vector<std::uint64_t> samplers_;
};

}  // namespace weir
