// The value of --input: where flow records come from, which take the place of packets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

struct InputSource {
  enum class Kind : std::uint8_t {
    packets,         ///< there is no --input: ports, or captures
    records_file,    ///< records:FILE, of `read`
    records_socket,  ///< records+unix:PATH, of `run`
  };

  Kind kind = Kind::packets;
  std::string path;  ///< of the file ("-": standard input), or of the socket

  [[nodiscard]] bool is_records() const { return kind != Kind::packets; }
};

/// Error: what is wrong, and what is expected.
tl::expected<InputSource, std::string> parse_input_source(std::string_view text);

}  // namespace weir
