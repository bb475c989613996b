// RecordAnonymiser: copies of records that do not say whose they are. `anonymise=` of an exporter asks for it.
//
// Exporters share batches, so the records stay as they are, and the exporter gets changed copies. What changes follows
// from the field table, so that a section added later is covered:
//
// - every address (source, destination, tunnel ends ...): prefix-preserving (crypto_pan.h);
// - every MAC address: 0, since it names a device;
// - every text (names, URLs): empty, marked as cut where it has such a mark, since a name leads to its address, and a
//   name such as 1.2.0.192.in-addr.arpa is one;
// - the Community ID: left out. It is an unkeyed hash of the true addresses, so that trying all of them finds them; one
//   of the changed addresses would be nobody else's;
// - what --prefixes or another exporter says of the addresses (AS, next hop, path, names, country): left out, since it
//   says whose a changed address is.
//
// Counts, times, ports and interfaces stay.
#pragma once

#include <utility>

#include "control/export/crypto_pan.h"
#include "proto/record/record_batch.h"

namespace weir {

class RecordAnonymiser {
 public:
  explicit RecordAnonymiser(CryptoPan pan) : pan_(std::move(pan)) {}

  /// Changed copies of all `records`, in their order. Valid until the next call.
  RecordSpan anonymise(RecordSpan records);

 private:
  void change(FlowRecord& record);

  CryptoPan pan_;
  RecordBatch copies_;
};

}  // namespace weir
