// Where a model uses its matrices: found by looking at one pass, so that no architecture has to declare it.
#pragma once

#include <vector>

#include "models/model_state.h"

namespace coppice {

struct MatrixUse {
  ParamId weight = 0;
  ParamId bias = -1;   // -1: none
  ParamId input = 0;   // the first weight that meets the same tensor: queries for keys and values, gate for up
  int block = 0;       // of the model
  bool convolution = false;
};

// In forward order. Cost: a pass over one made-up sample.
std::vector<MatrixUse> matrix_uses(const Model& model, const ModelState& state);

}  // namespace coppice
