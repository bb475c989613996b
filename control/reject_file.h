// RejectFile: the frames that no flow counts, as a pcapng file, each with its reject as the comment: the other half of
// the ledger (--save-rejects).
//
//   tshark -r rejects.pcapng -T fields -e frame.number -e frame.comment
//
// The file is opened, locked against other programs and left as it is until begin(). It takes frames until it has the
// octets of ?max=; what is not saved is counted by name, so that saved and unsaved are all rejects there were.
// (pcapng: draft-ietf-opsawg-pcapng, sections 4.1 to 4.3.)
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/config/reject_target.h"
#include "control/export/file_sink.h"
#include "control/saved_rejects.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/reject.h"
#include "proto/base/counts.h"

namespace weir {

class RejectFile {
 public:
  /// Error: one line that names the file.
  static tl::expected<std::unique_ptr<RejectFile>, std::string> open(const RejectTarget& target);

  /// Empties the file and writes its head.
  void begin();
  /// Writes the frame, or counts why not.
  void save(const PacketView& view, Reject reject);
  /// Writes what save() holds back.
  void flush();
  /// What was written; may be asked by any thread.
  [[nodiscard]] SavedRejects totals() const;
  /// Flushes and closes. Error: one line that names the file, of the first thing that went wrong.
  tl::expected<void, std::string> close();

 private:
  RejectFile(const RejectTarget& target, FileSink sink) : target_(target), sink_(std::move(sink)) {}
  void append_interface(const PacketView& view);
  void append_packet(const PacketView& view, Reject reject, std::uint32_t interface);
  void fail(std::string what);

  static constexpr std::size_t kHeldBack = std::size_t{1} << 16;

  RejectTarget target_;
  FileSink sink_;
  std::vector<std::uint8_t> buffer_;                            ///< not yet written
  PacketCount held_;                                            ///< frames in buffer_
  std::uint64_t octets_ = 0;                                    ///< of the file, buffer_ included
  std::vector<std::pair<LinkType, std::uint32_t>> interfaces_;  ///< by number in the file
  bool full_ = false;
  std::string error_;  ///< of the first failure
  mutable std::mutex mutex_;
  SavedRejects totals_;  ///< guarded by mutex_
};

}  // namespace weir
