#include "proto/base/time_text.h"

#include <ctime>

namespace weir {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

void append_digits(std::string& out, std::uint64_t value, int digits) {
  char text[20];
  for (int i = digits - 1; i >= 0; --i, value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out.append(text, static_cast<std::size_t>(digits));
}

}  // namespace

std::string iso_time(std::uint64_t time_ns, unsigned decimals) {
  const auto seconds = static_cast<std::time_t>(time_ns / kNsPerSecond);
  std::tm utc{};
  gmtime_r(&seconds, &utc);  // 64 bits of ns end in the year 2554
  std::string text;
  append_digits(text, static_cast<std::uint64_t>(utc.tm_year) + 1900, 4);
  text += '-';
  append_digits(text, static_cast<std::uint64_t>(utc.tm_mon) + 1, 2);
  text += '-';
  append_digits(text, static_cast<std::uint64_t>(utc.tm_mday), 2);
  text += 'T';
  append_digits(text, static_cast<std::uint64_t>(utc.tm_hour), 2);
  text += ':';
  append_digits(text, static_cast<std::uint64_t>(utc.tm_min), 2);
  text += ':';
  append_digits(text, static_cast<std::uint64_t>(utc.tm_sec), 2);
  if (decimals != 0) {
    std::uint64_t fraction = time_ns % kNsPerSecond;
    for (unsigned i = decimals; i < 9; ++i) fraction /= 10;
    text += '.';
    append_digits(text, fraction, static_cast<int>(decimals));
  }
  text += 'Z';
  return text;
}

std::string time_text(std::uint64_t time_ns) {
  std::string text = iso_time(time_ns, 3);
  text[text.find('T')] = ' ';
  text.pop_back();
  return text;
}

}  // namespace weir
