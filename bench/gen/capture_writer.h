// CaptureWriter: frames into a pcap file with nanosecond times (magic 0xa1b23c4d), through libpcap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <tl/expected.hpp>

struct pcap;
struct pcap_dumper;

namespace weir::bench {

class CaptureWriter {
 public:
  static tl::expected<CaptureWriter, std::string> create(const std::string& path);
  CaptureWriter(CaptureWriter&&) noexcept = default;
  CaptureWriter& operator=(CaptureWriter&&) noexcept = default;
  ~CaptureWriter();

  /// Errors (a full disk) show in finish() at the latest, and in failed() before.
  void write(const std::uint8_t* frame, std::uint32_t octets, std::uint64_t time_ns);
  [[nodiscard]] bool failed() const;
  /// Writes what is buffered and closes the file.
  tl::expected<void, std::string> finish();

 private:
  struct ClosePcap {
    void operator()(pcap* handle) const;
  };
  struct CloseDumper {
    void operator()(pcap_dumper* dumper) const;
  };
  CaptureWriter() = default;

  std::string path_;
  std::unique_ptr<char[]> buffer_;  ///< of the file below: outlives it
  std::unique_ptr<pcap, ClosePcap> pcap_;
  std::unique_ptr<pcap_dumper, CloseDumper> dumper_;
  std::FILE* file_ = nullptr;  ///< owned by dumper_
};

}  // namespace weir::bench
