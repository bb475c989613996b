// Frames with payload that metrics look at: TLS, HTTP, DNS, QUIC and bulk between their openings (Mix::payload).
//
// A flow is of one protocol all its life, and each of its frames follows from how many it had before, so a set is a
// stream of whole connections. Shares of frames:
//
//   64 %    TLS: of an eighth of the flows SYN, ClientHello (517 octets), ServerHello (127), RST in turn, then the next
//           connection; so 2 % of all frames are ClientHellos, 2 % ServerHellos
//    4 %    HTTP/1.1: of half of the flows SYN, request (407 octets), response (448), RST in turn: 0.5 % of all frames
//           are requests, 0.5 % responses
//   12 %    TCP of another protocol
//    2 %    DNS: query and response in turn; these flows never end
//   18 %    QUIC: of an eighth of the flows Initial packets of 1200 octets (2.25 % of all frames), else short headers
//   bulk    what openings leave of TLS, HTTP and other TCP, in turn an ACK of 60 octets and a segment with 540 octets
//           of payload, eight of which are on their way; of QUIC datagrams of 540 octets
//
// A set of frames comes again and again. Segments of bulk then go on where they were: moves() says which frames these
// are, and move() moves their numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::bench {

/// A ClientHello of 517 octets with its record's header, as browsers make it with padding.
std::string browser_hello();
/// A request of HTTP/1.1, and the response to it.
std::string browser_request();
std::string server_response(const std::string& body);

class PayloadFrames {
 public:
  PayloadFrames();

  /// Frames of a flow in which a connection opens and ends, or both sides of bulk send a segment.
  static constexpr unsigned kRound = 4;

  /// Octets of the flow's frame `number`, from 0 on, without FCS.
  [[nodiscard]] std::uint32_t octets(std::uint32_t flow, unsigned number) const;
  /// Whether its sequence numbers go on from round to round.
  [[nodiscard]] bool moves(std::uint32_t flow, unsigned number) const { return kind_of(flow, number).bulk; }
  /// Writes it to `frame`, which is zeros before.
  void write(std::uint8_t* frame, std::uint32_t flow, unsigned number) const;
  /// Makes a frame that moves the one that comes so many rounds later.
  static void move(std::uint8_t* frame, std::uint32_t rounds);

 private:
  /// What a frame is besides its addresses.
  struct Kind {
    std::uint16_t server_port;
    bool reply;
    std::uint8_t tcp_flags;
    std::uint32_t sequence;
    std::string payload;
    bool bulk = false;  ///< of TCP: `sequence` is that of the first round
    std::uint32_t acknowledgment = 0;
  };
  [[nodiscard]] const Kind& kind_of(std::uint32_t flow, unsigned number) const;

  std::vector<Kind> tls_, http_, bulk_tls_, bulk_http_, bulk_other_, dns_, quic_, bulk_quic_;  ///< four each
};

}  // namespace weir::bench
