// KafkaFaults: why a broker cannot be reached, in one line that says what to do where that is known.
//
// librdkafka says it in sentences of its own, which name settings that weir does not have. Of a certificate it says
// that the verification failed, and not why; so it asks here, in its own threads, what to think of each certificate.
// The answer is always OpenSSL's verdict, which is kept for the error that follows.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace weir {

class KafkaFaults {
 public:
  /// Any thread. `verdict`: OpenSSL's on the certificate that `broker` (HOST:PORT) shows, 0: it is good. true: it is
  /// believed.
  bool judge(std::string_view broker, int verdict);
  /// `reason`: what librdkafka says. Without control characters, and no longer than 300 bytes.
  std::string text_of(std::string_view reason);

 private:
  std::string text_of(std::string_view broker, std::string_view reason);

  std::mutex mutex_;
  std::string judged_;       ///< the broker whose certificate was last found wrong; empty: none
  std::string certificate_;  ///< what is wrong with it
};

}  // namespace weir
