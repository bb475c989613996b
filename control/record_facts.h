// RecordFacts: what is computed of a record only after it left the table, so that no worker has to: hashes, decoded
// hellos, certificates, headers and questions, into the sections that the worker made for them.
#pragma once

#include <cstdint>

#include "control/community_id.h"
#include "control/quic_hello.h"
#include "proto/record/record_batch.h"

namespace weir {

class RecordFacts {
 public:
  /// `community_id_seed`: of the metric `ids`.
  explicit RecordFacts(std::uint16_t community_id_seed) : community_id_(community_id_seed) {}

  /// A copy of the record into the batch, with these facts.
  void append(RecordView record, RecordBatch& batch);

 private:
  CommunityIdMaker community_id_;
  QuicHelloDecoder quic_hello_;
};

}  // namespace weir
