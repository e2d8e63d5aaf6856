// Golden numbers of tests/golden/training, which the tests of training and of aggregation share.
#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/arena.h"
#include "models/mask.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {

inline const nlohmann::json& training_goldens() {
  static const nlohmann::json parsed = [] {
    std::ifstream file(COPPICE_TRAINING_GOLDENS "/goldens.json");
    return nlohmann::json::parse(file);
  }();
  return parsed;
}

// One entry behind the other, without the padding between them.
inline std::vector<double> values_of(const Arena& arena) {
  std::vector<double> values;
  for (int i = 0; i < arena.layout().size(); ++i) {
    values.insert(values.end(), arena.floats(i).begin(), arena.floats(i).end());
  }
  return values;
}

inline void fill(const Arena& arena, std::span<const double> values) {
  std::size_t at = 0;
  for (int i = 0; i < arena.layout().size(); ++i) {
    for (float& value : arena.floats(i)) value = static_cast<float>(values[at++]);
  }
}

inline void fill_from_hash(const Arena& arena, std::uint32_t salt, double scale = 1.0) {
  fill(arena, hash_values(arena.layout().numel(), salt, scale));
}

// Keeps about `density` of every matrix that the model lets go sparse.
inline Mask element_mask(const Model& model, std::uint32_t salt, double density = 0.5) {
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : model.structure().matrices) {
    const std::int64_t numel = (*model.base_layout())[matrix.tensor].numel;
    const std::vector<double> draws = hash_values(numel, salt + static_cast<std::uint32_t>(matrix.tensor));
    Bits bits(numel, false);
    for (std::int64_t i = 0; i < numel; ++i) bits.set(i, draws[static_cast<std::size_t>(i)] + 0.5 < density);
    bits.set(0, true);
    elements.emplace(matrix.tensor, std::move(bits));
  }
  return Mask::of_elements(model.base_layout(), model.structure(), std::move(elements));
}

}  // namespace coppice::test
