// Layouts and structures with no architecture behind them, for the laws that must hold for any.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "models/arena.h"
#include "models/prunable_structure.h"

namespace coppice {

struct RandomStructure {
  std::shared_ptr<ArenaLayout> layout = std::make_shared<ArenaLayout>();
  PrunableStructure structure;
};

// Some tensors of 1 to 4 dims; families of units that each own one stretch along one dim of several tensors; every
// other tensor is also a pattern matrix, and the last tensor belongs to nothing.
inline RandomStructure random_structure(std::mt19937& random) {
  RandomStructure out;
  const int tensors = 3 + static_cast<int>(random() % 4);
  for (int t = 0; t < tensors; ++t) {
    std::vector<std::int64_t> shape;
    for (std::uint32_t dims = 1 + random() % 4; dims > 0; --dims) {
      shape.push_back(2 * static_cast<std::int64_t>(1 + random() % 5));
    }
    out.layout->add("t" + std::to_string(t), shape);
  }
  for (int f = 0; f < 3; ++f) {
    Family family{"family" + std::to_string(f), "channel", static_cast<int>(out.structure.groups.size()), 2};
    std::vector<std::vector<Slice>> slices(2);
    for (int t = 0; t + 1 < tensors; ++t) {
      if (random() % 2 == 0) continue;
      const auto& shape = (*out.layout)[t].shape;
      const int dim = static_cast<int>(random() % shape.size());
      const std::int64_t half = shape[static_cast<std::size_t>(dim)] / 2;
      slices[0].push_back({ArenaId::kBase, t, dim, 0, half, true});
      slices[1].push_back({ArenaId::kBase, t, dim, half, 2 * half, true});
    }
    slices[0].push_back({ArenaId::kMoments, 0, 0, 0, 1, false});
    for (int unit = 0; unit < 2; ++unit)
      out.structure.groups.push_back({f, unit, slices[static_cast<std::size_t>(unit)]});
    out.structure.families.push_back(family);
  }
  for (int t = 0; t + 1 < tensors; t += 2) {
    const ArenaEntry& entry = (*out.layout)[t];
    out.structure.matrices.push_back({t, entry.shape[0], entry.numel / entry.shape[0], 1, false});
  }
  return out;
}

}  // namespace coppice
