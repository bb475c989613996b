// What the tests of the exporters share: records that differ, the ledger's third equation, files and sockets to send
// to.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "control/export/export_hub.h"
#include "control/export/loss.h"
#include "proto/base/unique_fd.h"
#include "proto/record/flow_protobuf.h"
#include "proto/record/record_batch.h"
#include "tests/support/numbered_record.h"
#include "tests/support/temporary_folder.h"

namespace weir::test {

inline std::vector<FlowRecord> numbered_records(std::uint32_t from, std::uint32_t count) {
  std::vector<FlowRecord> records;
  for (std::uint32_t i = 0; i < count; ++i) records.push_back(numbered_record(from + i));
  return records;
}

/// The same with sections: of every eight records in turn all have others, from none to all of them.
inline OwnedRecord numbered_record_with_sections(std::uint32_t number) {
  OwnedRecord record(numbered_record(number));
  const std::uint32_t turn = number % 8;
  if ((turn & 1U) != 0) {
    auto& tunnel = record.add<TunnelSection>();
    tunnel.type = TunnelType::vxlan;
    tunnel.id = number;
    tunnel.ip_version = 4;
    tunnel.source[3] = static_cast<std::uint8_t>(number);
    tunnel.destination[3] = 7;
    tunnel.depth = 1;
  }
  if ((turn & 2U) != 0) record.add<LabelSection>().label = number & 0xfffffU;
  if ((turn & 4U) != 0) {
    auto& layer2 = record.add<Layer2Section>();
    layer2.source_mac[5] = static_cast<std::uint8_t>(number);
    layer2.ttl[kForward] = 64;
    layer2.outer_octets[kForward] = number + 100;
    record.add<TcpSection>().payload_octets[kForward] = number;
  }
  if (turn == 7) {
    record.add<EspSection>().spi = number;
    record.add<EgressSection>().interface = number;
    auto& rtt = record.add<RttSection>();
    rtt.known = RttSection::kServerHalf | RttSection::kServerSamples;
    rtt.handshake_server_ns = rtt.server.min_ns = number;
    rtt.server_samples = 1;
    auto& icmp = record.add<IcmpSection>();
    icmp.errors[kForward] = 1 + number;
    icmp.type[kForward] = 3;
    auto& lengths = record.add<LengthsSection>();
    lengths.length_min[kForward] = lengths.length_max[kForward] = number;
    lengths.iat_max_ns[kForward] = std::uint64_t{number} * 1'000'000;
    record.add<HistogramsSection>().length[kForward][number % HistogramsSection::kBins] = 1 + number % 7;
    auto& packets = record.add<PacketsSection>();
    packets.count = 1 + number % PacketsSection::kMost;
    for (std::uint32_t i = 0; i < packets.count; ++i) packets.packets[i].ip_octets = number + i;
    auto& dns = record.add<DnsSection>();
    dns.queries = dns.id = static_cast<std::uint16_t>(number | 1U);
    dns.known = DnsSection::kName;
    put_text_at(dns.name, std::string(1 + number % 60, 'n'));
    record.add<IdsSection>().community_id[0] = static_cast<std::uint8_t>(number | 1U);
  }
  return record;
}

/// `records`: any list of FlowRecord or OwnedRecord.
template <typename Records>
RecordBatch batch_of(const Records& records) {
  RecordBatch batch;
  for (const auto& record : records) batch.append(record);
  return batch;
}

inline std::shared_ptr<const RecordBatch> numbered_batch(std::uint32_t from, std::uint32_t count) {
  return std::make_shared<const RecordBatch>(batch_of(numbered_records(from, count)));
}

inline std::shared_ptr<const RecordBatch> numbered_batch_with_sections(std::uint32_t from, std::uint32_t count) {
  auto batch = std::make_shared<RecordBatch>();
  for (std::uint32_t i = 0; i < count; ++i) batch->append(numbered_record_with_sections(from + i));
  return batch;
}

inline RecordTotals totals_of_batch(const RecordBatch& batch) {
  RecordTotals totals;
  for (const RecordView record : batch) totals.add(*record);
  return totals;
}

inline RecordTotals lost(const ExporterSnapshot& snapshot, ExportLoss loss) {
  return snapshot.lost.at(static_cast<std::size_t>(loss)).second;
}

inline bool balanced(const ExporterSnapshot& snapshot) {
  RecordTotals sum = snapshot.exported;
  sum += snapshot.queued;
  for (const auto& [name, totals] : snapshot.lost) sum += totals;
  return sum == snapshot.drained;
}

/// Waits for what another thread does; 10 s is for a machine that is busy, and the test goes on at once.
template <typename Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline RecordBatch records_in(const std::string& stream) {
  RecordBatch records;
  std::span<const std::uint8_t> rest(reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size());
  while (!rest.empty()) {
    const DelimitedMessage found = next_delimited(rest);
    EXPECT_EQ(found.status, DelimitedStatus::complete) << rest.size() << " octets left";
    if (found.status != DelimitedStatus::complete) break;
    OwnedRecord record;
    EXPECT_TRUE(decode_flow(found.message, record));
    records.append(record);
    rest = rest.subspan(found.consumed);
  }
  return records;
}

inline bool same(RecordView a, RecordView b) {
  return a.size() == b.size() && std::memcmp(a.octets(), b.octets(), a.size()) == 0;
}

inline bool same_records(RecordSpan a, RecordSpan b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

/// A socket on 127.0.0.1 and a port of the kernel's choice.
class LoopbackSocket {
 public:
  explicit LoopbackSocket(int type, std::uint16_t port = 0) : fd_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << strerror(errno);
    socklen_t length = sizeof address;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(listen(fd_.get(), 8), 0);
    }
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

  /// One datagram; empty if none comes.
  [[nodiscard]] std::vector<std::uint8_t> receive(int timeout_ms) const {
    std::vector<std::uint8_t> datagram(65536);
    pollfd waits{fd_.get(), POLLIN, 0};
    if (poll(&waits, 1, timeout_ms) <= 0) return {};
    const ssize_t got = recv(fd_.get(), datagram.data(), datagram.size(), 0);
    datagram.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return datagram;
  }

  [[nodiscard]] UniqueFd accept() const {
    pollfd waits{fd_.get(), POLLIN, 0};
    if (poll(&waits, 1, 10'000) <= 0) return {};
    return UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

/// Everything until the peer closes, or `enough` octets.
inline std::string read_stream(int fd, std::size_t enough = SIZE_MAX) {
  std::string result;
  char part[65536];
  while (result.size() < enough) {
    pollfd waits{fd, POLLIN, 0};
    if (poll(&waits, 1, 10'000) <= 0) break;
    const ssize_t got = read(fd, part, std::min(sizeof part, enough - result.size()));
    if (got <= 0) break;
    result.append(part, static_cast<std::size_t>(got));
  }
  return result;
}

}  // namespace weir::test
