// NetFlow v9 decoding (RFC 3954), in two layers.
//
// parse_netflow9() knows one datagram and no state: the header, and where each FlowSet lies. Every length is checked
// there, so what comes after never looks past a FlowSet.
//
// Netflow9Decoder keeps templates and sequence per stream, a stream being (exporter, source id): two source ids of one
// exporter may use the same template id for different things (RFC 3954 section 5.1). It yields flows with absolute
// times, and options records as raw values with their scopes.
//
// Input is hostile until proven otherwise. Errors are values (Netflow9Error), counted one per datagram. A datagram
// whose framing is wrong is refused whole. Where the framing is right and a FlowSet's content is wrong, that FlowSet
// gives what it held up to there, the other FlowSets are decoded, and the first error is reported.
//
// Memory is bounded by Limits: a field of a stored template costs 8 octets, a template about 130 more, so a stream
// costs at most 4096 x 8 + 256 x 130 = 66 kB and 256 streams 17 MB. A datagram of 65 535 octets yields at most 65 487
// flows (templates with records of one octet; 120 octets each, 7.9 MB) and as many raw values (24 octets each, 1.6 MB)
// in the caller's Netflow9Decoded. Exporters past the limit are refused, not swapped in: swapping would let whoever
// forges source addresses throw out the templates of the real ones.
//
// Data without a known template is counted (unknown_template) and dropped, not kept for later: templates come again
// within a refresh, and a store of undecodable data is what a forger would fill.
//
// Limits of the format: padding looks like records where records are 3 octets or shorter. RFC 3954 has no withdrawal of
// templates; a template with no fields is taken as one, as in IPFIX (RFC 7011 section 8.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

// clang-format off
#define WEIR_NETFLOW9_ERRORS(X)                                                                               \
  X(none,                "no error")                                                                          \
  X(short_header,        "the datagram is shorter than the header of 20 octets")                              \
  X(wrong_version,       "the version is not 9")                                                              \
  X(truncated_flow_set,  "octets at the end that are too few for a FlowSet header")                           \
  X(flow_set_too_short,  "a FlowSet says that it is shorter than its own header")                             \
  X(flow_set_too_long,   "a FlowSet says that it is longer than what is left of the datagram")                \
  X(bad_template_id,     "a template has an id below 256")                                                    \
  X(truncated_template,  "a template has more fields than its FlowSet has room for")                          \
  X(zero_length_field,   "a template has a field of length zero")                                             \
  X(record_too_long,     "a template makes records that fit into no datagram")                                \
  X(bad_scope_length,    "an options template's scope or option length is no multiple of 4, or has no scope") \
  X(trailing_octets,     "a data FlowSet does not end with its last record and at most 3 octets of padding")  \
  X(too_many_templates,  "the stream has more templates or fields than the decoder keeps")                    \
  X(too_many_streams,    "more exporters and source ids than the decoder keeps")
// clang-format on

enum class Netflow9Error : std::uint8_t {
#define WEIR_X(name, text) name,
  WEIR_NETFLOW9_ERRORS(WEIR_X)
#undef WEIR_X
};

inline constexpr std::size_t kNetflow9ErrorCount = static_cast<std::size_t>(Netflow9Error::too_many_streams) + 1;

/// The enumerator's own name, and what it means.
std::string_view error_name(Netflow9Error error);
std::string_view error_text(Netflow9Error error);

/// The header in host order.
struct Netflow9HeaderFields {
  std::uint16_t count;
  std::uint32_t sys_uptime_ms;
  std::uint32_t unix_secs;
  std::uint32_t sequence;
  std::uint32_t source_id;
};

struct Netflow9FlowSet {
  std::uint16_t id;
  std::span<const std::uint8_t> body;  ///< without the FlowSet header; padding is in it
};

struct Netflow9Datagram {
  Netflow9HeaderFields header{};
  std::vector<Netflow9FlowSet> flow_sets;  ///< spans into the datagram
};

/// Splits a datagram. `out` is complete if and only if the result is none; its header is filled if the result is
/// neither short_header nor wrong_version.
Netflow9Error parse_netflow9(std::span<const std::uint8_t> datagram, Netflow9Datagram& out);

/// An element as it came: for options records, and for elements of flows that DecodedFlow has no place for.
struct Netflow9Value {
  std::uint16_t element;  ///< or the scope's type (RFC 3954 section 6.1) where `scope` is set
  bool scope;
  std::span<const std::uint8_t> octets;  ///< into the datagram
};

/// One data record: one direction. What the template does not have is 0.
struct DecodedFlow {
  std::uint8_t source_address[16];  ///< IPv4 in the first 4 octets
  std::uint8_t destination_address[16];
  std::uint64_t first_ns;  ///< since 1970
  std::uint64_t last_ns;
  std::uint64_t packets;
  std::uint64_t octets;
  std::uint64_t reverse_packets;  ///< OUT_PKTS (24): weir's biflow templates; other devices mean packets that left
  std::uint64_t reverse_octets;   ///< OUT_BYTES (23)
  std::uint32_t ingress_interface;
  std::uint32_t egress_interface;
  std::uint32_t sampling_rate;  ///< 0: the record says nothing
  std::uint32_t first_value;    ///< Netflow9Decoded::values[first_value, first_value + value_count)
  std::uint32_t value_count;
  std::uint16_t template_id;
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint16_t vlan_id;
  std::uint16_t ether_type;
  std::uint16_t tcp_flags;
  std::uint8_t protocol;
  std::uint8_t ip_version;  ///< 4 or 6 by the addresses, else what element 60 says, else 0
  std::uint8_t ip_tos;
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;
  std::uint8_t end_reason;
  std::uint8_t sampling_algorithm;
};

