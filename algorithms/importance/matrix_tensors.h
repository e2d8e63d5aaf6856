// The weights of which single elements are scored: those of the structure's matrices, in its order; edge layers' only where asked for.
#pragma once

#include <vector>

#include "models/model.h"

namespace coppice {

inline std::vector<ParamId> matrix_tensors(const Model& model, bool edge) {
  std::vector<ParamId> tensors;
  for (const PatternMatrix& matrix : model.structure().matrices) {
    if (edge || !matrix.edge) tensors.push_back(matrix.tensor);
  }
  return tensors;
}

}  // namespace coppice
