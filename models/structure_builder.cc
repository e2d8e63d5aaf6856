#include "models/structure_builder.h"

#include <utility>

#include "core/error.h"

namespace coppice {

Slice slice_of(ParamId tensor, int dim, std::int64_t unit, std::int64_t width, bool scored) {
  return {ArenaId::kBase, tensor, dim, unit * width, (unit + 1) * width, scored};
}

Slice mean_slice(NormId norm, std::int64_t unit) { return {ArenaId::kMoments, 2 * norm, 0, unit, unit + 1, false}; }

Slice variance_slice(NormId norm, std::int64_t unit) {
  return {ArenaId::kMoments, 2 * norm + 1, 0, unit, unit + 1, false};
}

void StructureBuilder::add_family(Family family, std::int64_t units,
                                  const std::function<std::vector<Slice>(std::int64_t)>& slices_of) {
  const int index = static_cast<int>(structure_.families.size());
  family.first_group = static_cast<int>(structure_.groups.size());
  family.num_groups = static_cast<int>(units);
  structure_.families.push_back(std::move(family));
  for (std::int64_t unit = 0; unit < units; ++unit) {
    structure_.groups.push_back({index, static_cast<int>(unit), slices_of(unit)});
  }
}

void StructureBuilder::add_matrix(ParamId tensor, std::int64_t macs_per_weight, bool edge) {
  const ArenaEntry& entry = base_[tensor];
  const std::int64_t rows = entry.shape.front();
  structure_.matrices.push_back({tensor, rows, entry.numel / rows, macs_per_weight, edge});
}

std::vector<std::int64_t> kept_widths(const PrunableStructure& structure, std::span<const std::uint8_t> kept) {
  if (kept.size() != structure.groups.size()) {
    throw Error("found " + std::to_string(kept.size()) + " kept flags; expected one for each of the " +
                std::to_string(structure.groups.size()) + " groups");
  }
  std::vector<std::int64_t> widths(structure.families.size(), 0);
  for (std::size_t g = 0; g < kept.size(); ++g) {
    if (kept[g] != 0) ++widths[static_cast<std::size_t>(structure.groups[g].family)];
  }
  for (std::size_t f = 0; f < widths.size(); ++f) {
    if (widths[f] == 0) throw Error("no unit of " + quoted(structure.families[f].name) + " would be kept");
  }
  return widths;
}

void check_widths(std::span<const std::int64_t> widths, std::span<const std::int64_t> full) {
  if (widths.size() != full.size()) {
    throw Error("found " + std::to_string(widths.size()) + " widths; expected one for each of the " +
                std::to_string(full.size()) + " families");
  }
  for (std::size_t f = 0; f < full.size(); ++f) {
    if (widths[f] < 1 || widths[f] > full[f]) {
      throw Error("width " + std::to_string(widths[f]) + " of family " + std::to_string(f) + " is not in [1, " +
                  std::to_string(full[f]) + "]");
    }
  }
}

}  // namespace coppice
