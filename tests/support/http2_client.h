// The octets of a gRPC client made by hand (HTTP/2, RFC 9113; HPACK, RFC 7541; gRPC over HTTP/2), for clients that
// behave as no library would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::test {

/// RFC 9113 section 4.1.
inline std::string http2_frame(char type, char flags, std::uint32_t stream, const std::string& payload) {
  const auto octet = [](std::size_t value, unsigned shift) { return static_cast<char>(value >> shift & 0xff); };
  const std::string head{
      octet(payload.size(), 16), octet(payload.size(), 8), octet(payload.size(), 0), type, flags, octet(stream, 24),
      octet(stream, 16),         octet(stream, 8),         octet(stream, 0)};
  return head + payload;
}

/// RFC 9113 section 3.4, and a window that lets the server send as much as it likes (sections 6.5.2 and 6.9).
inline std::string http2_preface() {
  const std::string window("\x00\x04\x7f\xff\xff\xff", 6);
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, window) +
         http2_frame(8, 0, 0, std::string("\x7f\xff\x00\x00", 4));
}

/// RFC 7541 section 6.2.2: a literal field that is not indexed, its name by `index` or, 0, as text.
inline std::string hpack_field(char index, const std::string& name, const std::string& value) {
  std::string text(1, index);
  if (index == 0) text += static_cast<char>(name.size()) + name;
  return text + static_cast<char>(value.size()) + value;
}

/// A call with one message, of less than 128 octets, as its headers and its data.
inline std::string grpc_request(std::uint32_t stream, const std::string& method, const std::string& message) {
  // RFC 7541 appendix A: 0x83 is ":method: POST", 0x86 ":scheme: http", 4 ":path", 1 ":authority".
  const std::string headers = "\x83\x86" + hpack_field(4, "", method) + hpack_field(1, "", "localhost") +
                              hpack_field(0, "content-type", "application/grpc") + hpack_field(0, "te", "trailers");
  std::string data(5, '\0');  // not compressed; the length
  data[4] = static_cast<char>(message.size());
  return http2_frame(1, 4, stream, headers) + http2_frame(0, 1, stream, data + message);
}

/// Whether the octets of a server, from the first on, hold the end of an answer: headers that end their stream (RFC
/// 9113 section 8.1).
inline bool has_whole_answer(std::string_view octets) {
  constexpr std::size_t kHead = 9;
  const auto at = [&](std::size_t place) {
    return static_cast<std::size_t>(static_cast<unsigned char>(octets[place]));
  };
  while (octets.size() >= kHead) {
    const std::size_t length = at(0) << 16 | at(1) << 8 | at(2);
    if (octets.size() < kHead + length) return false;
    if (at(3) == 1 && (at(4) & 1) != 0) return true;
    octets.remove_prefix(kHead + length);
  }
  return false;
}

}  // namespace weir::test
