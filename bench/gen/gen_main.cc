// weir-gen: the generator into a capture file, or paced onto a DPDK port, and the receipt at the end.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "bench/gen/capture_writer.h"
#include "bench/gen/gen_options.h"
#include "bench/gen/gen_report.h"
#include "bench/gen/generator.h"
#include "dataplane/dpdk/tx_port.h"

namespace weir::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
// Of every file that is written: 2023-11-14 22:13:20 UTC. A fixed time, so that the same options give the same file.
constexpr std::uint64_t kFileStartNs = 1'700'000'000 * kNsPerSecond;
constexpr unsigned kLinkSeconds = 10;

std::atomic<bool> stop{false};       // first signal: close the conversations
std::atomic<bool> abort_now{false};  // second signal: end at once

void on_signal(int /*number*/) {
  if (stop.exchange(true)) abort_now.store(true);
}

int fail(const std::string& text) {
  std::fprintf(stderr, "weir-gen: %s\n", text.c_str());
  return 1;
}

std::uint64_t ns_since(Clock::time_point start) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

// count x kNsPerSecond / rate without overflow.
std::uint64_t time_of(std::uint64_t count, std::uint64_t rate) {
  return count / rate * kNsPerSecond + count % rate * kNsPerSecond / rate;
}

// count x share / whole without overflow, for share up to 2^32 or so.
std::uint64_t proportion(std::uint64_t count, std::uint64_t share, std::uint64_t whole) {
  return count / whole * share + count % whole * share / whole;
}

// Part `index` of `total` in `parts` parts that differ by at most one.
std::uint64_t part(std::uint64_t total, std::uint64_t index, std::uint64_t parts) {
  return total / parts + (index < total % parts ? 1 : 0);
}

class Progress {
 public:
  Progress() : shown_(isatty(STDERR_FILENO) != 0) {}
  void show(std::uint64_t packets, double seconds) {
    if (!shown_) return;
    std::fprintf(stderr, "\r%7.1f s  %15llu packets  %12.0f packets/s ", seconds,
                 static_cast<unsigned long long>(packets), static_cast<double>(packets - before_) / (seconds - then_));
    before_ = packets;
    then_ = seconds;
    line_ = true;
  }
  void end() {
    if (line_) std::fprintf(stderr, "\n");
    line_ = false;
  }

 private:
  bool shown_;
  bool line_ = false;
  std::uint64_t before_ = 0;
  double then_ = 0;
};

int report(const GenOptions& options, const Receipt& receipt, Manifest& manifest, bool stalled) {
  const std::string text = options.json ? receipt_json(receipt) : receipt_text(receipt);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return fail("cannot write to standard output");
  if (receipt.totals.biflows < options.traffic.flows) {
    std::fprintf(stderr, "weir-gen: %llu of %llu biflows were sent%s\n",
                 static_cast<unsigned long long>(receipt.totals.biflows),
                 static_cast<unsigned long long>(options.traffic.flows),
                 receipt.refused == 0 ? ": a TCP conversation needs 6 packets" : ": the device refused the others");
  }
  if (const auto written = manifest.finish(); !written) return fail(written.error());
  if (stalled) return fail("the device took nothing for seconds: is the peer there, and does it read?");
  if (receipt.unread != 0) return fail("the peer did not read everything: see 'unread'");
  return 0;
}

