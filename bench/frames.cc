#include "bench/frames.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "bench/gen/generator.h"
#include "bench/payload_frames.h"
#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir::bench {
namespace {

std::size_t least_frames = std::size_t{1} << 22;  // 256 MiB of 64-octet frames: no cache holds them
constexpr std::size_t kLine = 64;
constexpr std::uint16_t kWindow = 1000;

constexpr std::size_t lines_of(std::uint32_t octets) {
  return (octets + kLine - 1) / kLine;
}

// IPv6 frames of 78 octets with the FCS, IPv4 frames of 64.
constexpr std::uint32_t octets_of(Mix mix) {
  return (mix == Mix::ipv6 ? kMinIpv6Tcp : kMinFrame) - kFcsOctets;
}

std::size_t frames_for(Mix mix, std::uint32_t flows) {
  // An IMIX frame takes six lines on average, so fewer of them fill as much memory.
  if (mix == Mix::imix) return std::max<std::size_t>(least_frames / 2, flows);
  // Whole connections of four frames, with the same number for each flow.
  if (mix == Mix::payload)
    return std::max<std::size_t>(least_frames / 2 / (PayloadFrames::kRound * flows), 1) * PayloadFrames::kRound * flows;
  return std::max<std::size_t>(least_frames, std::size_t{2} * flows);
}

// The flow of each frame, in random order.
std::vector<std::uint32_t> draw_flows(Mix mix, std::uint32_t flows, std::size_t count, std::mt19937_64& random) {
  std::vector<std::uint32_t> drawn(count);
  if (mix == Mix::zipf) {
    const ZipfTable table(flows, 1.0);
    // Ranks are spread over the flow numbers, so that popular flows are no neighbours: 7919 is prime.
    for (std::uint32_t& flow : drawn) {
      flow = static_cast<std::uint32_t>(std::uint64_t{table.draw(random())} * 7919 % flows);
    }
    return drawn;
  }
  for (std::size_t i = 0; i < count; ++i) drawn[i] = static_cast<std::uint32_t>(i % flows);
  for (std::size_t i = count - 1; i > 0; --i) {
    std::swap(drawn[i], drawn[static_cast<std::size_t>((random() >> 32) * (i + 1) >> 32)]);
  }
  return drawn;
}

}  // namespace

void write_frame(std::uint8_t* frame, std::uint32_t octets, std::uint32_t flow, const FrameFields& fields) {
  const bool tcp = is_tcp(flow);
  const auto protocol = static_cast<std::uint8_t>(tcp ? kProtocolTcp : kProtocolUdp);
  const std::uint32_t client = fields.net + flow;
  const std::uint32_t server = 0xac100000 + flow % 1000;
  std::uint8_t* ip = frame + 14;
  std::uint8_t* transport = nullptr;
  if (fields.ipv6) {
    store_be<std::uint16_t>(frame + 12, kEtherTypeIpv6);
    ip[0] = 0x60;
    store_be<std::uint16_t>(ip + 4, static_cast<std::uint16_t>(octets - 14 - 40));
    ip[6] = protocol;
    ip[7] = 64;
    std::uint8_t* client_at = ip + (fields.reply ? 24 : 8);
    std::uint8_t* server_at = ip + (fields.reply ? 8 : 24);
    store_be<std::uint32_t>(client_at, 0x20010db8);
    store_be<std::uint32_t>(client_at + 12, client);
    store_be<std::uint32_t>(server_at, 0x20010db9);
    store_be<std::uint32_t>(server_at + 12, server);
    transport = ip + 40;
  } else {
    store_be<std::uint16_t>(frame + 12, kEtherTypeIpv4);
    ip[0] = 0x45;
    store_be<std::uint16_t>(ip + 2, static_cast<std::uint16_t>(octets - 14));
    ip[8] = 64;
    ip[9] = protocol;
    store_be<std::uint32_t>(ip + (fields.reply ? 16 : 12), client);
    store_be<std::uint32_t>(ip + (fields.reply ? 12 : 16), server);
    transport = ip + 20;
  }
  const std::uint16_t port = client_port(flow, fields.port_shift);
  store_be<std::uint16_t>(transport, fields.reply ? 443 : port);
  store_be<std::uint16_t>(transport + 2, fields.reply ? port : 443);
  if (tcp) {
    transport[12] = 0x50;
    transport[13] = fields.tcp_flags;
    store_be<std::uint16_t>(transport + 14, kWindow);
    // The shortest frames are ACKs of what was acknowledged, with padding: with payload each would have to have the
    // flow's next sequence number, and the frames come again and again.
    if (!fields.ipv6 && octets == kMinFrame - kFcsOctets) store_be<std::uint16_t>(ip + 2, 40);
  } else {
    store_be<std::uint16_t>(transport + 4, static_cast<std::uint16_t>(frame + octets - transport));
  }
}

