#include "bench/gen/capture_writer.h"

#include <pcap/pcap.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::bench {
namespace {

constexpr std::size_t kBufferOctets = 1 << 20;
constexpr int kSnapLength = 262144;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace

void CaptureWriter::ClosePcap::operator()(pcap* handle) const {
  pcap_close(handle);
}
void CaptureWriter::CloseDumper::operator()(pcap_dumper* dumper) const {
  pcap_dump_close(dumper);
}

CaptureWriter::~CaptureWriter() = default;

tl::expected<CaptureWriter, std::string> CaptureWriter::create(const std::string& path) {
  CaptureWriter writer;
  writer.path_ = path;
  writer.pcap_.reset(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapLength, PCAP_TSTAMP_PRECISION_NANO));
  std::FILE* file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return tl::unexpected("cannot write " + path + ": " + std::strerror(errno));
  writer.buffer_ = std::make_unique<char[]>(kBufferOctets);
  std::setvbuf(file, writer.buffer_.get(), _IOFBF, kBufferOctets);
  writer.dumper_.reset(pcap_dump_fopen(writer.pcap_.get(), file));
  if (writer.dumper_ == nullptr) {
    std::fclose(file);
    return tl::unexpected("cannot write " + path + ": " + pcap_geterr(writer.pcap_.get()));
  }
  writer.file_ = file;
  return writer;
}

void CaptureWriter::write(const std::uint8_t* frame, std::uint32_t octets, std::uint64_t time_ns) {
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(time_ns / kNsPerSecond);
  // The file's precision makes this field nanoseconds, whatever its name.
  header.ts.tv_usec = static_cast<suseconds_t>(time_ns % kNsPerSecond);
  header.caplen = octets;
  header.len = octets;
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, frame);
}

bool CaptureWriter::failed() const {
  return std::ferror(file_) != 0;
}

tl::expected<void, std::string> CaptureWriter::finish() {
  errno = 0;
  const bool bad = pcap_dump_flush(dumper_.get()) != 0 || failed();
  const int reason = errno;
  dumper_.reset();
  file_ = nullptr;
  if (bad) {
    return tl::unexpected("cannot write " + path_ + ": " + (reason != 0 ? std::strerror(reason) : "write error") +
                          "; the file is incomplete");
  }
  return {};
}

}  // namespace weir::bench
