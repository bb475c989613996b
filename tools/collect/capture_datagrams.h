// CaptureDatagrams: the NetFlow, IPFIX and sFlow datagrams in a pcap or pcapng file, by libpcap.
//
// A UDP datagram is taken for flow export if its octets are a whole message of NetFlow v1, v5, v7, v9, IPFIX or sFlow
// v5: the version, and every length up to its last octet; v1, which says little else, with a plausible time; v9 also
// with a set that is not well framed, if its header is plausible. sFlow's version is enough where the port is sFlow's.
// Once a destination (address and port) has received one, everything that goes there is taken, so that malformed
// datagrams are counted and not overlooked. At most 1024 destinations are remembered.
//
// A capture that was taken on the exporter's own host may show several messages as one datagram, up to 64 KiB of them:
// the exporter gave them to the kernel together (UDP_SEGMENT), and only the NIC cuts them apart. They are cut apart
// here.
//
// Datagrams in IP fragments are put together (fragment_assembly.h), and IPFIX over TCP is followed (tcp_streams.h);
// ip_packet.h says which link layers it looks through.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "tools/collect/fragment_assembly.h"
#include "tools/collect/ip_packet.h"
#include "tools/collect/tcp_streams.h"

namespace weir {

class CaptureDatagrams {
 public:
  struct Counts {
    std::uint64_t packets = 0;
    std::uint64_t datagrams = 0;  ///< taken for flow export, each message of a joined one
    std::uint64_t messages = 0;   ///< IPFIX messages over TCP
    std::uint64_t fragments = 0;  ///< IP fragments of which others are missing
    std::uint64_t cut_off = 0;    ///< UDP datagrams that the snapshot length cut
    TcpStreams::Counts tcp;
  };
  struct Datagram {
    std::string exporter;                  ///< "192.0.2.1:2055"
    std::uint64_t received_ns = 0;         ///< the packet's time
    std::span<const std::uint8_t> octets;  ///< valid until the next call
    std::uint64_t session = 0;             ///< the number of its TCP connection in the capture, from 1; 0: UDP

    /// No message, but the end of its session.
    [[nodiscard]] bool session_ended() const { return session != 0 && octets.empty(); }
  };

  /// Takes over `file`. Error: one line.
  static tl::expected<CaptureDatagrams, std::string> open(std::FILE* file, const std::string& name);

  /// False: the end, or an error (error() then says which packet).
  bool next(Datagram& out);
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const std::string& name() const { return name_; }

  /// True if a file that begins with these (at least 4) octets is pcap or pcapng.
  static bool is_capture(std::span<const std::uint8_t> beginning);

 private:
  struct Close {
    void operator()(pcap_t* pcap) const { pcap_close(pcap); }
  };
  /// False: the end, or an error.
  bool next_frame(std::span<const std::uint8_t>& frame, std::uint64_t& time_ns);
  bool find_datagram(std::span<const std::uint8_t> frame, std::uint64_t time_ns, Datagram& out);
  bool take_udp(const IpPacket& packet, Datagram& out);
  /// The first message of joined_, which begins behind it then.
  Datagram take_message();

  std::unique_ptr<pcap_t, Close> pcap_;
  int link_type_ = 0;
  std::string name_;
  std::string error_;
  Counts counts_;
  bool ended_ = false;  ///< no frame comes any more
  FragmentAssembly fragments_;
  TcpStreams tcp_;
  TcpStreams::Message message_;         ///< the last one of TCP
  Datagram joined_;                     ///< the packet's, its octets those that were not given out yet
  std::set<std::string> destinations_;  ///< address and port, as octets
};

/// True if these octets are one message of NetFlow v1, v5, v7, v9, IPFIX or sFlow that holds something.
bool is_flow_export(std::span<const std::uint8_t> datagram);

}  // namespace weir
