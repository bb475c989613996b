// TxPort: a DPDK port to send to, for the traffic generator: EAL, one port, N transmit queues, threads to feed them.
//
// Buffers come from a pool whose data was zeroed once. The sender writes headers only, and drivers only read what they
// send, so the payload after the headers stays zero.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace weir::dpdk {

struct TxOptions {
  std::string program = "weir-gen";
  std::string device;
  unsigned queues = 1;
  unsigned threads = 1;
  std::vector<unsigned>
      cores;  ///< the first is the main thread's, the others the sending threads'; empty: one CPU for all
  unsigned largest_frame = 1514;  ///< octets of the longest frame that will be sent, without FCS
  std::string eal_arguments;
};

class TxPort {
 public:
  static constexpr std::size_t kBatch = 32;

  static tl::expected<std::unique_ptr<TxPort>, std::string> start(const TxOptions& options);
  TxPort(const TxPort&) = delete;
  TxPort& operator=(const TxPort&) = delete;
  ~TxPort();

  [[nodiscard]] const std::vector<std::string>& notices() const;
  [[nodiscard]] std::string driver() const;
  [[nodiscard]] bool link_up() const;

  /// Waits until the link is up and, on a memif, the peer has as many queues. Ends early when `stop` is set.
  tl::expected<void, std::string> await_peer(unsigned seconds, const std::atomic<bool>& stop);

  /// Up to kBatch buffers for `queue`, each zeros after what was last written to its front. They stay the queue's
  /// until they are sent; those that were not are the first of the next call. Empty: all buffers are in the device.
  std::span<std::uint8_t* const> buffers(unsigned queue);
  /// Sends the first octets.size() buffers with those lengths. Returns how many the device took; the others are the
  /// first of buffers(), contents included.
  std::size_t send(unsigned queue, std::span<const std::uint16_t> octets);

  /// Runs `body` on sending thread `thread`; join() waits for all of them.
  tl::expected<void, std::string> launch(unsigned thread, std::function<void()> body);
  void join();

  /// Waits until the peer has read everything (memif: the rings say so), or the device has had 500 ms. Returns the
  /// packets that the peer left in the rings, 0 in the normal case.
  std::uint64_t drain();

 private:
  struct Impl;
  explicit TxPort(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::dpdk
