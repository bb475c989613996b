#include "tests/support/truth.h"

#include <arpa/inet.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/support/packet_builder.h"

namespace weir::test {
namespace {

std::string text_of(const Tuple& tuple) {
  const int family = tuple.ip_version == 4 ? AF_INET : AF_INET6;
  char source[INET6_ADDRSTRLEN] = "?";
  char destination[INET6_ADDRSTRLEN] = "?";
  inet_ntop(family, tuple.source.data(), source, sizeof source);
  inet_ntop(family, tuple.destination.data(), destination, sizeof destination);
  std::ostringstream text;
  text << source << ' ' << tuple.source_port << " > " << destination << ' ' << tuple.destination_port << " protocol "
       << unsigned{tuple.protocol};
  return text.str();
}

std::string text_of(const TupleSum& sum) {
  std::ostringstream text;
  text << sum.packets << " packets, " << sum.octets << " octets, " << sum.first_ns << " to " << sum.last_ns;
  return text.str();
}

}  // namespace

void TupleSum::add(std::uint64_t more_packets, std::uint64_t ip_octets, std::uint64_t first, std::uint64_t last) {
  packets += more_packets;
  octets += ip_octets;
  first_ns = std::min(first_ns, first);
  last_ns = std::max(last_ns, last);
}

Tuple tuple_of(const std::string& source, const std::string& destination, unsigned source_port,
               unsigned destination_port, unsigned protocol) {
  const Bytes from = address_octets(source);
  const Bytes to = address_octets(destination);
  if (from.size() != to.size())
    throw std::runtime_error("addresses of two IP versions: " + source + ", " + destination);
  Tuple tuple;
  tuple.ip_version = from.size() == 4 ? 4 : 6;
  std::copy(from.begin(), from.end(), tuple.source.begin());
  std::copy(to.begin(), to.end(), tuple.destination.begin());
  tuple.source_port = static_cast<std::uint16_t>(source_port);
  tuple.destination_port = static_cast<std::uint16_t>(destination_port);
  tuple.protocol = static_cast<std::uint8_t>(protocol);
  return tuple;
}

bool has_inner_truth(const std::filesystem::path& capture) {
  return std::filesystem::exists(capture.string() + ".truth.inner.jsonl");
}

Truth read_truth(const std::filesystem::path& capture, TruthLayer layer) {
  const bool inner = layer == TruthLayer::inner && has_inner_truth(capture);
  const std::string path = capture.string() + (inner ? ".truth.inner.jsonl" : ".truth.outer.jsonl");
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be opened");
  Truth truth;
  bool ended = false;
  std::string line;
  for (unsigned number = 1; std::getline(in, line); ++number) {
    try {
      const nlohmann::json json = nlohmann::json::parse(line);
      if (json.contains("total_packets")) {
        truth.total_packets = json.at("total_packets");
        truth.ip_packets = json.at("ip_packets");
        truth.non_ip_packets = json.at("non_ip_packets");
        ended = true;
        continue;
      }
      const Tuple tuple = tuple_of(json.at("src_addr"), json.at("dst_addr"), json.at("src_port"), json.at("dst_port"),
                                   json.at("proto"));
      const TupleSum sum{.packets = json.at("packets"),
                         .octets = json.at("bytes"),
                         .first_ns = json.at("first_ns"),
                         .last_ns = json.at("last_ns")};
      if (!truth.tuples.emplace(tuple, sum).second) throw std::runtime_error("the tuple was there before");
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ": line " + std::to_string(number) + ": " + error.what());
    }
  }
  if (!ended) throw std::runtime_error(path + ": no line of totals");
  return truth;
}

std::vector<std::filesystem::path> captures_of(const std::filesystem::path& collection, const std::string& group) {
  std::vector<std::filesystem::path> files;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(collection / group, absent)) {
    const auto extension = entry.path().extension();
    if (extension == ".pcap" || extension == ".pcapng") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string difference(const TupleSums& expected, const TupleSums& actual, unsigned lines) {
  std::ostringstream text;
  unsigned count = 0;
  for (const auto& [tuple, sum] : expected) {
    const auto found = actual.find(tuple);
    if (found != actual.end() && found->second == sum) continue;
    if (++count > lines) continue;
    text << "  " << text_of(tuple) << ": expected " << text_of(sum) << "; got "
         << (found == actual.end() ? "nothing" : text_of(found->second)) << '\n';
  }
  for (const auto& [tuple, sum] : actual) {
    if (expected.contains(tuple)) continue;
    if (++count > lines) continue;
    text << "  " << text_of(tuple) << ": expected nothing; got " << text_of(sum) << '\n';
  }
  if (count > lines) text << "  and " << count - lines << " more\n";
  return text.str();
}

}  // namespace weir::test
