// weir-bench: Google Benchmark with a help text of its own and the facts of the machine in the context of every report.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "bench/frames.h"
#include "bench/meter_rig.h"
#include "bench/poll_times.h"

namespace {

constexpr char kHelp[] = R"(Usage: weir-bench [OPTION]...

Measures weir's parts and the whole worker loop. Every benchmark's name begins with its subject:
  pipeline… limit…   packets through the whole worker loop, and what memory allows for the same work
  table/…            the flow table beside rte_hash, oneTBB and the standard library
  wheel/ ring/ rx/   timers, the record ring, receiving from a DPDK device
  parse/ encode/     one packet, one record
  export/            records through an exporter; export/whole: from the ring to the socket
  query/             flows copied for who asks, and what that costs the whole worker loop
  handover/          packets that one worker receives and another one counts
  metric/            what a metric of payload does for an event: on the worker, handed over, on the control side

Options:
  --benchmark_list_tests             names only
  --benchmark_filter=REGEX           those whose name matches; -REGEX: those whose name does not
  --benchmark_min_time=SECONDS       at least so long each (default 0.5)
  --benchmark_repetitions=N          each N times, then mean, median and deviation
  --benchmark_report_aggregates_only=true
  --benchmark_format=console|json|csv
  --benchmark_out=FILE --benchmark_out_format=json|console|csv
  --benchmark_counters_tabular=true
  --smoke                            every benchmark for a moment at its least size, to see that it runs; the figures
                                     mean nothing; exit code 1 if one does not run
  --version, --help

items_per_second is packets, look-ups or records. Compare by CPU time and by the ratio of two benchmarks of one run.
flows:10000000 needs up to 8 GB of memory and is left out where there is not as much. Huge pages halve the cost of a
miss: tools/bench asks for them, runs everything and writes a report.
)";

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

/// The console's report, and whether a benchmark said that it could not run.
class Reporter final : public benchmark::ConsoleReporter {
 public:
  explicit Reporter(OutputOptions options) : ConsoleReporter(options) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) failed_ |= run.error_occurred;
    ConsoleReporter::ReportRuns(runs);
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool failed_ = false;
};

// 10 000 flows at most, and no table sized for ten million: less than a gigabyte and a few seconds.
constexpr char kSmokeFilter[] = "-:1000000|:10000000";

int smoke() {
  weir::bench::use_few_frames();
  std::string program = "weir-bench";
  std::string time = "--benchmark_min_time=0.001";
  std::vector<char*> arguments{program.data(), time.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments.data());
  Reporter reporter(benchmark::ConsoleReporter::OO_None);
  if (benchmark::RunSpecifiedBenchmarks(&reporter, kSmokeFilter) == 0) return 1;
  return reporter.failed() ? 1 : 0;
}

int run(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (argument == "--version") {
      std::puts("weir-bench " WEIR_VERSION);
      return 0;
    }
    if (argument == "--smoke") return smoke();
  }
  benchmark::Initialize(&argc, argv);
  if (argc > 1) {
    std::fprintf(stderr, "weir-bench: unknown option '%s' (--help shows the options)\n", argv[1]);
    return 2;
  }
  benchmark::AddCustomContext("cpu", cpu_model());
  benchmark::AddCustomContext("huge_pages_2m", first_line("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"));
  benchmark::AddCustomContext("transparent_huge_pages", first_line("/sys/kernel/mm/transparent_hugepage/enabled"));
  benchmark::AddCustomContext("tsc_ghz", fmt::format("{:.3f}", 1 / weir::bench::tsc_ns()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  weir::bench::drop_fixture();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("weir-bench: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir-bench: %s\n", error.what());
  }
  return 1;
}
