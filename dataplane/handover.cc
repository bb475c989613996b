#include "dataplane/handover.h"

namespace weir {

HandoverMesh::HandoverMesh(unsigned workers, std::size_t ring_lines) : workers_(workers) {
  rings_.reserve(std::size_t{workers} * workers);
  for (unsigned i = 0; i < workers * workers; ++i) {
    // A worker hands nothing over to itself, so this ring has the smallest size.
    rings_.push_back(std::make_unique<HandoverRing>(i / workers == i % workers ? 1 : ring_lines));
  }
}

}  // namespace weir
