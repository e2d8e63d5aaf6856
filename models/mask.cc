#include "models/mask.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "models/support.h"

namespace coppice {
namespace {

constexpr const char* kGroupsBlock = "mask.groups";
constexpr const char* kBitsBlock = "mask.bits.";

std::set<ParamId> prunable_tensors(const PrunableStructure& structure) {
  std::set<ParamId> tensors;
  for (const Group& group : structure.groups) {
    for (const Slice& slice : group.slices) {
      if (slice.arena == ArenaId::kBase) tensors.insert(slice.tensor);
    }
  }
  for (const PatternMatrix& matrix : structure.matrices) tensors.insert(matrix.tensor);
  return tensors;
}

void clear_slice(const ArenaEntry& entry, const Slice& slice, Bits& bits) {
  const auto dim = static_cast<std::size_t>(slice.dim);
  if (dim >= entry.shape.size() || slice.begin < 0 || slice.end > entry.shape[dim]) {
    throw Error("a group's slice leaves tensor " + coppice::quoted(entry.name));
  }
  std::int64_t inner = 1;
  for (std::size_t i = dim + 1; i < entry.shape.size(); ++i) inner *= entry.shape[i];
  const std::int64_t step = entry.shape[dim] * inner;
  for (std::int64_t at = 0; at < entry.numel; at += step) bits.clear(at + slice.begin * inner, at + slice.end * inner);
}

Block packed(std::string name, const Bits& bits) {
  Block block;
  block.name = std::move(name);
  block.dtype = DType::kU8;
  block.values = bits.to_bytes();
  block.shape = {static_cast<std::int64_t>(block.values.size())};
  return block;
}

Bits unpacked(const Block& block, std::int64_t size) {
  const std::vector<std::int64_t> shape = {(size + 7) / 8};
  if (block.dtype != DType::kU8 || block.layout != Layout::kDense || block.scale != 1.0F || block.shape != shape ||
      !block.positions.empty()) {
    throw InputError("mask block " + coppice::quoted(block.name) + ": expected a dense u8 block of " +
                     std::to_string(shape[0]) + " bytes");
  }
  try {
    return Bits::from_bytes(size, block.values);
  } catch (Error& error) {
    error.within("mask block " + coppice::quoted(block.name));
    throw;
  }
}

}  // namespace

Mask::Mask(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure)
    : base_(std::move(base)), groups_(structure.groups.size(), 1), total_(base_->numel()) {
  for (const ParamId tensor : prunable_tensors(structure)) {
    if (tensor < 0 || tensor >= base_->size()) throw Error("the structure names tensor " + std::to_string(tensor));
    prunable_ += (*base_)[tensor].numel;
  }
}

Mask Mask::of_groups(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                     std::span<const std::uint8_t> kept) {
  Mask mask(std::move(base), structure);
  if (kept.size() != mask.groups_.size()) {
    throw Error("found " + std::to_string(kept.size()) + " group flags; expected " +
                std::to_string(mask.groups_.size()));
  }
  std::transform(kept.begin(), kept.end(), mask.groups_.begin(), [](std::uint8_t k) -> std::uint8_t { return k != 0; });
  for (std::size_t g = 0; g < kept.size(); ++g) {
    if (kept[g] != 0) continue;
    for (const Slice& slice : structure.groups[g].slices) {
      if (slice.arena != ArenaId::kBase) continue;
      const ArenaEntry& entry = (*mask.base_)[slice.tensor];
      clear_slice(entry, slice, mask.elements_.try_emplace(slice.tensor, entry.numel, true).first->second);
    }
  }
  mask.forget_full();
  return mask;
}

Mask Mask::of_elements(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                       std::map<ParamId, Bits> elements) {
  Mask mask(std::move(base), structure);
  const std::set<ParamId> prunable = prunable_tensors(structure);
  for (const auto& [tensor, bits] : elements) {
    if (!prunable.contains(tensor)) throw Error("tensor " + std::to_string(tensor) + " is masked but not prunable");
    if (bits.size() != (*mask.base_)[tensor].numel) {
      throw Error("the mask of tensor " + coppice::quoted((*mask.base_)[tensor].name) + " has " +
                  std::to_string(bits.size()) + " bits; expected " + std::to_string((*mask.base_)[tensor].numel));
    }
  }
  mask.elements_ = std::move(elements);
  mask.forget_full();
  return mask;
}

void Mask::forget_full() {
  std::erase_if(elements_, [](const auto& item) { return item.second.count() == item.second.size(); });
}

std::vector<std::int64_t> Mask::widths(const PrunableStructure& structure) const {
  if (structure.groups.size() != groups_.size()) throw Error("the mask belongs to another structure");
  std::vector<std::int64_t> widths;
  widths.reserve(structure.families.size());
  for (const Family& family : structure.families) {
    const auto first = groups_.begin() + family.first_group;
    widths.push_back(std::count(first, first + family.num_groups, std::uint8_t{1}));
  }
  return widths;
}

std::int64_t Mask::dropped() const {
  std::int64_t dropped = 0;
  for (const auto& [tensor, bits] : elements_) dropped += bits.size() - bits.count();
  return dropped;
}

double Mask::density() const {
  return prunable_ == 0 ? 1.0 : static_cast<double>(prunable_ - dropped()) / static_cast<double>(prunable_);
}

Digest Mask::digest() const {
  Hasher hasher;
  hasher.add_value(static_cast<std::int64_t>(groups_.size())).add(std::as_bytes(std::span(groups_)));
  hasher.add_value(total_).add_value(static_cast<std::int64_t>(elements_.size()));
  for (const auto& [tensor, bits] : elements_) {
    hasher.add_value(static_cast<std::int64_t>(tensor)).add_value(bits.size()).add(std::as_bytes(bits.words()));
  }
  return hasher.finish();
}

void Mask::apply_to(const Arena& base) const {
  if (base.layout() != *base_)
    throw Error("arena " + coppice::quoted(base.name()) + " has not the layout this mask was made for");
  for (const auto& [tensor, bits] : elements_) {
    if (base.dtype() == DType::kF32) {
      zero_dropped(bits, base.floats(tensor));
    } else {
      zero_dropped(bits, {static_cast<std::uint16_t*>(base.view(tensor).mutable_data_ptr()),
                          static_cast<std::size_t>(bits.size())});
    }
  }
}

Mask Mask::operator&(const Mask& other) const {
  if (*base_ != *other.base_ || groups_.size() != other.groups_.size())
    throw Error("masks of different models do not meet");
  Mask both = *this;
  for (std::size_t g = 0; g < groups_.size(); ++g) both.groups_[g] &= other.groups_[g];
  for (const auto& [tensor, bits] : other.elements_) {
    const auto [mine, added] = both.elements_.try_emplace(tensor, bits);
    if (!added) mine->second = mine->second & bits;
  }
  return both;
}

bool Mask::operator==(const Mask& other) const {
  return *base_ == *other.base_ && groups_ == other.groups_ && elements_ == other.elements_;
}

std::vector<Block> Mask::to_blocks() const {
  Bits kept_groups(static_cast<std::int64_t>(groups_.size()), true);
  for (std::size_t g = 0; g < groups_.size(); ++g) kept_groups.set(static_cast<std::int64_t>(g), groups_[g] != 0);
  std::vector<Block> blocks;
  blocks.push_back(packed(kGroupsBlock, kept_groups));
  for (const auto& [tensor, bits] : elements_) blocks.push_back(packed(kBitsBlock + (*base_)[tensor].name, bits));
  return blocks;
}

Mask Mask::from_blocks(std::shared_ptr<const ArenaLayout> base, const PrunableStructure& structure,
                       std::span<const Block> blocks) {
  if (blocks.empty() || blocks[0].name != kGroupsBlock) {
    throw InputError(std::string("a mask starts with block '") + kGroupsBlock + "'; found " +
                     (blocks.empty() ? "no block" : coppice::quoted(blocks[0].name)));
  }
  const Bits kept_groups = unpacked(blocks[0], static_cast<std::int64_t>(structure.groups.size()));
  std::vector<std::uint8_t> kept(structure.groups.size());
  for (std::size_t g = 0; g < kept.size(); ++g) kept[g] = kept_groups[static_cast<std::int64_t>(g)];

  const std::set<ParamId> prunable = prunable_tensors(structure);
  std::map<ParamId, Bits> elements;
  for (const Block& block : blocks.subspan(1)) {
    const bool ours = block.name.starts_with(kBitsBlock);
    const ParamId tensor =
        ours ? base->find(std::string_view(block.name).substr(std::string_view(kBitsBlock).size())) : -1;
    if (!prunable.contains(tensor))
      throw InputError("mask block " + coppice::quoted(block.name) + " names no prunable tensor");
    if (!elements.empty() && elements.rbegin()->first >= tensor) {
      throw InputError("mask block " + coppice::quoted(block.name) + " is repeated or out of order");
    }
    Bits bits = unpacked(block, (*base)[tensor].numel);
    if (bits.count() == bits.size()) throw InputError("mask block " + coppice::quoted(block.name) + " drops nothing");
    elements.emplace(tensor, std::move(bits));
  }

  Mask mask = of_groups(std::move(base), structure, kept);
  for (const auto& [tensor, bits] : mask.elements_) {
    const auto found = elements.find(tensor);
    if (found == elements.end() || (found->second & bits) != found->second) {
      throw InputError("the mask keeps elements of " + coppice::quoted((*mask.base_)[tensor].name) +
                       " that its groups drop");
    }
  }
  mask.elements_ = std::move(elements);
  return mask;
}

}  // namespace coppice
