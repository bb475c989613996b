// The text of the walk for `weir read --explain`.
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

void LayerWalk::trace(const char* name, std::size_t octets, const char* detail) {
  trace_->layers.push_back({name, static_cast<std::size_t>(at_ - frame_), octets, detail});
}

void LayerWalk::remark(const char* text) {
  if (trace_ != nullptr) trace_->note = text;
}

}  // namespace weir