int run_file(const GenOptions& options, Manifest& manifest) {
  auto writer = CaptureWriter::create(options.write);
  if (!writer) return fail(writer.error());
  Generator generator(options.traffic, [&manifest](const BiflowCount& biflow) {
    if (manifest.is_open()) manifest.add(biflow);
  });
  std::array<std::uint8_t, kMaxFrame> buffer{};
  const auto start = Clock::now();
  auto shown = start;
  Progress progress;
  std::uint64_t made = 0;
  std::uint64_t replaced = 0;
  constexpr std::uint64_t kLookEvery = 65536;
  for (Frame frame;;) {
    if (options.new_flows != 0) {
      const std::uint64_t due = proportion(made, options.new_flows, options.rate);
      generator.replace(due - replaced);
      replaced = due;
    }
    const Next next = generator.next(buffer.data(), frame);
    if (next == Next::done) break;
    // Every frame is committed at once, so there is never one to wait for.
    writer->write(buffer.data(), frame.octets, kFileStartNs + time_of(made, options.rate));
    generator.commit(frame, true);
    generator.commit_batch();
    if (++made % kLookEvery != 0) continue;
    if (abort_now.load() || writer->failed()) break;
    if (stop.load()) generator.close();
    if (Clock::now() - shown >= std::chrono::seconds(1)) {
      shown = Clock::now();
      progress.show(made, static_cast<double>(ns_since(start)) / 1e9);
    }
  }
  progress.end();
  generator.finish();
  if (const auto written = writer->finish(); !written) return fail(written.error());
  Receipt receipt;
  receipt.totals = generator.totals();
  receipt.seconds = static_cast<double>(ns_since(start)) / 1e9;
  return report(options, receipt, manifest, false);
}

// How long the device may take nothing before a paced sender gives up; less once it was asked to stop.
constexpr std::uint64_t kStallNs = 5 * kNsPerSecond;
constexpr std::uint64_t kRefusedPauseNs = 200'000;
constexpr std::uint64_t kStoppedStallNs = kNsPerSecond / 2;

// One transmit queue: its part of the biflows, of the rate and of the packets.
class Sender {
 public:
  Sender(dpdk::TxPort& port, unsigned queue, const GenOptions& options, Manifest& manifest)
      : port_(port),
        queue_(queue),
        rate_(options.rate == 0 ? 0 : std::max<std::uint64_t>(1, part(options.rate, queue, options.queues))),
        new_flows_(part(options.new_flows, queue, options.queues)),
        limit_ns_(options.rate == 0 ? static_cast<std::uint64_t>(options.duration_s * 1e9) : 0),
        generator_(traffic(options, queue), [&manifest](const BiflowCount& biflow) {
          if (manifest.is_open()) manifest.add(biflow);
        }) {}

  void start(Clock::time_point now) { start_ = now; }

  // One batch at most. Returns for how many ns there is nothing to do, or kDone.
  static constexpr std::uint64_t kDone = UINT64_MAX;
  std::uint64_t turn() {
    if (done_ && pending_ == 0) return kDone;
    if (abort_now.load(std::memory_order_relaxed)) {
      give_up();
      done_ = true;
      return kDone;
    }
    const std::uint64_t now = ns_since(start_);
    if (stop.load(std::memory_order_relaxed) || (limit_ns_ != 0 && now >= limit_ns_)) generator_.close();
    if (pending_ == 0) {
      progress_ns_ = now;
      const std::size_t room = rate_ == 0 ? dpdk::TxPort::kBatch : due(now);
      if (room == 0) {
        const std::uint64_t next = time_of(made_ + 1, rate_) + shift_ns_;
        return next > now ? next - now : 0;  // 0: behind, and not allowed to be faster than it is
      }
      make(room, now);
      if (pending_ == 0) return done_ ? kDone : 0;
    } else if (now < again_ns_) {
      return again_ns_ - now;
    } else {
      retried_.store(retried_.load(std::memory_order_relaxed) + pending_, std::memory_order_relaxed);
    }
    const std::size_t sent = port_.send(queue_, {octets_.data() + first_, pending_});
    for (std::size_t i = 0; i < sent; ++i) generator_.commit(frames_[first_ + i], true);
    first_ += sent;
    pending_ -= sent;
    sent_.store(sent_.load(std::memory_order_relaxed) + sent, std::memory_order_relaxed);
    if (sent != 0) progress_ns_ = now;
    if (pending_ != 0 && rate_ == 0) give_up();
    // A peer that has stopped reading would keep a paced sender for ever.
    if (pending_ != 0 && now - progress_ns_ > (stop.load(std::memory_order_relaxed) ? kStoppedStallNs : kStallNs)) {
      give_up();
      stalled_ = true;
      done_ = true;
    }
    if (pending_ == 0) generator_.commit_batch();
    // A full ring of 1024 lasts the reader 70 us even at 14.88 Mpps. Offering again at once would only take the CPU
    // from a thread that shares it, perhaps the reader.
    if (sent != 0 || pending_ == 0) return 0;
    again_ns_ = now + kRefusedPauseNs;
    return kRefusedPauseNs;
  }

