// Which dtype operands have where weights are bfloat16. A graph was traced in float32: what it makes without weights (masks, tables of
// positions, first states) stays as exact as it was, and what it and weights take part in is float32, as PyTorch's arithmetic has it. Where an
// operation asks for one dtype, that is the weights', as under autocast.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "models/graph/operators.h"

namespace c10 {
struct IValue;
}

namespace coppice::graph {

// `x` in that dtype; as it is where it holds no floating numbers.
at::Tensor in_dtype(const at::Tensor& x, at::ScalarType dtype);

bool wants_one_dtype(Rule rule);
// Tensors, and those in lists, in the dtype of `weight` where one of them has it. True where float32 stands in for that
// (models/emulated_bfloat.h) and what comes out is still to be rounded.
bool make_one_dtype(std::vector<c10::IValue>& operands, const at::Tensor& weight);

}  // namespace coppice::graph
