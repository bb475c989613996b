#include "control/export/kafka_faults.h"

#include <fmt/format.h>

#include "control/export/tls_client.h"

namespace weir {

bool KafkaFaults::judge(std::string_view broker, int verdict) {
  if (verdict == 0) return true;
  const std::lock_guard lock(mutex_);
  judged_ = broker;
  certificate_ = certificate_fault(verdict, std::string(broker.substr(0, broker.rfind(':'))));
  return false;
}

/// `reason` as librdkafka words it: "ssl://HOST:PORT/ID: TEXT (after 2ms in state CONNECT)".
std::string KafkaFaults::text_of(std::string_view reason) {
  reason = reason.substr(0, reason.rfind(" (after "));
  const std::size_t scheme = reason.find("://");
  if (scheme < reason.find(": ")) reason.remove_prefix(scheme + 3);
  const std::size_t colon = reason.find(": ");
  std::string text(reason);
  if (colon != std::string_view::npos) {
    const std::string_view node = reason.substr(0, colon);
    text = text_of(node.substr(0, node.rfind('/')), reason.substr(colon + 2));
  }
  constexpr std::size_t kMost = 300;
  if (text.size() > kMost) text.resize(kMost);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string KafkaFaults::text_of(std::string_view broker, std::string_view reason) {
  const auto says = [&](std::string_view what) { return reason.find(what) != std::string_view::npos; };
  if (says("certificate verify failed")) {
    const std::lock_guard lock(mutex_);
    if (judged_ == broker) return fmt::format("the certificate of {} {}", broker, certificate_);
  }
  if (says("alert certificate required")) return fmt::format("{} wants a certificate: give cert= and key=", broker);
  if (says("alert unknown ca")) return fmt::format("{} does not believe the certificate of cert=", broker);
  if (says("PLAINTEXT broker listener")) {
    return fmt::format("{} does not speak TLS: give the port where it does, or kafka://", broker);
  }
  if (says("security.protocol")) return fmt::format("{} closed the connection: it may want kafka+tls://", broker);
  constexpr std::string_view kFailed = " failed: ";
  const std::size_t failed = reason.find(kFailed);
  if (reason.starts_with("Connect to ") && failed != std::string_view::npos) {
    reason.remove_prefix(failed + kFailed.size());
  }
  return fmt::format("{}: {}", broker, reason);
}

}  // namespace weir
