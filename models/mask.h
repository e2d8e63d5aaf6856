// Which units and which single weights are kept. Immutable value; shared by pointer.
//
// `groups` says which units of the structure stay; `elements` says, for the tensors that are not wholly kept, which
// weights stay (row-major bits). The element bits always include what dropped groups take away, so `apply_to`, supports
// and digests read the bits alone; the group list is what Transforms slice by.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/block.h"
#include "core/digest.h"
#include "models/arena.h"
#include "models/bits.h"
#include "models/prunable_structure.h"

namespace coppice {

class Mask {
 public:
  // Everything kept.
  Mask(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure);

  // Keeps the units with kept[g] != 0 (one entry a group of `structure`).
  static Mask of_groups(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                        std::span<const std::uint8_t> kept);
  // Keeps single weights: `elements[tensor]` for each masked tensor; all other tensors are wholly kept.
  // Throws Error on a tensor that the structure does not declare prunable.
  static Mask of_elements(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                          std::map<ParamId, Bits> elements);

  bool keeps_all(ParamId tensor) const { return !elements_.contains(tensor); }
  const Bits& bits(ParamId tensor) const { return elements_.at(tensor); }  // only where !keeps_all(tensor)
  const std::map<ParamId, Bits>& elements() const { return elements_; }
  const std::vector<std::uint8_t>& groups() const { return groups_; }
  std::vector<std::int64_t> widths(const PrunableStructure& structure) const;  // kept units of each family

  std::int64_t kept() const { return total_ - dropped(); }  // base elements, of total()
  std::int64_t total() const { return total_; }
  double density() const;  // kept / total over the prunable tensors (those of groups or matrices)
  Digest digest() const;   // of the element bits and the group list

  void apply_to(const Arena& base) const;  // zeroes what is dropped; any arena of the base layout
  Mask operator&(const Mask& other) const;
  bool operator==(const Mask& other) const;

  // Wire form: dense u8 blocks of packed bits (little-endian within a byte, unused bits zero): "mask.groups", then one
  // "mask.bits.<tensor>" for each tensor that is not wholly kept, in layout order. from_blocks accepts exactly what
  // to_blocks writes for this layout and structure and throws InputError on anything else.
  std::vector<Block> to_blocks() const;
  static Mask from_blocks(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                          std::span<const Block> blocks);

 private:
  Mask() = default;
  void forget_full();  // a tensor whose bits are all set is wholly kept: one form for one mask
  std::int64_t dropped() const;

  std::shared_ptr<const ArenaLayout> base_;
  std::vector<std::uint8_t> groups_;
  std::map<ParamId, Bits> elements_;
  std::int64_t total_ = 0;
  std::int64_t prunable_ = 0;
};

}  // namespace coppice
