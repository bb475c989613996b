// The ClientHello in a QUIC client's Initial packets, from the packets that a worker kept to texts.
//
// Each packet is opened with the keys of its own connection ID or with those of the first packet's: a client goes on
// with the first ones when it has learnt the server's ID, but not after a Retry (RFC 9001 section 5.2). What the CRYPTO
// frames carry is put together as far as it goes. Whatever the octets are, at most QuicHelloSection::kMostPackets
// packets are opened.
#pragma once

#include "control/quic_initial.h"
#include "proto/record/section/quic_hello.h"
#include "proto/record/section/tls.h"

namespace weir {

class QuicHelloDecoder {
 public:
  /// Decodes a section as the worker made it; one that was decoded is left as it is. `tls`: the record's, into which
  /// version, JA3 and JA4 go; nullptr: it has none.
  void decode(QuicHelloSection& section, TlsSection* tls);

 private:
  QuicInitialOpener opener_;
};

}  // namespace weir