/// One options data record: its values lie in Netflow9Decoded::values, scopes first.
struct DecodedOptions {
  std::uint16_t template_id;
  std::uint32_t first_value;
  std::uint32_t value_count;
};

/// What one datagram gave. Kept by the caller and reused, so that a steady stream allocates nothing.
struct Netflow9Decoded {
  Netflow9HeaderFields header{};
  std::vector<DecodedFlow> flows;
  std::vector<DecodedOptions> options;
  std::vector<Netflow9Value> values;
};

/// Counts of one stream, or summed over all.
struct Netflow9Counts {
  std::uint64_t datagrams = 0;           ///< received, malformed ones included
  std::uint64_t malformed = 0;           ///< of these, with an error
  std::uint64_t sequence_gaps = 0;       ///< places where datagrams are missing
  std::uint64_t lost_datagrams = 0;      ///< how many are missing there; less those that came late
  std::uint64_t late_datagrams = 0;      ///< came after a later one
  std::uint64_t restarts = 0;            ///< the sequence began anew
  std::uint64_t records = 0;             ///< data records decoded as flows
  std::uint64_t option_records = 0;      ///< data records decoded as options
  std::uint64_t templates = 0;           ///< template and options template records taken
  std::uint64_t withdrawals = 0;         ///< templates without fields
  std::uint64_t unknown_template = 0;    ///< data FlowSets dropped, since their template has not been seen
  std::uint64_t reserved_flow_sets = 0;  ///< FlowSets of ids 2..255, which RFC 3954 reserves: skipped
  std::uint64_t count_mismatches = 0;    ///< datagrams, all templates known, whose header counts other than they hold

  Netflow9Counts& operator+=(const Netflow9Counts& other);
};

class Netflow9Decoder {
 public:
  struct Limits {
    std::size_t streams = 256;  ///< (exporter, source id)
    std::size_t templates_per_stream = 256;
    std::size_t fields_per_stream = 4096;  ///< of all templates of a stream together
  };
  Netflow9Decoder() : Netflow9Decoder(Limits{}) {}
  explicit Netflow9Decoder(const Limits& limits) : limits_(limits) {}

  /// Decodes one datagram of `exporter` (its address as text, or any name that tells exporters apart) into `out`, which
  /// is emptied first; its spans are valid as long as `datagram` is. The first error is returned and counted.
  Netflow9Error decode(std::string_view exporter, std::span<const std::uint8_t> datagram, Netflow9Decoded& out);

  /// Sum over all streams, and over datagrams that belong to none.
  [[nodiscard]] Netflow9Counts totals() const;
  /// Counts of one stream; zeros if it was never seen.
  [[nodiscard]] Netflow9Counts counts(std::string_view exporter, std::uint32_t source_id) const;
  /// Datagrams with this error.
  [[nodiscard]] std::uint64_t errors(Netflow9Error error) const { return errors_[static_cast<std::size_t>(error)]; }
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }

 private:
  struct Field {
    std::uint16_t element;
    std::uint16_t octets;
    bool scope;
    std::uint8_t place;  ///< where in DecodedFlow; decided once, when the template comes
  };
  struct Template {
    std::vector<Field> fields;
    std::uint32_t record_octets = 0;
    bool options = false;
  };
  struct Stream {
    std::map<std::uint16_t, Template> templates;
    std::size_t fields = 0;
    bool sequence_known = false;
    std::uint32_t next_sequence = 0;
    std::uint32_t uptime_ms = 0;  ///< of the datagram with the greatest sequence
    std::int64_t boot_ms = 0;     ///< likewise: unix_secs * 1000 - sysUptime
    Netflow9Counts counts;
  };

  /// Orders streams, and compares with a string_view so that a look-up makes no string.
  struct StreamOrder {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const int order = std::string_view(a.first).compare(std::string_view(b.first));
      return order != 0 ? order < 0 : a.second < b.second;
    }
  };

  static void follow_sequence(Stream& stream, const Netflow9HeaderFields& header);
  Netflow9Error take_templates(Stream& stream, std::span<const std::uint8_t> body, std::uint64_t& records);
  Netflow9Error take_options_templates(Stream& stream, std::span<const std::uint8_t> body, std::uint64_t& records);
  Netflow9Error store_template(Stream& stream, std::uint16_t id, Template candidate);
  Netflow9Error take_data(Stream& stream, const Template& known, const Netflow9FlowSet& flow_set,
                          std::uint64_t& records, Netflow9Decoded& out);

  Limits limits_;
  std::map<std::pair<std::string, std::uint32_t>, Stream, StreamOrder> streams_;
  Netflow9Counts unassigned_;  ///< datagrams that belong to no stream
  std::uint64_t errors_[kNetflow9ErrorCount] = {};
  Netflow9Datagram parsed_;  ///< kept for its memory
};

}  // namespace weir
