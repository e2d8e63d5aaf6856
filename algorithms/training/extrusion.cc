#include "algorithms/training/extrusion.h"

#include <algorithm>
#include <cmath>

#include "algorithms/exchange/release.h"
#include "core/error.h"
#include "core/portable_math.h"

namespace coppice {

Extrusion::Extrusion(const ExtrusionTask& task, const Mask& mask, const Arena& received, std::int64_t steps)
    : lambda_(task.lambda),
      psi_(task.psi),
      most_(task.most),
      steps_(static_cast<double>(steps)),
      correction_(received.zeros_like()) {
  for (std::size_t t = 0; t < task.tensors.size(); ++t) {
    const auto tensor = static_cast<ParamId>(task.tensors[t]);
    if (mask.keeps_all(tensor)) {
      throw InputError("plan: train.extrusion.tensors: found tensor " + std::to_string(tensor) + ", of which nothing is dropped");
    }
    const std::vector<std::uint32_t> kept = mask.bits(tensor).positions();
    Pushed& pushed = pushed_.emplace_back(Pushed{tensor});
    for (const std::uint32_t place : smallest_kept(received.floats(tensor), mask.bits(tensor), task.counts[t])) {
      pushed.positions.push_back(kept[place]);
    }
  }
}

void Extrusion::prepare(std::int64_t step, const Arena& weights, StepOptions& options) {
  double sum = 0.0;
  for (const auto& [tensor, positions] : pushed_) {
    const std::span<const float> w = weights.floats(tensor);
    double square = 0.0;
    for (const std::uint32_t i : positions) {
      const auto value = static_cast<double>(w[i]);
      sum += std::abs(value);
      square += value * value;
    }
    const double scale = square > 0.0 ? lambda_ / std::sqrt(square) : 0.0;
    const std::span<float> push = correction_.floats(tensor);
    for (const std::uint32_t i : positions) push[i] = static_cast<float>(scale * static_cast<double>(w[i]));
  }
  const double b = static_cast<double>(step);
  const double spent = (2.0 * steps_ - 2.0 * b) / (2.0 * steps_ - b);
  const double sigmoid = 1.0 / (1.0 + portable_exp(-sum));
  options.lr_scale *= std::min(most_, std::max(1.0, psi_ * spent * (2.0 * sigmoid - 1.0)));
  options.correction = &correction_;
}

void ExtrusionTask::visit(FieldVisitor& v) {
  v.field("tensors", tensors, "entries of the base layout", at_least(0));
  v.field("counts", counts, "of each: smallest kept weights", at_least(0));
  v.field("lambda", lambda, "strength of the push", at_least(0));
  v.field("psi", psi, "factor on the rate", at_least(0));
  v.field("most", most, "largest multiple of the rate", at_least(1));
}

}  // namespace coppice
