// PsampleSocket: where the messages of the kernel's packet sampler come in: a netlink socket that has joined its group
// of packets. PsampleDatagrams is the seam by which a test takes the kernel's place.
//
// Family and group have numbers that the kernel gives out when the module is loaded, so they are asked for by name
// (CTRL_CMD_GETFAMILY). Who joins in another network namespace than the sampled interfaces hears nothing: every
// namespace has packets of its own.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "proto/base/unique_fd.h"

namespace weir {

/// What the kernel says of psample.
struct PsampleFamily {
  std::uint16_t number = 0;                      ///< nlmsg_type of its messages
  std::optional<std::uint32_t> packets_group{};  ///< multicast group; nothing: it has none of this name
};

/// Reads the reply to CTRL_CMD_GETFAMILY: a netlink message with its header. Nothing: it is none.
std::optional<PsampleFamily> read_family(std::span<const std::uint8_t> reply);

/// Datagrams of netlink messages.
class PsampleDatagrams {
 public:
  PsampleDatagrams() = default;
  PsampleDatagrams(const PsampleDatagrams&) = delete;
  PsampleDatagrams& operator=(const PsampleDatagrams&) = delete;
  virtual ~PsampleDatagrams() = default;

  /// As recvmmsg() that does not wait: how many came, or -1 and errno. ENOBUFS: some were lost.
  virtual int receive(std::span<mmsghdr> datagrams) = 0;
  /// Waits until one is there, at most `patience_ms`.
  virtual void wait(int patience_ms) = 0;
};

class PsampleSocket final : public PsampleDatagrams {
 public:
  /// Asks the kernel for psample and joins. Error: one line.
  static tl::expected<PsampleSocket, std::string> join();
  /// A socket that is joined already, or stands in for one.
  PsampleSocket(UniqueFd fd, std::uint16_t family) : fd_(std::move(fd)), family_(family) {}
  PsampleSocket(PsampleSocket&& other) noexcept : fd_(std::move(other.fd_)), family_(other.family_) {}

  [[nodiscard]] std::uint16_t family() const { return family_; }
  int receive(std::span<mmsghdr> datagrams) override;
  void wait(int patience_ms) override;

 private:
  UniqueFd fd_;
  std::uint16_t family_;
};

}  // namespace weir
