#include "control/http_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "proto/base/http1.h"
#include "proto/record/fields.h"

namespace weir {
namespace {

using std::string_view;
using Text = HttpSection::Text;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

string_view trimmed(string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// A line, and whether all of it is there.
struct Line {
  string_view text;
  bool whole = true;
};

/// Takes the first line off `lines`. One that the worker kept no more of than `most` octets is not whole.
Line take_line(string_view& lines, std::size_t most) {
  const std::size_t end = lines.find('\n');
  Line line{lines.substr(0, end), end != string_view::npos};
  lines.remove_prefix(line.whole ? end + 1 : lines.size());
  if (line.text.size() >= most) line.whole = false;
  return line;
}

void put(HttpSection& section, Text text, string_view value, bool whole) {
  std::uint8_t* const at = section.texts[text];
  at[0] = whole ? 0 : 1;
  put_text_at(at, value);
  section.known = static_cast<std::uint8_t>(section.known | HttpSection::known_bit(text));
}

/// The authority of a target in absolute form (RFC 9112 section 3.2.2), without user information; empty: it has none.
string_view authority_of(string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme == string_view::npos || target.front() == '/') return {};
  target.remove_prefix(scheme + 3);
  target = target.substr(0, target.find_first_of("/?#"));
  if (const std::size_t at = target.rfind('@'); at != string_view::npos) target.remove_prefix(at + 1);
  return target;
}

void take_request_line(HttpSection& section, Line line) {
  if (!line.text.empty() && line.text.back() == '\r') line.text.remove_suffix(1);
  const std::size_t space = line.text.find(' ');
  put(section, HttpSection::kMethod, line.text.substr(0, space), space != string_view::npos);
  if (space == string_view::npos) return;
  string_view target = line.text.substr(space + 1);
  if (line.whole && target.size() >= kHttpVersionOctets) target.remove_suffix(kHttpVersionOctets);
  target = trimmed(target);
  put(section, HttpSection::kUrl, target, line.whole);
  const bool connect = line.text.substr(0, space) == "CONNECT";  // authority form: section 3.2.3
  const string_view host = connect ? target : authority_of(target);
  if (!host.empty()) put(section, HttpSection::kHost, host, line.whole || host.size() < target.size());
}

/// A field, and what its lines that go on say; the first of them is taken off `lines`.
void take_field(HttpSection& section, string_view& lines) {
  const Line line = take_line(lines, kHttpMostFieldLine);
  const std::size_t colon = line.text.find(':');
  if (colon == string_view::npos) return;
  const auto* const name = std::find_if(kHttpFieldNames.begin(), kHttpFieldNames.end(), [&](string_view one) {
    return http_name_begins(one, line.text.substr(0, colon + 1)) && one.size() == colon + 1;
  });
  if (name == kHttpFieldNames.end()) return;
  static constexpr std::array<Text, kHttpFieldNames.size()> kTexts{HttpSection::kHost, HttpSection::kUserAgent,
                                                                   HttpSection::kReferer, HttpSection::kContentType};
  std::array<char, HttpSection::kTexts * kTextPlaceOctets> joined;
  std::size_t octets = 0;
  const auto append = [&](string_view part) {
    part = trimmed(part);
    if (octets != 0 && !part.empty()) joined[octets++] = ' ';
    octets += part.copy(joined.data() + octets, joined.size() - octets);
  };
  append(line.text.substr(colon + 1));
  std::size_t sent = line.text.size();
  bool whole = line.whole;
  while (!lines.empty() && is_blank(lines.front())) {
    const Line more = take_line(lines, kHttpMostFieldLine);
    append(more.text);
    sent += 1 + more.text.size();
    whole = whole && more.whole;
  }
  whole = whole && sent < kHttpMostFieldLine;
  put(section, kTexts[static_cast<std::size_t>(name - kHttpFieldNames.begin())], {joined.data(), octets}, whole);
}

}  // namespace

void decode_http_header(HttpSection& section) {
  const std::size_t request = std::min(static_cast<std::size_t>(section.request_octets), sizeof section.texts);
  const std::size_t response =
      std::min(static_cast<std::size_t>(section.response_octets), sizeof section.texts - request);
  if (request + response == 0) return;
  std::array<char, sizeof section.texts> kept;
  std::memcpy(kept.data(), section.texts, request + response);
  std::memset(section.texts, 0, sizeof section.texts);
  section.request_octets = section.response_octets = 0;
  string_view lines(kept.data(), request);
  if (!lines.empty()) take_request_line(section, take_line(lines, kHttpMostRequestLine));
  while (!lines.empty()) take_field(section, lines);
  lines = {kept.data() + request, response};
  while (!lines.empty()) take_field(section, lines);
}

}  // namespace weir
