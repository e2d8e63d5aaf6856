// Which units and which single weights are kept. Immutable value; shared by pointer.
//
// `groups` says which units of the structure stay; `elements` says, for the tensors that are not wholly kept, which weights
// stay (row-major bits). The element bits always include what dropped groups take away, so `apply_to`, supports and digests
// read the bits alone; the group list is what Transforms slice by.
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
#include "models/prunable_structure.h"

namespace coppice {

// One bit an element, little-endian within a word.
class Bits {
 public:
  Bits() = default;
  Bits(std::int64_t size, bool value);

  std::int64_t size() const { return size_; }
  bool operator[](std::int64_t i) const { return (words_[static_cast<std::size_t>(i >> 6)] >> (i & 63)) & 1U; }
  void set(std::int64_t i, bool value);
  std::int64_t count() const;
  std::span<const std::uint64_t> words() const { return words_; }
  std::vector<std::uint32_t> positions() const;  // ascending, of the set bits; size < 2^32
  Bits operator&(const Bits& other) const;
  bool operator==(const Bits&) const = default;

 private:
  std::int64_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

class Mask {
 public:
  // Everything kept.
  Mask(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure);

  // Keeps the units with kept[g] != 0 (one entry a group of `structure`).
  static Mask of_groups(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                        std::span<const std::uint8_t> kept);
  // Keeps single weights: `elements[tensor]` for each masked tensor; all other tensors are wholly kept.
  static Mask of_elements(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                          std::map<ParamId, Bits> elements);

  bool keeps_all(ParamId tensor) const { return !elements_.contains(tensor); }
  const Bits& bits(ParamId tensor) const { return elements_.at(tensor); }  // only where !keeps_all(tensor)
  const std::map<ParamId, Bits>& elements() const { return elements_; }
  const std::vector<std::uint8_t>& groups() const { return groups_; }
  std::vector<std::int64_t> widths(const PrunableStructure& structure) const;  // kept units of each family

  std::int64_t kept() const;      // base elements kept, of all base elements
  std::int64_t total() const { return total_; }
  double density() const;         // kept / total over the prunable tensors (those of groups or matrices)
  Digest digest() const;          // of the element bits and the group list

  void apply_to(const Arena& base) const;            // zeroes what is dropped; any arena of the base layout
  Mask operator&(const Mask& other) const;
  bool operator==(const Mask& other) const;

  // Wire form: one bitmap block a masked tensor plus one for the groups. from_blocks throws InputError on blocks that do not
  // fit the layout.
  std::vector<Block> to_blocks() const;
  static Mask from_blocks(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                          std::span<const Block> blocks);

 private:
  Mask() = default;

  std::shared_ptr<const ArenaLayout> base_;
  std::vector<std::uint8_t> groups_;
  std::map<ParamId, Bits> elements_;
  std::int64_t total_ = 0;
  std::int64_t prunable_ = 0;
};

}  // namespace coppice
