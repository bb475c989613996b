#include "bench/gen/gen_report.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir::bench {
namespace {

std::string address_text(const std::array<std::uint8_t, 16>& address, std::uint8_t ip_version) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ip_version == 6 ? AF_INET6 : AF_INET, address.data(), text.data(), text.size());
  return text.data();
}

double rate_of(const Receipt& receipt) {
  return receipt.seconds > 0 ? static_cast<double>(receipt.totals.packets) / receipt.seconds : 0;
}

}  // namespace

std::string receipt_text(const Receipt& receipt) {
  const Totals& totals = receipt.totals;
  std::string text = fmt::format(
      "sent: {} packets, {} IP octets, {} frame octets (without FCS)\n"
      "flows: {} (directional 5-tuples), biflows: {}\n"
      "refused by the device: {} packets given up, {} retries\n"
      "time: {:.3f} s, {:.0f} packets/s\n",
      totals.packets, totals.octets, totals.frame_octets, totals.flows, totals.biflows, receipt.refused,
      receipt.retried, receipt.seconds, rate_of(receipt));
  if (receipt.unread != 0) text += fmt::format("left unread by the peer: {} packets\n", receipt.unread);
  return text;
}

std::string receipt_json(const Receipt& receipt) {
  const Totals& totals = receipt.totals;
  return fmt::format(
      "{{\"packets\":{},\"octets\":{},\"frame_octets\":{},\"flows\":{},\"biflows\":{},\"refused\":{},\"retried\":{},"
      "\"unread\":{},\"seconds\":{:.6f},\"pps\":{:.0f}}}\n",
      totals.packets, totals.octets, totals.frame_octets, totals.flows, totals.biflows, receipt.refused,
      receipt.retried, receipt.unread, receipt.seconds, rate_of(receipt));
}

std::string manifest_line(const BiflowCount& biflow) {
  return fmt::format(
      "{{\"src_addr\":\"{}\",\"dst_addr\":\"{}\",\"src_port\":{},\"dst_port\":{},\"proto\":{},\"packets\":{},"
      "\"bytes\":{},\"rev_packets\":{},\"rev_bytes\":{}}}\n",
      address_text(biflow.source_address, biflow.ip_version),
      address_text(biflow.destination_address, biflow.ip_version), biflow.source_port, biflow.destination_port,
      biflow.protocol, biflow.packets[0], biflow.octets[0], biflow.packets[1], biflow.octets[1]);
}

tl::expected<void, std::string> Manifest::open(Manifest& manifest, const std::string& path) {
  manifest.path_ = path;
  manifest.file_ = std::fopen(path.c_str(), "we");
  if (manifest.file_ == nullptr) return tl::unexpected("cannot write " + path + ": " + std::strerror(errno));
  return {};
}

Manifest::~Manifest() {
  if (file_ != nullptr) std::fclose(file_);
}

void Manifest::add(const BiflowCount& biflow) {
  const std::string line = manifest_line(biflow);
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), file_);
}

tl::expected<void, std::string> Manifest::finish() {
  if (file_ == nullptr) return {};
  errno = 0;
  const bool bad = std::ferror(file_) != 0;
  const bool unflushed = std::fclose(file_) != 0;
  file_ = nullptr;
  if (!bad && !unflushed) return {};
  return tl::unexpected("cannot write " + path_ + ": " + (errno != 0 ? std::strerror(errno) : "write error") +
                        "; the manifest is incomplete");
}

}  // namespace weir::bench
