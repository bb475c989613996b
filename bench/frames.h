// FrameSet: prebuilt frames of a fixed number of flows in random order, for benchmarks to stream from memory.
//
// Every flow has the same number of frames (but for Zipf), in an order drawn once, each from the client or the server
// by a coin: with 10 000 flows that is uniform popularity, and with ten million it still makes sure that every flow is
// active. A set is 256 MiB and more, larger than any cache, lies on huge pages where there are some, and starts every
// frame at a cache line as an mbuf does. Frame sizes include the FCS, which is not in memory: 64 is 60 octets here.
//
// IPv4 frames carry TCP and UDP 80/20. The client of flow f is 10.0.0.0 + f (24 bits), so a frame tells its flow.
// The sets are shared: frames_of() keeps the last two, so that a repetition or the limit beside a pipeline costs
// nothing. Building 10 million flows' frames takes about two seconds and 1.3 GB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>

#include "dataplane/input/packet_source.h"
#include "dataplane/memory.h"

namespace weir::bench {

enum class Mix : std::uint8_t {
  uniform,     ///< IPv4, 64 octets
  zipf,        ///< the same, popularity by Zipf's law with exponent 1
  ipv6,        ///< IPv6, 78 octets, which TCP needs at least
  imix,        ///< IPv4; 64, 594 and 1518 octets in the ratio 7:4:1
  churn,       ///< as uniform, but a set of its own: the churn rewrites ports in the frames
  background,  ///< as uniform, of clients (from 11.0.0.0 on) that no other mix has
  payload,     ///< IPv4; TLS, HTTP, DNS, QUIC and bulk (payload_frames.h)
};

inline constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;
inline constexpr std::uint64_t kPacketNs = 67;  ///< of packet time between two packets: 14.88 Mpps
inline constexpr std::uint32_t kClientNet = 0x0a000000;
inline constexpr std::uint32_t kBackgroundNet = 0x0b000000;
inline constexpr std::size_t kLongestHeader = 74;  ///< Ethernet, IPv6, TCP

/// What a conversation's frame carries beyond its flow number.
struct FrameFields {
  std::uint32_t net = kClientNet;
  bool ipv6 = false;
  bool reply = false;
  std::uint16_t port_shift = 0;  ///< added to the client's port: the same client, another flow
  std::uint8_t tcp_flags = 0x10;
};

/// Whether flow `flow` is TCP: four of five are.
constexpr bool is_tcp(std::uint32_t flow) {
  return flow % 5 != 0;
}
/// The client's port of flow `flow`.
constexpr std::uint16_t client_port(std::uint32_t flow, std::uint32_t shift) {
  return static_cast<std::uint16_t>(1024 + (flow + shift) % 60000);
}
/// Writes the headers of a frame of `octets` octets (FCS not counted) to `frame`, which is zeros before.
void write_frame(std::uint8_t* frame, std::uint32_t octets, std::uint32_t flow, const FrameFields& fields);

class FrameSet {
 public:
  FrameSet(Mix mix, std::uint32_t flows);
  [[nodiscard]] bool ok() const { return memory_.size() != 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::uint32_t flows() const { return flows_; }
  [[nodiscard]] Mix mix() const { return mix_; }
  [[nodiscard]] std::uint8_t* frame(std::size_t i) {
    return memory_.data() + (places_.size() == 0 ? i * stride_ : std::size_t{places_[i].line} * 64);
  }
  [[nodiscard]] std::uint32_t octets(std::size_t i) const { return places_.size() == 0 ? octets_ : places_[i].octets; }
  /// Whether frames go on from one pass over the set to the next.
  [[nodiscard]] bool moves() const { return rounds_ != 0; }
  /// The frame was seen: makes it the one of the next pass.
  void move(std::size_t i);

 private:
  /// Where frames differ in length; streamed beside them as a receive queue's descriptors are.
  struct Place {
    std::uint32_t line;    ///< offset in cache lines
    std::uint16_t octets;  ///< of the frame
    std::uint16_t moves;   ///< 1: its sequence numbers go on with each pass
  };
  void build_payload(std::mt19937_64& random);

  Mix mix_;
  std::uint32_t flows_;
  std::size_t count_;
  std::size_t stride_;
  std::uint32_t octets_;
  std::uint32_t rounds_ = 0;  ///< of a flow in the set, where frames move
  MappedArray<std::uint8_t> memory_;
  MappedArray<Place> places_;
};

/// From now on sets are small, for benchmarks that are run to see that they run.
void use_few_frames();

/// The set of `flows` flows, built or found. nullptr: there is not enough memory.
std::shared_ptr<FrameSet> frames_of(Mix mix, std::uint32_t flows);

/// Whether `octets` more can be had, huge pages included, with a gigabyte left for everybody else.
bool memory_available(std::size_t octets);

/// The frames over and over. Every view gets the burst's time. A frame's first two lines are prefetched, as
/// MbufSource does with an mbuf's. Of a set whose frames move there is one stream at a time.
class FrameStream final : public PacketSource {
 public:
  /// Begins at frame `from`, so that two streams of one set are not in step.
  explicit FrameStream(std::shared_ptr<FrameSet> frames, std::size_t from = 0)
      : frames_(std::move(frames)), at_(from % frames_->size()) {}
  /// Ends the pass, so that the next stream finds all frames in the same one.
  ~FrameStream() override {
    if (!frames_->moves()) return;
    FrameStream::release();
    while (at_ != 0) {
      frames_->move(at_);
      at_ = at_ + 1 == frames_->size() ? 0 : at_ + 1;
    }
  }
  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override {
    for (PacketView& view : views) {
      const std::uint32_t octets = frames_->octets(at_);
      const std::uint8_t* frame = frames_->frame(at_);
      __builtin_prefetch(frame);
      if (octets > 64) __builtin_prefetch(frame + 64);
      view = {frame, octets, octets, now_ns, 1, LinkType::ethernet, 0};
      at_ = at_ + 1 == frames_->size() ? 0 : at_ + 1;
    }
    seen_ = views.size();
    return views.size();
  }
  /// The frames of the burst are no longer read; they are still in the cache.
  void release() override {
    if (!frames_->moves()) return;
    for (; seen_ != 0; --seen_) frames_->move(at_ >= seen_ ? at_ - seen_ : at_ + frames_->size() - seen_);
  }

 private:
  std::shared_ptr<FrameSet> frames_;
  std::size_t at_;
  std::size_t seen_ = 0;  ///< frames before at_ that were handed out
};

/// Every flow once, by its number, made on the way: fills a table without a set of frames.
class FlowSweep final : public PacketSource {
 public:
  FlowSweep(std::uint32_t flows, const FrameFields& fields) : flows_(flows), fields_(fields) {}
  [[nodiscard]] bool done() const { return next_ == flows_; }
  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override;
  void release() override {}

 private:
  std::uint32_t flows_;
  FrameFields fields_;
  std::uint32_t next_ = 0;
  alignas(64) std::uint8_t buffer_[64][128] = {};
};

}  // namespace weir::bench
