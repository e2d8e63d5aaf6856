#include "models/graph/one_dtype.h"

#include <algorithm>
#include <utility>

#include <ATen/core/ivalue.h>

#include "models/emulated_bfloat.h"

namespace coppice::graph {

at::Tensor in_dtype(const at::Tensor& x, at::ScalarType dtype) {
  return x.defined() && x.is_floating_point() && x.scalar_type() != dtype ? x.to(dtype) : x;
}

bool wants_one_dtype(Rule rule) {
  return rule == Rule::kLinear || rule == Rule::kConvolution || rule == Rule::kTransposedConvolution ||
         rule == Rule::kMatmul || rule == Rule::kAttention || rule == Rule::kLastDims || rule == Rule::kBarrier;
}

bool make_one_dtype(std::vector<c10::IValue>& operands, const at::Tensor& weight) {
  const at::ScalarType of_weights = weight.scalar_type();
  if (of_weights == at::kFloat) return false;
  const auto has_it = [of_weights](const at::Tensor& x) { return x.defined() && x.scalar_type() == of_weights; };
  const bool met = std::any_of(operands.begin(), operands.end(), [&has_it](const c10::IValue& operand) {
    if (operand.isTensor()) return has_it(operand.toTensor());
    if (!operand.isTensorList()) return false;
    const std::vector<at::Tensor> tensors = operand.toTensorVector();
    return std::any_of(tensors.begin(), tensors.end(), has_it);
  });
  if (!met) return false;
  const bool emulated = is_emulated(weight);
  const at::ScalarType dtype = emulated ? at::kFloat : of_weights;
  for (c10::IValue& operand : operands) {
    if (operand.isTensor()) operand = in_dtype(operand.toTensor(), dtype);
    if (!operand.isTensorList()) continue;
    std::vector<at::Tensor> tensors = operand.toTensorVector();
    for (at::Tensor& tensor : tensors) tensor = in_dtype(tensor, dtype);
    operand = std::move(tensors);
  }
  return emulated;
}

}  // namespace coppice::graph
