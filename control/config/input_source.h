// The value of --input: where flow records come from, which take the place of packets; or packets from elsewhere than
// ports.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

struct InputSource {
  enum class Kind : std::uint8_t {
    packets,         ///< there is no --input: ports, or captures
    records_file,    ///< records:FILE, of `read`
    records_socket,  ///< records+unix:PATH, of `run`
    samples,         ///< psample[:GROUP,...], of `run`: packets that the kernel samples
  };

  Kind kind = Kind::packets;
  std::string path{};                   ///< of the file ("-": standard input), or of the socket
  std::vector<std::uint32_t> groups{};  ///< of samples: those whose packets are taken; none: all
};

/// Error: what is wrong, and what is expected.
tl::expected<InputSource, std::string> parse_input_source(std::string_view text);

}  // namespace weir
