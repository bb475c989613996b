// Community ID version 1 (github.com/corelight/community-id-spec): a SHA-1 of seed, addresses, protocol and ports,
// equal for both directions of a flow, by which tools that watched the same traffic find each other's records.
//
// It is made of what the record says of its flow: with --key the addresses and ports that the key has. The drain makes
// it (record_drain.h) where the metric `ids` is on. The SHA-1 is OpenSSL's.
#pragma once

#include <cstdint>
#include <memory>

#include "proto/record/flow_record.h"
#include "proto/record/section/ids.h"

struct evp_md_st;
struct evp_md_ctx_st;

namespace weir {

class CommunityIdMaker {
 public:
  /// `seed`: tools agree only with the same one; 0 is usual.
  explicit CommunityIdMaker(std::uint16_t seed);

  /// Fills in the flow's ID. It stays 0 where a policy of the machine forbids OpenSSL the SHA-1.
  void make(IdsSection& ids, const FlowRecord& record);

 private:
  struct Free {
    void operator()(evp_md_st* type) const;
    void operator()(evp_md_ctx_st* context) const;
  };

  std::uint16_t seed_;
  std::unique_ptr<evp_md_st, Free> sha1_;  ///< looked up once: that takes longer than a digest
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace weir
