#include "dataplane/input/psample_socket.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace weir {
namespace {

constexpr char kFamilyName[] = "psample";
constexpr char kGroupName[] = "packets";
/// Of the socket: some 4000 packets of full length. More than net.core.rmem_max only with CAP_NET_ADMIN.
constexpr int kReceiveOctets = 32 << 20;

struct Close {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, Close>;

std::string error_text(const std::string& what) {
  return "--input psample: " + what;
}
std::string system_error_text(const char* what) {
  return error_text(std::string(what) + ": " + std::strerror(errno));
}

using Take = std::function<void(const nlattr*)>;

int call_take(const nlattr* attribute, void* take) {
  (*static_cast<Take*>(take))(attribute);
  return MNL_CB_OK;
}

/// A group of CTRL_ATTR_MCAST_GROUPS: its number, if its name is that of the packets.
void read_group(const nlattr* group, PsampleFamily& family) {
  const nlattr* name = nullptr;
  const nlattr* number = nullptr;
  Take take = [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_MCAST_GRP_NAME) name = attribute;
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_MCAST_GRP_ID) number = attribute;
  };
  if (mnl_attr_parse_nested(group, call_take, &take) < 0 || name == nullptr || number == nullptr) return;
  if (mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0 || mnl_attr_validate(number, MNL_TYPE_U32) < 0) return;
  if (std::strcmp(mnl_attr_get_str(name), kGroupName) == 0) family.packets_group = mnl_attr_get_u32(number);
}

/// Asks for the family. 0: the answer is in `family`; else what the kernel, or a system call, has against it.
int ask_for_family(mnl_socket* socket, PsampleFamily& family) {
  std::vector<std::uint8_t> buffer(static_cast<std::size_t>(MNL_SOCKET_BUFFER_SIZE));
  nlmsghdr* const header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = GENL_ID_CTRL;
  header->nlmsg_flags = NLM_F_REQUEST;
  header->nlmsg_seq = 1;
  auto* const control = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header, sizeof(genlmsghdr)));
  control->cmd = CTRL_CMD_GETFAMILY;
  control->version = 1;
  mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, kFamilyName);
  if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return errno;
  for (;;) {
    const ssize_t octets = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) return errno;
    const std::span<const std::uint8_t> reply(buffer.data(), static_cast<std::size_t>(octets));
    if (const auto found = read_family(reply)) {
      family = *found;
      return 0;
    }
    nlmsghdr first{};
    if (reply.size() < sizeof first + sizeof(int)) return EBADMSG;
    std::memcpy(&first, reply.data(), sizeof first);
    if (first.nlmsg_type != NLMSG_ERROR) return EBADMSG;
    int code = 0;
    std::memcpy(&code, reply.data() + sizeof first, sizeof code);
    return code == 0 ? EBADMSG : -code;
  }
}

}  // namespace

std::optional<PsampleFamily> read_family(std::span<const std::uint8_t> reply) {
  // mnl wants messages at a multiple of 4, and to be told that they fit.
  std::vector<std::uint8_t> copy(reply.begin(), reply.end());
  const auto* const header = reinterpret_cast<const nlmsghdr*>(copy.data());
  // mnl_nlmsg_ok() takes a length of 2^31 and more for a negative one, which would fit.
  if (copy.size() < sizeof *header || copy.size() > INT32_MAX || header->nlmsg_len > copy.size() ||
      !mnl_nlmsg_ok(header, static_cast<int>(copy.size()))) {
    return std::nullopt;
  }
  if (header->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(header) < sizeof(genlmsghdr)) return std::nullopt;
  const auto* const control = static_cast<const genlmsghdr*>(mnl_nlmsg_get_payload(header));
  if (control->cmd != CTRL_CMD_NEWFAMILY) return std::nullopt;
  PsampleFamily family;
  Take take_group = [&](const nlattr* group) { read_group(group, family); };
  Take take = [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0) {
      family.number = mnl_attr_get_u16(attribute);
    } else if (mnl_attr_get_type(attribute) == CTRL_ATTR_MCAST_GROUPS) {
      (void)mnl_attr_parse_nested(attribute, call_take, &take_group);
    }
  };
  if (mnl_attr_parse(header, sizeof(genlmsghdr), call_take, &take) < 0 || family.number == 0) return std::nullopt;
  return family;
}

tl::expected<PsampleSocket, std::string> PsampleSocket::join() {
  const Socket asking(mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC));
  if (asking == nullptr) return tl::make_unexpected(system_error_text("netlink"));
  if (mnl_socket_bind(asking.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return tl::make_unexpected(system_error_text("netlink"));
  PsampleFamily family;
  if (const int error = ask_for_family(asking.get(), family); error == ENOENT) {
    return tl::make_unexpected(error_text(
        "this kernel has no psample: the module is not loaded; expected `modprobe psample`, and a filter that samples, "
        "as in `tc filter add dev eth0 ingress matchall action sample rate 100 group 1`"));
  } else if (error != 0) {
    return tl::make_unexpected(error_text(std::string("asking the kernel for psample: ") + std::strerror(error)));
  }
  if (!family.packets_group) {
    return tl::make_unexpected(
        error_text("psample of this kernel has no multicast group `packets`; expected Linux 4.11 or later"));
  }
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC));
  if (!fd.valid()) return tl::make_unexpected(system_error_text("netlink"));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveOctets, sizeof kReceiveOctets) != 0) {
    (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveOctets, sizeof kReceiveOctets);
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return tl::make_unexpected(system_error_text("bind"));
  }
  const std::uint32_t group = *family.packets_group;
  if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    if (errno == EPERM) {
      return tl::make_unexpected(
          error_text("joining the sampled packets is not permitted; expected root, or the capability CAP_NET_ADMIN"));
    }
    return tl::make_unexpected(system_error_text("joining the sampled packets"));
  }
  return PsampleSocket(std::move(fd), family.number);
}

int PsampleSocket::receive(std::span<mmsghdr> datagrams) {
  return recvmmsg(fd_.get(), datagrams.data(), static_cast<unsigned>(datagrams.size()), MSG_DONTWAIT, nullptr);
}

void PsampleSocket::wait(int patience_ms) {
  pollfd waiting{fd_.get(), POLLIN, 0};
  (void)poll(&waiting, 1, patience_ms);
}

}  // namespace weir