FrameSet::FrameSet(Mix mix, std::uint32_t flows)
    : mix_(mix),
      flows_(flows),
      count_(frames_for(mix, flows)),
      stride_(lines_of(octets_of(mix)) * kLine),
      octets_(octets_of(mix)) {
  std::mt19937_64 random(flows);
  std::size_t lines = count_ * (stride_ / kLine);
  if (mix == Mix::payload) {
    build_payload(random);
    return;
  }
  if (mix == Mix::imix) {
    places_ = MappedArray<Place>(count_);
    if (places_.size() == 0) return;
    lines = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::uint64_t pick = random() % 12;
      const unsigned size = kImixSizes[pick < kImixWeights[0] ? 0 : pick < kImixWeights[0] + kImixWeights[1] ? 1 : 2];
      places_[i] = {static_cast<std::uint32_t>(lines), static_cast<std::uint16_t>(size - kFcsOctets), 0};
      lines += lines_of(size - kFcsOctets);
    }
  }
  // The drawn flow numbers are gone again before the benchmark runs, but are there beside the frames.
  if (!memory_available(lines * kLine + count_ * sizeof(std::uint32_t))) return;
  memory_ = MappedArray<std::uint8_t>(lines * kLine);
  if (memory_.size() == 0) return;
  const std::vector<std::uint32_t> drawn = draw_flows(mix, flows, count_, random);
  FrameFields fields;
  fields.ipv6 = mix == Mix::ipv6;
  if (mix == Mix::background) fields.net = kBackgroundNet;
  std::uint64_t coins = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (i % 64 == 0) coins = random();
    fields.reply = (coins >> (i % 64) & 1) != 0;
    write_frame(frame(i), octets(i), drawn[i], fields);
  }
  // IMIX payload is never read, but a page that was never written would be the kernel's one page of zeros.
  if (mix == Mix::imix) memory_.touch();
}

void FrameSet::build_payload(std::mt19937_64& random) {
  const PayloadFrames frames;
  const std::vector<std::uint32_t> drawn = draw_flows(mix_, flows_, count_, random);
  std::vector<unsigned> next(flows_);  // number of the flow's next frame
  places_ = MappedArray<Place>(count_);
  if (places_.size() == 0) return;
  std::size_t lines = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const unsigned number = next[drawn[i]]++;
    const std::uint32_t octets = frames.octets(drawn[i], number);
    places_[i] = {static_cast<std::uint32_t>(lines), static_cast<std::uint16_t>(octets),
                  static_cast<std::uint16_t>(frames.moves(drawn[i], number) ? 1 : 0)};
    lines += lines_of(octets);
  }
  if (!memory_available(lines * kLine)) return;
  memory_ = MappedArray<std::uint8_t>(lines * kLine);
  if (memory_.size() == 0) return;
  std::fill(next.begin(), next.end(), 0U);
  for (std::size_t i = 0; i < count_; ++i) frames.write(frame(i), drawn[i], next[drawn[i]]++);
  rounds_ = static_cast<std::uint32_t>(count_ / flows_ / PayloadFrames::kRound);
}

void FrameSet::move(std::size_t i) {
  if (places_[i].moves != 0) PayloadFrames::move(frame(i), rounds_);
}

void use_few_frames() {
  least_frames = std::size_t{1} << 15;
}

std::shared_ptr<FrameSet> frames_of(Mix mix, std::uint32_t flows) {
  static std::array<std::shared_ptr<FrameSet>, 2> kept;  // [0] was used last
  const auto fits = [&](const std::shared_ptr<FrameSet>& set) {
    return set != nullptr && set->mix() == mix && set->flows() == flows;
  };
  if (!fits(kept[0])) std::swap(kept[0], kept[1]);
  if (!fits(kept[0])) {
    kept[0].reset();
    auto made = std::make_shared<FrameSet>(mix, flows);
    if (!made->ok()) {
      // The other set may be what is in the way.
      kept[1].reset();
      made = std::make_shared<FrameSet>(mix, flows);
    }
    if (!made->ok()) return nullptr;
    kept[0] = std::move(made);
  }
  return kept[0];
}

bool memory_available(std::size_t octets) {
  std::FILE* file = std::fopen("/proc/meminfo", "r");
  if (file == nullptr) return true;
  std::size_t available_kib = 0;
  std::size_t huge_pages = 0;
  char line[128];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    unsigned long long value = 0;
    if (std::sscanf(line, "MemAvailable: %llu kB", &value) == 1) available_kib = value;
    if (std::sscanf(line, "HugePages_Free: %llu", &value) == 1) huge_pages = value;
  }
  std::fclose(file);
  return octets + (std::size_t{1} << 30) <= available_kib * 1024 + huge_pages * (std::size_t{2} << 20);
}

std::size_t FlowSweep::receive(std::span<PacketView> views, std::uint64_t now_ns) {
  const std::uint32_t octets = octets_of(fields_.ipv6 ? Mix::ipv6 : Mix::uniform);
  std::size_t count = 0;
  while (count < views.size() && count < std::size(buffer_) && next_ != flows_) {
    std::memset(buffer_[count], 0, octets);
    write_frame(buffer_[count], octets, next_++, fields_);
    views[count] = {buffer_[count], octets, octets, now_ns, 1, LinkType::ethernet, 0};
    ++count;
  }
  return count;
}

}  // namespace weir::bench
