#include "control/reject_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "control/export/endpoint.h"

namespace weir {
namespace {

/// LINKTYPE_USER0, for frames of a link type that weir does not know: its number is not kept.
constexpr std::uint16_t kUnknownLinkType = 147;

/// The number in a capture file. Of two link types the filter compiler's number differs from it (link_type.h).
std::uint16_t file_number(LinkType type) {
  switch (type) {
    case LinkType::raw_ip:
      return 101;
    case LinkType::atm:
      return 100;
    case LinkType::unknown:
      return kUnknownLinkType;
    default:
      return static_cast<std::uint16_t>(number_of(type));
  }
}

/// A block of pcapng as it is written, in this machine's byte order.
class Block {
 public:
  Block(std::vector<std::uint8_t>& out, std::uint32_t type) : out_(out), begin_(out.size()) {
    put(type);
    put(std::uint32_t{0});  // the length, when it is known
  }
  template <typename Number>
  void put(Number number) {
    octets(&number, sizeof number);
  }
  void octets(const void* from, std::size_t count) {
    const auto* const first = static_cast<const std::uint8_t*>(from);
    out_.insert(out_.end(), first, first + count);
  }
  /// Up to a multiple of four octets.
  void pad() { out_.resize((out_.size() - begin_ + 3) / 4 * 4 + begin_); }
  void option(std::uint16_t code, const void* value, std::size_t count) {
    put(code);
    put(static_cast<std::uint16_t>(count));
    octets(value, count);
    pad();
  }
  /// The end of the options and of the block.
  void end() {
    put(std::uint32_t{0});
    const auto length = static_cast<std::uint32_t>(out_.size() - begin_ + 4);
    put(length);
    std::memcpy(out_.data() + begin_ + 4, &length, sizeof length);
  }

 private:
  std::vector<std::uint8_t>& out_;
  std::size_t begin_;
};

}  // namespace

tl::expected<std::unique_ptr<RejectFile>, std::string> RejectFile::open(const RejectTarget& target) {
  const auto wrong = [&](const std::string& what) {
    return tl::unexpected(fmt::format("--save-rejects {}: {}", target.path, what));
  };
  auto sink = FileSink::open(target.path);
  if (!sink) return wrong(sink.error());
  if (auto locked = sink->lock(); !locked) return wrong(locked.error());
  return std::unique_ptr<RejectFile>(new RejectFile(target, std::move(*sink)));
}

void RejectFile::begin() {
  constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
  constexpr std::uint16_t kUserApplication = 4;
  {
    const std::lock_guard lock(mutex_);
    totals_.file = target_.path;
  }
  if (auto emptied = sink_.begin(false); !emptied) return fail(emptied.error());
  Block block(buffer_, kSectionHeader);
  block.put(std::uint32_t{0x1a2b3c4d});  // tells the byte order
  block.put(std::uint16_t{1});           // version 1.0
  block.put(std::uint16_t{0});
  block.put(~std::uint64_t{0});  // the section's length is not given
  block.option(kUserApplication, "weir", 4);
  block.end();
  octets_ = buffer_.size();
  flush();
}

void RejectFile::append_interface(const PacketView& view) {
  constexpr std::uint32_t kInterfaceDescription = 1;
  constexpr std::uint16_t kName = 2;
  constexpr std::uint16_t kResolution = 9;
  Block block(buffer_, kInterfaceDescription);
  block.put(file_number(view.link_type));
  block.put(std::uint16_t{0});
  block.put(std::uint32_t{0});  // no limit
  if (view.ingress_interface != 0) {
    const std::string name = fmt::format("interface {}", view.ingress_interface);
    block.option(kName, name.data(), name.size());
  }
  const std::uint8_t nanoseconds = 9;
  block.option(kResolution, &nanoseconds, 1);
  block.end();
}

void RejectFile::append_packet(const PacketView& view, Reject reject, std::uint32_t interface) {
  constexpr std::uint32_t kEnhancedPacket = 6;
  constexpr std::uint16_t kComment = 1;
  const ReasonText& text = reason_text(kRejectTexts, reject);
  const std::string comment = fmt::format("{}: {}", text.name, text.description);
  Block block(buffer_, kEnhancedPacket);
  block.put(interface);
  block.put(static_cast<std::uint32_t>(view.time_ns >> 32));
  block.put(static_cast<std::uint32_t>(view.time_ns));
  block.put(view.captured_octets);
  block.put(view.frame_octets);
  block.octets(view.data, view.captured_octets);
  block.pad();
  block.option(kComment, comment.data(), comment.size());
  block.end();
}

void RejectFile::save(const PacketView& view, Reject reject) {
  const auto not_saved = [&](UnsavedReject why) {
    const std::lock_guard lock(mutex_);
    totals_.unsaved[static_cast<std::size_t>(why)].add(view.frame_octets);
  };
  if (!error_.empty()) return not_saved(UnsavedReject::rejects_write_failed);
  if (full_) return not_saved(UnsavedReject::rejects_file_full);
  const std::size_t before = buffer_.size();
  const std::pair key(view.link_type, view.ingress_interface);
  const auto known = std::find(interfaces_.begin(), interfaces_.end(), key);
  if (known == interfaces_.end()) append_interface(view);
  append_packet(view, reject, static_cast<std::uint32_t>(known - interfaces_.begin()));
  const std::size_t octets = buffer_.size() - before;
  if (octets_ + octets > target_.max_octets) {
    buffer_.resize(before);
    full_ = true;
    return not_saved(UnsavedReject::rejects_file_full);
  }
  if (known == interfaces_.end()) interfaces_.push_back(key);
  octets_ += octets;
  held_.add(view.frame_octets);
  if (buffer_.size() >= kHeldBack) flush();
}

void RejectFile::flush() {
  if (buffer_.empty() || !error_.empty()) return;
  const FileSink::Written written = sink_.write(buffer_);
  if (written.octets != buffer_.size()) {
    sink_.cut_back(written.octets);
    fail(written.error != 0 ? error_text(written.error) : "it takes no more");
    return;
  }
  buffer_.clear();
  const std::lock_guard lock(mutex_);
  totals_.saved += held_;
  held_ = {};
}

/// Nothing more is written; what was held back is not saved.
void RejectFile::fail(std::string what) {
  error_ = std::move(what);
  buffer_.clear();
  const std::lock_guard lock(mutex_);
  totals_.unsaved[static_cast<std::size_t>(UnsavedReject::rejects_write_failed)] += held_;
  held_ = {};
}

SavedRejects RejectFile::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

tl::expected<void, std::string> RejectFile::close() {
  flush();
  const int problem = sink_.close();
  if (error_.empty() && problem != 0) error_ = error_text(problem);
  if (error_.empty()) return {};
  return tl::unexpected(fmt::format("--save-rejects {}: {}", target_.path, error_));
}

}  // namespace weir
