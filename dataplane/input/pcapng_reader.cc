#include "dataplane/input/pcapng_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/input/capture_file.h"

namespace weir {
namespace {

// Block types and option codes, draft-ietf-opsawg-pcapng §4 and §3.5.
constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kPacket = 2;  // obsolete, and still found
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kTimestampResolution = 9;
constexpr std::uint16_t kTimestampOffset = 14;

}  // namespace

std::uint16_t PcapngReader::u16(std::size_t offset) const {
  std::uint16_t value;
  std::memcpy(&value, body_.data() + offset, sizeof value);
  return swapped_ ? __builtin_bswap16(value) : value;
}

std::uint32_t PcapngReader::u32(std::size_t offset) const {
  std::uint32_t value;
  std::memcpy(&value, body_.data() + offset, sizeof value);
  return swapped_ ? __builtin_bswap32(value) : value;
}

PcapngReader::Result PcapngReader::fail(std::string what) {
  error_ = std::move(what);
  ended_ = true;
  return Result::error;
}

/// Appends `octets` of the file to body_.
bool PcapngReader::read_octets(std::size_t octets, const char* what) {
  constexpr std::size_t kPiece = 1 << 16;
  while (octets != 0) {
    const std::size_t piece = std::min(octets, kPiece);
    const std::size_t before = body_.size();
    body_.resize(before + piece);
    const std::size_t got = std::fread(body_.data() + before, 1, piece, file_);
    if (got != piece) {
      body_.resize(before + got);
      (void)fail(std::ferror(file_) != 0 ? "cannot be read"
                                         : std::string("truncated dump file: it ends inside ") + what);
      return false;
    }
    octets -= piece;
  }
  return true;
}

bool PcapngReader::read_block() {
  body_.clear();
  // Type and length; at the end of the file neither.
  std::uint8_t start[8];
  const std::size_t got = std::fread(start, 1, sizeof start, file_);
  if (got == 0 && std::ferror(file_) == 0) {
    ended_ = true;
    return false;
  }
  if (got != sizeof start) {
    (void)fail("truncated dump file: it ends inside a block header");
    return false;
  }
  body_.assign(start, start + sizeof start);
  std::memcpy(&type_, start, sizeof type_);
  if (type_ == kSectionHeader) {  // reads the same in both byte orders; the magic number after the length tells which
    if (!read_octets(4, "a section header")) return false;
    swapped_ = false;
    if (u32(8) != kByteOrderMagic) {
      swapped_ = true;
      if (u32(8) != kByteOrderMagic) {
        (void)fail("section header without the byte-order magic number");
        return false;
      }
    }
  } else if (!started_) {
    (void)fail("unknown file format: no section header");
    return false;
  }
  type_ = u32(0);
  const std::uint32_t length = u32(4);
  const std::size_t read = body_.size();
  if (length < read + 4 || length % 4 != 0 || length > kMaxBlock) {
    (void)fail("block of type " + std::to_string(type_) + " with a length of " + std::to_string(length) + " octets");
    return false;
  }
  if (!read_octets(length - read, "a block")) return false;
  if (u32(length - 4) != length) {
    (void)fail("block whose two lengths differ: " + std::to_string(length) + " and " + std::to_string(u32(length - 4)));
    return false;
  }
  body_.resize(length - 4);
  return true;
}

bool PcapngReader::section_header() {
  if (body_.size() < 24) {
    (void)fail("section header of " + std::to_string(body_.size()) + " octets");
    return false;
  }
  if (const unsigned major = u16(12); major != 1) {
    (void)fail("pcapng version " + std::to_string(major) + "." + std::to_string(u16(14)) + "; weir reads 1");
    return false;
  }
  started_ = true;
  interfaces_.clear();
  return true;
}

bool PcapngReader::interface_description() {
  if (body_.size() < 16) {
    (void)fail("interface description of " + std::to_string(body_.size()) + " octets");
    return false;
  }
  if (interfaces_.size() == kMaxInterfaces) {
    (void)fail("more than " + std::to_string(kMaxInterfaces) + " interfaces");
    return false;
  }
  Interface out{.link_type = link_type_of(u16(8)),
                .snapshot_octets = u32(12),
                .ticks_per_second = 1'000'000,
                .offset_seconds = 0};
  for (std::size_t at = 16; at + 4 <= body_.size();) {
    const std::uint16_t code = u16(at);
    const std::size_t length = u16(at + 2);
    if (code == kEndOfOptions) break;
    if (at + 4 + length > body_.size()) {
      (void)fail("interface description with an option that does not fit");
      return false;
    }
    if (code == kTimestampResolution && length >= 1) {
      const unsigned exponent = body_[at + 4] & 0x7fU;
      const bool binary = (body_[at + 4] & 0x80U) != 0;
      if (exponent > (binary ? 63U : 19U)) {
        (void)fail("interface with a time resolution finer than 64 bits hold");
        return false;
      }
      out.ticks_per_second = 1;
      for (unsigned i = 0; i < exponent; ++i) out.ticks_per_second *= binary ? 2 : 10;
    } else if (code == kTimestampOffset && length == 8) {
      const std::uint64_t first = u32(at + 4);
      const std::uint64_t second = u32(at + 8);
      const std::uint64_t value = swapped_ ? first << 32 | second : second << 32 | first;
      out.offset_seconds = static_cast<std::int64_t>(value);
    }
    at += 4 + (length + 3) / 4 * 4;
  }
  interfaces_.push_back(out);
  return true;
}

PcapngReader::Result PcapngReader::packet(std::size_t header_octets, std::uint32_t interface, std::uint32_t captured,
                                          std::uint32_t length, std::uint64_t ticks, PacketView& view) {
  if (interface >= interfaces_.size()) {
    return fail("a packet of interface " + std::to_string(interface) + ", which the file does not describe");
  }
  if (captured > body_.size() - header_octets) {
    return fail(std::to_string(captured) + " captured octets in a block that holds " +
                std::to_string(body_.size() - header_octets));
  }
  const Interface& from = interfaces_[interface];
  interface_ = interface;
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t seconds = ticks / from.ticks_per_second;
  const auto fraction = static_cast<std::uint64_t>(static_cast<Wide>(ticks % from.ticks_per_second) * 1'000'000'000 /
                                                   from.ticks_per_second);
  std::int64_t moved = 0;
  const bool over =
      seconds > INT64_MAX || __builtin_add_overflow(static_cast<std::int64_t>(seconds), from.offset_seconds, &moved);
  if (over) moved = from.offset_seconds < 0 && seconds <= INT64_MAX ? INT64_MIN : INT64_MAX;
  view = {.data = body_.data() + header_octets,
          .captured_octets = captured,
          .frame_octets = std::max(length, captured),
          .time_ns = capture_time_ns(moved, static_cast<std::int64_t>(fraction)),
          .ingress_interface = 0,
          .link_type = from.link_type,
          .marks = 0};
  return Result::packet;
}

std::optional<std::string> PcapngReader::check_start() {
  if (read_block() && type_ == kSectionHeader && section_header()) return std::nullopt;
  return error_.empty() ? "unknown file format" : error_;
}

PcapngReader::Result PcapngReader::next(PacketView& view) {
  while (!ended_ && read_block()) {
    const auto wide = [this](std::size_t high) { return std::uint64_t{u32(high)} << 32 | u32(high + 4); };
    switch (type_) {
      case kSectionHeader:
        if (!section_header()) return Result::error;
        break;
      case kInterfaceDescription:
        if (!interface_description()) return Result::error;
        break;
      case kEnhancedPacket:
        if (body_.size() < 28) return fail("packet block of " + std::to_string(body_.size()) + " octets");
        return packet(28, u32(8), u32(20), u32(24), wide(12), view);
      case kPacket:
        if (body_.size() < 28) return fail("packet block of " + std::to_string(body_.size()) + " octets");
        return packet(28, u16(8), u32(20), u32(24), wide(12), view);
      case kSimplePacket: {
        if (body_.size() < 12) return fail("packet block of " + std::to_string(body_.size()) + " octets");
        // The captured length follows from the others, and there is no time.
        std::uint32_t captured = std::min(u32(8), static_cast<std::uint32_t>(body_.size() - 12));
        if (!interfaces_.empty() && interfaces_[0].snapshot_octets != 0) {
          captured = std::min(captured, interfaces_[0].snapshot_octets);
        }
        return packet(12, 0, captured, u32(8), 0, view);
      }
      default:
        break;  // statistics, names, secrets, anybody's own: §3.1 says to skip what one does not know
    }
  }
  return error_.empty() ? Result::end : Result::error;
}

}  // namespace weir
