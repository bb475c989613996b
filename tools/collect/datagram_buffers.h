// DatagramBuffers: where recvmmsg() puts a burst of datagrams, and who sent each.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "tools/collect/sockets.h"

namespace weir {

class DatagramBuffers {
 public:
  static constexpr unsigned kBurst = 32;
  static constexpr std::size_t kLongest = 65'536;  // more than any UDP payload

  DatagramBuffers() : octets_(kBurst * kLongest) {
    for (unsigned i = 0; i < kBurst; ++i) {
      vectors_[i] = {octets_.data() + i * kLongest, kLongest};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
      messages_[i].msg_hdr.msg_name = &senders_[i];
    }
  }

  /// Datagrams received, 0 when there are none.
  unsigned receive(int descriptor) {
    for (mmsghdr& message : messages_) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    const int count = ::recvmmsg(descriptor, messages_, kBurst, MSG_DONTWAIT, nullptr);
    return count > 0 ? static_cast<unsigned>(count) : 0;
  }
  [[nodiscard]] std::span<const std::uint8_t> datagram(unsigned i) const {
    return {octets_.data() + i * kLongest, messages_[i].msg_len};
  }
  /// The text of the sender's address. Bursts mostly have one sender, so the last text is kept.
  const std::string& exporter(unsigned i) {
    const socklen_t length = messages_[i].msg_hdr.msg_namelen;
    if (length != last_length_ || std::memcmp(&senders_[i], &last_sender_, length) != 0) {
      last_sender_ = senders_[i];
      last_length_ = length;
      last_text_ = socket_address_text(last_sender_, length);
    }
    return last_text_;
  }

 private:
  std::vector<std::uint8_t> octets_;
  iovec vectors_[kBurst] = {};
  mmsghdr messages_[kBurst] = {};
  sockaddr_storage senders_[kBurst] = {};
  sockaddr_storage last_sender_ = {};
  socklen_t last_length_ = 0;
  std::string last_text_;
};

}  // namespace weir
