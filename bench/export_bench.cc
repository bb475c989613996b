// export/…: FlowRecords per second through the export side: queue, encoder and kernel, to a loopback socket whose
// reader is too slow (what the socket drops was sent) or to a file that is overwritten.
//
// One exporter thread does the work; the offering thread only hands over ready batches. CPU time is that of both
// threads; compare wall time.
//
// export/whole/…: the whole control side, from a worker's ring through the drain and a queue to the socket or file. The
// benchmark's thread plays the worker. The rate is by the CPU time of all threads together, start and orderly end
// included: what one core can do.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "control/export/export_hub.h"
#include "control/export/export_queue.h"
#include "control/record_drain.h"
#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/unique_fd.h"

namespace weir::bench {
namespace {

constexpr std::size_t kBatch = 4096;
constexpr std::size_t kBurst = 64;
constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;

std::shared_ptr<const RecordBatch> make_batch() {
  auto batch = std::make_shared<RecordBatch>();
  for (std::size_t i = 0; i < kBatch; ++i) {
    FlowRecord record{};
    store_be<std::uint32_t>(record.source_address, static_cast<std::uint32_t>(0x0a000000 + i));
    store_be<std::uint32_t>(record.destination_address, 0xc0000201);
    record.ports[kForward] = static_cast<std::uint16_t>(i);
    record.ports[kReverse] = 443;
    record.protocol = kProtocolTcp;
    record.ip_version = 4;
    record.ether_type = kEtherTypeIpv4;
    record.packets[kForward] = 10;
    record.octets[kForward] = 5000;
    record.first_ns[kForward] = kStartNs + i * 1000;
    record.last_ns[kForward] = kStartNs + i * 1000 + 500;
    record.sampling_rate = 1;
    record.end_reason = EndReason::idle_timeout;
    batch->append(record);
  }
  return batch;
}

/// As a worker does it, which publishes once per burst.
void push(RecordRing& ring, RecordView record, bool publish) {
  RingLine* line = ring.claim(record.lines());
  while (line == nullptr) {
    ring.publish();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    line = ring.claim(record.lines());
  }
  std::memcpy(line, record.octets(), record.size());
  ring.commit(record.lines());
  if (publish) ring.publish();
}

/// Half a million records from a ring to where `uri` says, in every iteration.
void run_whole(benchmark::State& state, const std::string& uri) {
  constexpr std::size_t kRecords = 500'000;
  const std::shared_ptr<const RecordBatch> batch = make_batch();
  std::uint64_t exported = 0;
  for ([[maybe_unused]] const auto _ : state) {
    auto hub = ExportHub::open({uri}, {});
    if (!hub) {
      state.SkipWithError(hub.error().c_str());
      return;
    }
    RecordRing ring(ring_lines(std::size_t{1} << 16));
    {
      RecordDrain drain({&ring}, **hub, true);  // waits for the exporter, as an orderly end does
      for (std::size_t i = 0; i < kRecords; ++i) {
        push(ring, (*batch)[i % kBatch], i % kBurst == kBurst - 1 || i + 1 == kRecords);
      }
      drain.finish();
    }
    static_cast<void>((*hub)->finish(std::chrono::seconds(30)));
    exported += (*hub)->snapshot()[0].exported.records;
  }
  if (exported != static_cast<std::uint64_t>(state.iterations()) * kRecords) {
    state.SkipWithError("not everything was exported");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(exported));
}

/// Offers batches until they have left; counts records a second.
void run(benchmark::State& state, const std::string& uri) {
  ExportContext context;
  context.mode = ExportMode::capture;  // waits for room instead of losing
  context.capture_start_ns = kStartNs;
  const std::shared_ptr<const RecordBatch> batch = make_batch();
  context.queue_octets = 2 * ExportQueue::octets_of(*batch);  // what has not left when the time ends is two batches
  auto hub = ExportHub::open({uri}, context);
  if (!hub) {
    state.SkipWithError(hub.error().c_str());
    return;
  }
  for ([[maybe_unused]] const auto _ : state) (*hub)->offer(batch, true);
  static_cast<void>((*hub)->finish(std::chrono::seconds(30)));
  const ExporterSnapshot snapshot = (*hub)->snapshot()[0];
  if (snapshot.exported.records != static_cast<std::uint64_t>(state.iterations()) * kBatch) {
    state.SkipWithError("not everything was exported");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(snapshot.exported.records));
}

using Run = void (*)(benchmark::State&, const std::string&);

void to_udp(benchmark::State& state, const char* scheme, Run run_one) {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    state.SkipWithError("no socket on loopback");
  } else {
    run_one(state, std::string(scheme) + "://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  }
}

void to_file(benchmark::State& state, const char* scheme, const char* options, Run run_one) {
  std::string folder = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    state.SkipWithError("no temporary folder");
    return;
  }
  run_one(state, std::string(scheme) + ":" + folder + "/flows" + options);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

BENCHMARK_CAPTURE(to_udp, netflow9, "netflow9", run)->Name("export/netflow9")->UseRealTime();
BENCHMARK_CAPTURE(to_udp, ipfix, "ipfix", run)->Name("export/ipfix")->UseRealTime();
BENCHMARK_CAPTURE(to_udp, netflow5, "netflow5", run)->Name("export/netflow5")->UseRealTime();
BENCHMARK_CAPTURE(to_file, protobuf, "protobuf", "", run)->Name("export/protobuf_file")->UseRealTime();
BENCHMARK_CAPTURE(to_file, zstd, "protobuf", "?compression=zstd", run)
    ->Name("export/protobuf_file_zstd")
    ->UseRealTime();
BENCHMARK_CAPTURE(to_udp, whole_netflow9, "netflow9", run_whole)
    ->Name("export/whole/netflow9")
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(to_udp, whole_ipfix, "ipfix", run_whole)->Name("export/whole/ipfix")->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(to_file, whole_protobuf, "protobuf", "", run_whole)
    ->Name("export/whole/protobuf_file")
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(to_file, whole_json, "json", "", run_whole)->Name("export/whole/json_file")->MeasureProcessCPUTime();

}  // namespace
}  // namespace weir::bench
