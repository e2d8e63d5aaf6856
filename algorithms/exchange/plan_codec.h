// Plans as messages: a small YAML body for the settings, blocks for tensors.
//
// Weights travel on the support of the plan's mask. A mask travels once, as bitmaps or as the flips from the last one sent,
// whichever is smaller; afterwards its digest is enough.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "algorithms/exchange/plan.h"
#include "core/block.h"

namespace coppice {

// The masks that both ends of a connection know: what the sender has sent and the receiver has kept, the last kMostMasks of them.
class MaskCache {
 public:
  std::shared_ptr<const Mask> find(const Digest& digest) const;  // null where unknown
  void add(std::shared_ptr<const Mask> mask);
  std::shared_ptr<const Mask> latest() const { return latest_; }

 private:
  static constexpr std::size_t kMostMasks = 16;
  std::map<Digest, std::shared_ptr<const Mask>> masks_;
  std::deque<Digest> order_;  // the oldest first
  std::shared_ptr<const Mask> latest_;
};

// `known` is what the receiver knows, and afterwards also what this plan teaches it.
Envelope encode_plan(const RoundPlan& plan, MaskCache& known);

// Throws InputError on an envelope that no encode_plan with the same cache could have written.
RoundPlan decode_plan(const Envelope& envelope, MaskCache& known);

// Bytes of the plan's frame for a client that knows the mask with digest `held` alone (zero: none).
std::uint64_t plan_bytes(const RoundPlan& plan, const std::shared_ptr<const Mask>& held);

}  // namespace coppice
