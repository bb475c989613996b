#include "dataplane/input/capture_file.h"

#include <pcap/pcap.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "dataplane/input/link_types.h"

namespace weir {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kLastNs = std::numeric_limits<std::int64_t>::max();

std::string errno_text() {
  return std::generic_category().message(errno);
}

// Closes a FILE that libpcap does not own (yet); standard input is not ours to close.
void close_input(std::FILE* file) {
  if (file != stdin) std::fclose(file);
}

/// The next octet, which stays to be read; EOF.
int peek(std::FILE* file) {
  const int octet = std::getc(file);
  if (octet != EOF) std::ungetc(octet, file);
  return octet;
}

/// What a file that is no capture looks like, and what reads it; "" where nothing is known. `first`: its first octet.
std::string looks_like(std::FILE* file, int first, const std::string& name) {
  std::array<int, 4> octets{first, EOF, EOF, EOF};
  if (fseeko(file, 0, SEEK_SET) == 0) {
    for (int& octet : octets) octet = std::getc(file);
  }
  const int version = octets[0] == 0 ? octets[1] : 0;  // NetFlow and IPFIX: 16 bits (RFC 3954 §5.1, RFC 7011 §3.1)
  // A protobuf record's first field: 1 of other makers' records (a number), 3 of weir's own.
  const auto begins_record = [](int tag) { return tag == 0x08 || tag == 0x18; };
  const char* what = nullptr;
  if (version == 5 || version == 7 || version == 9 || version == 10) {
    what = "NetFlow or IPFIX messages";
  } else if (first > 0 && (begins_record(octets[1]) || (first >= 0x80 && begins_record(octets[2])))) {
    what = "protobuf records";
  } else if (first == '{' || first == '[') {
    return "; it looks like JSON, which is for other programs; weir-collect reads what protobuf:FILE holds";
  }
  if (what == nullptr) return {};
  return std::string("; it looks like ") + what + ": weir-collect " + name + " reads those";
}

/// What is wrong with a compressed file says more than what its reader makes of it, which is `what`.
std::string problem_of(const CompressedInput* compressed, const std::string& what) {
  return compressed != nullptr && !compressed->problem().empty() ? compressed->problem() : what;
}

}  // namespace

std::uint64_t capture_time_ns(std::int64_t seconds, std::int64_t nanoseconds) {
  // A hostile file may hold nanoseconds outside [0, 10^9): carry whole seconds over first, so that the product below
  // is the only one that could overflow, and is checked for.
  std::int64_t carry = nanoseconds / kNsPerSecond;
  std::int64_t rest = nanoseconds % kNsPerSecond;
  if (rest < 0) {
    rest += kNsPerSecond;
    --carry;
  }
  std::int64_t whole = 0;
  if (__builtin_add_overflow(seconds, carry, &whole)) return seconds < 0 ? 0 : static_cast<std::uint64_t>(kLastNs);
  if (whole < 0) return 0;
  if (whole > kLastNs / kNsPerSecond - 1) return static_cast<std::uint64_t>(kLastNs);
  return static_cast<std::uint64_t>(whole * kNsPerSecond + rest);
}

tl::expected<std::unique_ptr<CaptureFile>, std::string> CaptureFile::open(const std::string& path) {
  const bool is_stdin = path == "-";
  std::string name = is_stdin ? "standard input" : path;
  std::FILE* file = is_stdin ? stdin : std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return tl::unexpected(name + ": " + errno_text());

  struct stat status {};
  if (fstat(fileno(file), &status) != 0) {
    std::string text = name + ": " + errno_text();
    close_input(file);
    return tl::unexpected(std::move(text));
  }
  if (S_ISDIR(status.st_mode)) {
    close_input(file);
    return tl::unexpected(name + ": is a directory, not a capture file");
  }
  const Size size = S_ISREG(status.st_mode) ? Size{fileno(file), static_cast<std::uint64_t>(status.st_size)} : Size{};
  // libpcap calls an empty file truncated; say what it is. A pipe shows only by reading, so look one octet ahead.
  int first = peek(file);
  std::unique_ptr<CompressedInput> compressed;
  if (CompressedInput::begins_with(first)) {
    compressed = CompressedInput::open(file);
    if (compressed == nullptr) return tl::unexpected(name + ": no memory to decompress it");
    file = compressed->stream();
    first = peek(file);
  }
  if (first == EOF) {
    std::string text =
        name + ": " +
        (std::ferror(file) != 0 ? problem_of(compressed.get(), errno_text()) : "empty, not a pcap or pcapng file");
    close_input(file);
    return tl::unexpected(std::move(text));
  }

  constexpr int kPcapngFirst = 0x0a;  // of the section header's type; no magic number of pcap begins with it
  if (first == kPcapngFirst) {
    std::unique_ptr<CaptureFile> capture(new CaptureFile(std::move(name), file, nullptr, size, std::move(compressed)));
    capture->pcapng_ = std::make_unique<PcapngReader>(file);
    if (const auto problem = capture->pcapng_->check_start()) {
      return tl::unexpected(capture->name_ + ": " + problem_of(capture->compressed_.get(), *problem));
    }
    return capture;
  }

  char text[PCAP_ERRBUF_SIZE] = "";
  pcap_t* handle = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, text);
  if (handle == nullptr) {
    std::string problem = name + ": " + problem_of(compressed.get(), text);
    if (std::string_view(text) == "unknown file format") {
      problem = name + ": unknown file format, neither pcap nor pcapng" + looks_like(file, first, name);
    }
    close_input(file);
    return tl::unexpected(std::move(problem));
  }
  // From here on pcap_close() closes the file.
  const int number = pcap_datalink(handle);
  const LinkType link_type = link_type_of(static_cast<std::uint32_t>(number));
  if (link_type == LinkType::unknown) {
    pcap_close(handle);
    return tl::unexpected(name + ": " + unsupported_link_type(number));
  }
  std::unique_ptr<CaptureFile> capture(new CaptureFile(std::move(name), file, handle, size, std::move(compressed)));
  capture->link_type_ = link_type;
  return capture;
}

