// What the built-in architectures share when they declare their structure and their cost.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "models/arena.h"
#include "models/prunable_structure.h"

namespace coppice {

// Units [unit * width, (unit + 1) * width) along `dim` of a base tensor.
Slice slice_of(ParamId tensor, int dim, std::int64_t unit, std::int64_t width = 1, bool scored = true);
// Entry `unit` of the running mean and variance of a batch norm.
Slice mean_slice(NormId norm, std::int64_t unit);
Slice variance_slice(NormId norm, std::int64_t unit);

// Assembles a PrunableStructure in the order that it promises: groups by family, then by unit.
class StructureBuilder {
 public:
  explicit StructureBuilder(const ArenaLayout& base) : base_(base) {}

  // `slices_of(unit)` lists everything that goes with that unit. The family's place among the groups is filled in.
  void add_family(Family family, std::int64_t units, const std::function<std::vector<Slice>(std::int64_t)>& slices_of);
  void add_matrix(ParamId tensor, std::int64_t macs_per_weight, bool edge);
  PrunableStructure take() { return std::move(structure_); }

 private:
  const ArenaLayout& base_;
  PrunableStructure structure_;
};

// Kept units of each family. Throws Error where `kept` is not one entry a group, or where it empties a family.
std::vector<std::int64_t> kept_widths(const PrunableStructure& structure, std::span<const std::uint8_t> kept);

// Throws Error unless there is one width a family, each between 1 and `full`.
void check_widths(std::span<const std::int64_t> widths, std::span<const std::int64_t> full);

}  // namespace coppice