  [[nodiscard]] std::uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool stalled() const { return stalled_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t retried() const { return retried_.load(std::memory_order_relaxed); }
  Totals finish() {
    generator_.finish();
    return generator_.totals();
  }

 private:
  static GeneratorOptions traffic(const GenOptions& options, unsigned queue) {
    GeneratorOptions result = options.traffic;
    result.flows = part(options.traffic.flows, queue, options.queues);
    if (result.packets != 0) result.packets = part(options.traffic.packets, queue, options.queues);
    result.first_serial = queue;
    result.serial_step = options.queues;
    return result;
  }

  // Packets that should have been sent by now and were not, at most a batch. After a stall the generator makes up at
  // most 10 ms of traffic, at 125 % of its rate: a burst at full speed would measure the length of the receiver's ring.
  std::size_t due(std::uint64_t now) {
    constexpr std::uint64_t kCatchUpNs = 10'000'000;
    constexpr std::uint64_t kMostCredit = dpdk::TxPort::kBatch * kNsPerSecond;
    const std::uint64_t next = time_of(made_, rate_) + shift_ns_;
    if (now > next + kCatchUpNs) shift_ns_ += now - next - kCatchUpNs;
    const std::uint64_t should = proportion(now - std::min(now, shift_ns_), rate_, kNsPerSecond);
    credit_ = std::min(kMostCredit, credit_ + std::min(now - credit_ns_, kMostCredit / rate_ + 1) * rate_ / 4 * 5);
    credit_ns_ = now;
    if (should <= made_) return 0;
    const std::uint64_t room = std::min(should - made_, credit_ / kNsPerSecond);
    credit_ -= room * kNsPerSecond;
    return static_cast<std::size_t>(room);
  }

  void make(std::size_t room, std::uint64_t now) {
    if (new_flows_ != 0) {
      // By packets where there is a rate, so that the traffic depends on the seed alone.
      const std::uint64_t wanted =
          rate_ != 0 ? proportion(made_, new_flows_, rate_) : proportion(now, new_flows_, kNsPerSecond);
      generator_.replace(wanted - replaced_);
      replaced_ = wanted;
    }
    const auto buffers = port_.buffers(queue_);
    room = std::min(room, buffers.size());
    first_ = 0;
    while (pending_ < room) {
      const Next next = generator_.next(buffers[pending_], frames_[pending_]);
      if (next == Next::done) done_ = true;
      if (next != Next::frame) break;
      octets_[pending_] = frames_[pending_].octets;
      ++pending_;
    }
    made_ += pending_;
  }

  void give_up() {
    for (std::size_t i = 0; i < pending_; ++i) generator_.commit(frames_[first_ + i], false);
    refused_ += pending_;
    pending_ = 0;
    generator_.commit_batch();
  }

  dpdk::TxPort& port_;
  unsigned queue_;
  std::uint64_t rate_;
  std::uint64_t new_flows_;
  std::uint64_t limit_ns_;
  Generator generator_;
  std::array<Frame, dpdk::TxPort::kBatch> frames_{};
  std::array<std::uint16_t, dpdk::TxPort::kBatch> octets_{};
  std::size_t first_ = 0;    ///< of frames_ that is not sent
  std::size_t pending_ = 0;  ///< frames from first_ on that were made and not sent
  std::uint64_t made_ = 0;
  std::uint64_t replaced_ = 0;
  std::uint64_t shift_ns_ = 0;   ///< by how much the schedule was put off
  std::uint64_t credit_ = 0;     ///< packets that may be sent now, times 10^9
  std::uint64_t credit_ns_ = 0;  ///< when it was counted
  Clock::time_point start_;
  bool done_ = false;
  bool stalled_ = false;
  std::uint64_t again_ns_ = 0;     ///< when a refused batch is offered again
  std::uint64_t progress_ns_ = 0;  ///< when the device last took something, or had nothing to take
  std::uint64_t refused_ = 0;
  std::atomic<std::uint64_t> sent_{0};     ///< read by the progress line
  std::atomic<std::uint64_t> retried_{0};  ///< likewise
};

void send_all(const std::vector<Sender*>& senders) {
  // Sleeping is worth it from here on; below, the clock is polled.
  constexpr std::uint64_t kSleepFromNs = 200'000;
  constexpr std::uint64_t kWakeEarlyNs = 80'000;
  constexpr std::uint64_t kLongestSleepNs = 100'000'000;
  for (;;) {
    std::uint64_t idle = Sender::kDone;
    for (Sender* sender : senders) idle = std::min(idle, sender->turn());
    if (idle == Sender::kDone) return;
    if (idle >= kSleepFromNs) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(idle - kWakeEarlyNs, kLongestSleepNs)));
    }
  }
}

