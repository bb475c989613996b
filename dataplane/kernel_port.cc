#include "dataplane/kernel_port.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

struct ShortForm {
  std::string_view prefix;
  std::string_view driver;
};
/// By KernelPort::Kind.
constexpr auto kForms =
    std::to_array<ShortForm>({{"af_packet:", "net_af_packet"}, {"af_xdp:", "net_af_xdp"}, {"tap:", "net_tap"}});

constexpr std::size_t kMostNameOctets = 15;  // IFNAMSIZ less the octet 0

const ShortForm& form_of(KernelPort::Kind kind) {
  return kForms[static_cast<std::size_t>(kind)];
}

/// Adds "key=value", unless the user's arguments have the key.
void add(std::string& device, const std::string& arguments, const std::string& key, const std::string& value) {
  const std::string all = "," + arguments;
  if (all.find("," + key + "=") == std::string::npos) device.append(",").append(key).append("=").append(value);
}

}  // namespace

std::string KernelPort::name() const {
  return std::string(form_of(kind).prefix) + interface;
}

std::string KernelPort::device_name() const {
  return std::string(form_of(kind).driver) + "_" + interface;
}

std::string KernelPort::device(unsigned workers) const {
  std::string device = device_name();
  add(device, arguments, "iface", interface);
  const std::string queues = std::to_string(workers);
  switch (kind) {
    case Kind::af_packet:
      // A ring of 4096 frames per queue, as weir gives a NIC: the driver's own default is 512. With several queues the
      // driver joins its sockets to a fanout group, which spreads packets by the kernel's symmetric hash.
      add(device, arguments, "qpairs", queues);
      add(device, arguments, "framecnt", "4096");
      break;
    case Kind::af_xdp:
      add(device, arguments, "start_queue", "0");
      add(device, arguments, "queue_count", queues);
      break;
    case Kind::tap:
      break;
  }
  if (!arguments.empty()) device.append(",").append(arguments);
  return device;
}

bool is_kernel_port(std::string_view text) {
  return std::any_of(kForms.begin(), kForms.end(),
                     [&](const ShortForm& form) { return text.starts_with(form.prefix); });
}

std::optional<KernelPort> parse_kernel_port(std::string_view text) {
  for (std::size_t i = 0; i < kForms.size(); ++i) {
    if (!text.starts_with(kForms[i].prefix)) continue;
    const std::string_view rest = text.substr(kForms[i].prefix.size());
    const std::string_view interface = rest.substr(0, rest.find(','));
    if (interface.empty() || interface.size() > kMostNameOctets) return std::nullopt;
    if (interface.find_first_of(" \t\n/:=") != std::string_view::npos) return std::nullopt;
    KernelPort port;
    port.kind = static_cast<KernelPort::Kind>(i);
    port.interface = interface;
    if (interface.size() < rest.size()) port.arguments = rest.substr(interface.size() + 1);
    return port;
  }
  return std::nullopt;
}

std::string device_of_port(const std::string& text, unsigned workers) {
  const auto port = parse_kernel_port(text);
  return port ? port->device(workers) : text;
}

}  // namespace weir