CaptureFile::CaptureFile(std::string name, std::FILE* file, pcap* handle, const Size& size,
                         std::unique_ptr<CompressedInput> compressed)
    : name_(std::move(name)), compressed_(std::move(compressed)), file_(file), handle_(handle), size_(size) {
  // Standard input may be a file that somebody has begun to read.
  if (handle_ != nullptr && file_ != stdin && compressed_ == nullptr) {
    blocks_ = CaptureBlocks::open(fileno(file_), static_cast<std::uint32_t>(std::max(0, pcap_snapshot(handle_))));
  }
}

CaptureFile::~CaptureFile() {
  if (handle_ != nullptr) {
    pcap_close(handle_);
  } else {
    close_input(file_);
  }
}

bool CaptureFile::next_from_blocks(PacketView& view) {
  CaptureBlocks::Packet packet;
  if (!blocks_->next(packet)) {
    // libpcap continues where the blocks stopped and reports what it finds. If the file cannot be positioned there,
    // nothing may be read: data from a wrong place must not look like packets.
    if (fseeko(file_, static_cast<off_t>(blocks_->offset()), SEEK_SET) != 0) {
      (void)fail(errno_text());
    }
    blocks_.reset();
    return false;
  }
  ++packets_;
  view = {.data = packet.octets,
          .captured_octets = packet.captured_octets,
          .frame_octets = std::max(packet.frame_octets, packet.captured_octets),
          .time_ns = capture_time_ns(packet.seconds, static_cast<std::int64_t>(packet.nanoseconds)),
          .ingress_interface = 0,
          .link_type = link_type_,
          .marks = 0};
  return true;
}

std::string CaptureFile::shortened() const {
  struct stat status {};
  if (size_.descriptor < 0 || fstat(size_.descriptor, &status) != 0) return {};
  const auto now = static_cast<std::uint64_t>(status.st_size);
  if (now >= size_.octets) return {};
  return "the file became shorter while it was read: " + std::to_string(now) + " octets, " +
         std::to_string(size_.octets) + " when it was opened";
}

CaptureFile::Result CaptureFile::fail(const std::string& what) {
  const std::string why = shortened();
  error_ = name_ + ": packet " + std::to_string(packets_ + 1) + ": " +
           (why.empty() ? problem_of(compressed_.get(), what) : why);
  return state_ = Result::error;
}

/// No packet follows. A file that was shortened may end after any packet.
CaptureFile::Result CaptureFile::finish() {
  if (!shortened().empty()) return fail({});
  return state_ = Result::end;
}

CaptureFile::Result CaptureFile::next(PacketView& view) {
  if (state_ != Result::packet) return state_;
  if (pcapng_ == nullptr) return next_of_pcap(view);
  switch (pcapng_->next(view)) {
    case PcapngReader::Result::packet:
      ++packets_;
      return Result::packet;
    case PcapngReader::Result::end:
      return finish();
    case PcapngReader::Result::error:
      break;
  }
  return fail(pcapng_->error());
}

CaptureFile::Result CaptureFile::next_of_pcap(PacketView& view) {
  if (blocks_ != nullptr) {
    if (next_from_blocks(view)) return Result::packet;
    if (state_ != Result::packet) return state_;
  }
  pcap_pkthdr* header = nullptr;
  const std::uint8_t* octets = nullptr;
  const int result = pcap_next_ex(handle_, &header, &octets);
  if (result == PCAP_ERROR_BREAK) return finish();
  if (result != 1) {
    return fail(pcap_geterr(handle_));
  }
  ++packets_;
  // libpcap hands out the 32-bit seconds of the file as if they had a sign; they have none and end in 2106.
  const std::int64_t seconds = static_cast<std::uint32_t>(header->ts.tv_sec);
  view = {.data = octets,
          .captured_octets = header->caplen,
          // Damaged files claim a frame shorter than what they hold of it.
          .frame_octets = std::max(header->len, header->caplen),
          .time_ns = capture_time_ns(seconds, header->ts.tv_usec),
          .ingress_interface = 0,
          .link_type = link_type_,
          .marks = 0};
  return Result::packet;
}

std::uint64_t CaptureFile::octets_read() const {
  if (size_.octets == 0) return 0;
  if (blocks_ != nullptr) return blocks_->offset();
  if (compressed_ != nullptr) return compressed_->octets_read();
  const off_t at = ftello(file_);
  return at < 0 ? 0 : static_cast<std::uint64_t>(at);
}

}  // namespace weir
