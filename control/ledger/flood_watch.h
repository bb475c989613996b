// FloodWatch: do keys crowd in one place of the flow index, as only somebody brings about who knows the hash's seed?
//
// What chance makes: of 10000 insertions into a full table one is put four or more cache lines behind its place
// (bucket_index.h has the measurement), into a table that is half full hardly any. What an attack makes: 40 keys for
// one place fill the four lines, and every further one is far, so nearly all insertions are. Between the two lies a
// factor of 10000; the watch raises its flag at one in a hundred, the middle, and from kLeast on, so that a quiet
// second with a few far keys says nothing: with 6400 insertions in a second and one far in 10^4, 64 where 0.64 are
// expected.
//
// The flag stays for a minute after the last such second, so that who looks every now and then sees it.
#pragma once

#include <cstdint>

namespace weir {

class FloodWatch {
 public:
  static constexpr std::uint64_t kLeast = 64;  ///< far insertions between two looks
  static constexpr std::uint64_t kOneIn = 100;
  static constexpr double kStaysSeconds = 60;

  /// All workers together, since the start.
  struct Sample {
    std::uint64_t flows_created = 0;
    std::uint64_t far_inserts = 0;
    std::uint64_t longest_probe = 0;
  };
  struct Report {
    bool suspected = false;
    std::uint64_t far_inserts = 0;
    std::uint64_t recent = 0;  ///< between the last two looks
    std::uint32_t longest_probe = 0;
  };

  /// Once a second. True: the flag was just raised.
  bool look(const Sample& now, double uptime_s) {
    const std::uint64_t created = now.flows_created - last_.flows_created;
    const std::uint64_t far = now.far_inserts - last_.far_inserts;
    const bool was = report_.suspected;
    if (far >= kLeast && far > created / kOneIn) raised_s_ = uptime_s;
    last_ = now;
    report_ = {raised_s_ >= 0 && uptime_s - raised_s_ < kStaysSeconds, now.far_inserts, far,
               static_cast<std::uint32_t>(now.longest_probe)};
    return report_.suspected && !was;
  }
  [[nodiscard]] const Report& report() const { return report_; }

 private:
  Sample last_;
  Report report_;
  double raised_s_ = -1;
};

}  // namespace weir
