// FloodWatch: warns of a suspected hash-flooding attack: many keys for one place of the flow index, which happens only
// if an attacker knows the hash seed.
//
// By chance, one of 10000 insertions into a full table is put four or more cache lines after its place (bucket_index.h
// has the measurement), and hardly any into a table that is half full. Under an attack, 40 keys for one place fill the
// four lines, and nearly every further insertion is far. The two differ by a factor of 10000; the watch raises its flag
// at one in a hundred, the middle, and only from kLeast far insertions on, so that a few far keys in a quiet second
// raise nothing: with 6400 insertions in a second that takes 64 far ones, where 0.64 are expected.
//
// The flag stays for a minute after the last such second, so that whoever looks now and then sees it.
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
