#include "models/losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/mse_loss.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/error.h"
#include "models/cross_entropy.h"
#include "models/element_access.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

std::span<const std::int64_t> values_of(const at::Tensor& classes) {
  return {classes.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(classes.numel())};
}

}  // namespace

void check_targets(LossKind kind, const at::Tensor& logits, const at::Tensor& targets) {
  const bool classes = kind == LossKind::kCrossEntropy;
  const at::IntArrayRef expected = classes && logits.dim() > 0 ? logits.sizes().slice(0, logits.dim() - 1) : logits.sizes();
  const at::ScalarType dtype = classes ? at::kLong : at::kFloat;
  if (logits.dim() < 2 || targets.sizes() != expected || targets.scalar_type() != dtype) {
    throw InputError("targets: found shape " + shape_text(targets.sizes()) + " of " + at::toString(targets.scalar_type()) +
                     "; logits of shape " + shape_text(logits.sizes()) + " ask for " + shape_text(expected) + " of " +
                     at::toString(dtype));
  }
  if (!classes) return;
  const std::int64_t outputs = logits.size(-1);
  for (const std::int64_t target : values_of(targets.contiguous())) {
    if ((target < 0 || target >= outputs) && target != kIgnoredTarget) {
      throw InputError("targets: found class " + std::to_string(target) + "; the model has classes 0 to " +
                       std::to_string(outputs - 1));
    }
  }
}

at::Tensor loss_sum(LossKind kind, const at::Tensor& logits, const at::Tensor& targets) {
  check_targets(kind, logits, targets);
  const std::int64_t outputs = logits.size(-1);
  if (kind == LossKind::kCrossEntropy && has_kernels(logits)) {
    return cross_entropy_sum(logits.reshape({-1, outputs}), targets.reshape({-1}));
  }
  const at::Tensor wide = logits.to(at::kFloat);
  switch (kind) {
    case LossKind::kCrossEntropy:
      return at::cross_entropy_loss(wide.reshape({-1, outputs}), targets.reshape({-1}), {}, at::Reduction::Sum,
                                    kIgnoredTarget);
    case LossKind::kBinary:
      return at::binary_cross_entropy_with_logits(wide, targets, {}, {}, at::Reduction::Sum) / outputs;
    case LossKind::kSquaredError:
      return at::mse_loss(wide, targets, at::Reduction::Sum) / outputs;
    case LossKind::kWordCosts:
      return (wide * targets).sum();
  }
  throw Error("unknown kind of loss");
}

std::int64_t count_of(LossKind kind, const at::Tensor& targets) {
  if (kind == LossKind::kWordCosts) return std::llround(targets.sum(at::kDouble).item<double>());
  if (kind != LossKind::kCrossEntropy) return targets.size(0);
  const at::Tensor packed = targets.contiguous();
  const std::span<const std::int64_t> classes = values_of(packed);
  return static_cast<std::int64_t>(classes.size()) - std::count(classes.begin(), classes.end(), kIgnoredTarget);
}

}  // namespace coppice