int run_port(const GenOptions& options, Manifest& manifest) {
  dpdk::TxOptions tx;
  tx.device = options.port;
  tx.queues = options.queues;
  tx.cores = options.cores;
  tx.threads = std::clamp<unsigned>(static_cast<unsigned>(options.cores.size()), 2, options.queues + 1) - 1;
  tx.largest_frame = (options.traffic.size == 0 ? kImixSizes.back() : options.traffic.size) - kFcsOctets;
  tx.eal_arguments = options.eal;
  auto port = dpdk::TxPort::start(tx);
  if (!port) return fail(port.error());
  for (const std::string& notice : (*port)->notices()) std::fprintf(stderr, "weir-gen: %s\n", notice.c_str());

  std::vector<std::unique_ptr<Sender>> senders;
  for (unsigned queue = 0; queue < options.queues; ++queue) {
    senders.push_back(std::make_unique<Sender>(**port, queue, options, manifest));
  }
  if (const auto ready = (*port)->await_peer(kLinkSeconds, stop); !ready) return fail(ready.error());

  std::atomic<unsigned> running{tx.threads};
  const auto start = Clock::now();
  for (const auto& sender : senders) sender->start(start);
  for (unsigned thread = 0; thread < tx.threads; ++thread) {
    std::vector<Sender*> own;
    for (unsigned queue = thread; queue < options.queues; queue += tx.threads) own.push_back(senders[queue].get());
    const auto launched = (*port)->launch(thread, [own, &running] {
      send_all(own);
      running.fetch_sub(1);
    });
    if (!launched) {
      abort_now.store(true);
      (*port)->join();
      return fail(launched.error());
    }
  }
  Progress progress;
  auto shown = start;
  while (running.load() != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (Clock::now() - shown < std::chrono::seconds(1)) continue;
    shown = Clock::now();
    std::uint64_t sent = 0;
    for (const auto& sender : senders) sent += sender->sent();
    progress.show(sent, static_cast<double>(ns_since(start)) / 1e9);
  }
  (*port)->join();
  Receipt receipt;
  receipt.seconds = static_cast<double>(ns_since(start)) / 1e9;
  progress.end();
  bool stalled = false;
  for (const auto& sender : senders) stalled |= sender->stalled();
  const bool peer_left = !(*port)->link_up();
  receipt.unread = (*port)->drain();
  for (const auto& sender : senders) {
    const Totals totals = sender->finish();
    receipt.totals.packets += totals.packets;
    receipt.totals.octets += totals.octets;
    receipt.totals.frame_octets += totals.frame_octets;
    receipt.totals.flows += totals.flows;
    receipt.totals.biflows += totals.biflows;
    receipt.refused += sender->refused();
    receipt.retried += sender->retried();
  }
  senders.clear();
  port->reset();
  const int code = report(options, receipt, manifest, stalled);
  if (code == 0 && peer_left) return fail("the link went down before the end: what was sent last may be lost");
  return code;
}

int run(int argc, char** argv) {
  int exit_code = 0;
  const auto options = read_options(argc, argv, exit_code);
  if (!options) return exit_code;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  Manifest manifest;
  if (!options->manifest.empty()) {
    if (const auto opened = Manifest::open(manifest, options->manifest); !opened) return fail(opened.error());
  }
  return options->write.empty() ? run_port(*options, manifest) : run_file(*options, manifest);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  try {
    return weir::bench::run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("weir-gen: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir-gen: %s\n", error.what());
  }
  return 1;
}
