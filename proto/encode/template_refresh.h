// TemplateRefresh: when templates are to be sent again.
//
// Over UDP nobody says whether they arrived, so they are repeated by time and by number of messages (RFC 3954 section
// 9, RFC 7011 section 8.4): a collector that starts late, or that lost them, reads data within one refresh.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

class TemplateRefresh {
 public:
  TemplateRefresh(std::uint64_t period_ns, std::uint32_t messages)
      : period_ns_(period_ns), messages_(std::max(messages, 1U)) {}

  void want() { wanted_ = true; }
  [[nodiscard]] bool due(std::uint64_t now_ns) const {
    return wanted_ || since_ >= messages_ || now_ns < sent_ns_ /* the clock was set back */ ||
           now_ns - sent_ns_ >= period_ns_;
  }
  void sent(std::uint64_t now_ns) {
    wanted_ = false;
    sent_ns_ = now_ns;
    since_ = 0;
    ++times_;
  }
  void count_message() { ++since_; }
  /// How often they were sent.
  [[nodiscard]] std::uint64_t times() const { return times_; }

 private:
  std::uint64_t period_ns_;
  std::uint32_t messages_;
  bool wanted_ = true;
  std::uint64_t sent_ns_ = 0;
  std::uint32_t since_ = 0;
  std::uint64_t times_ = 0;
};

}  // namespace weir
