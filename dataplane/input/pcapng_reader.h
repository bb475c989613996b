// PcapngReader: the packets of a pcapng file (draft-ietf-opsawg-pcapng), in file order.
//
// Why not libpcap: it refuses a file whose interfaces differ in link type or snapshot length, which what is captured on
// "any" and on several ports at once holds. Here every interface has its own link type, resolution and offset; a file
// may have any number of sections, each in its own byte order.
//
// Limits: a block of at most 16 MiB (as libpcap has it; memory is taken as the block is read, so that a length which
// the file does not hold costs nothing), 65536 interfaces a section.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/packet/packet_view.h"

namespace weir {

class PcapngReader {
 public:
  enum class Result : std::uint8_t { packet, end, error };

  /// Reads from `file`, which stays the caller's.
  explicit PcapngReader(std::FILE* file) : file_(file) {}

  /// The next packet; its octets stay readable until the next call.
  Result next(PacketView& view);
  /// Which interface of its section the packet came from.
  [[nodiscard]] unsigned interface() const { return interface_; }
  /// After `error`: what is wrong, one line without a name.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// Before the first next(): what is wrong with the first block, if anything: then the file is no pcapng file.
  std::optional<std::string> check_start();

 private:
  struct Interface {
    LinkType link_type;
    std::uint32_t snapshot_octets;  ///< 0: no limit
    std::uint64_t ticks_per_second;
    std::int64_t offset_seconds;
  };
  static constexpr std::uint32_t kMaxBlock = 16U << 20;
  static constexpr std::size_t kMaxInterfaces = 65536;

  [[nodiscard]] std::uint16_t u16(std::size_t offset) const;
  [[nodiscard]] std::uint32_t u32(std::size_t offset) const;
  Result fail(std::string what);
  /// Reads the next block into body_; false at the end of the file or on an error.
  bool read_block();
  bool read_octets(std::size_t octets, const char* what);
  bool section_header();
  bool interface_description();
  Result packet(std::size_t header_octets, std::uint32_t interface, std::uint32_t captured, std::uint32_t length,
                std::uint64_t ticks, PacketView& view);

  std::FILE* file_;
  bool swapped_ = false;
  bool started_ = false;
  bool ended_ = false;
  std::uint32_t type_ = 0;          ///< of the block in body_
  std::vector<std::uint8_t> body_;  ///< of a block: between the two lengths
  std::vector<Interface> interfaces_;
  std::uint32_t interface_ = 0;  ///< of the packet that was read last
  std::string error_;
};

}  // namespace weir
