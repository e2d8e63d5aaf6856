#include "algorithms/budget/reachability.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/mul.h>

#include <set>
#include <utility>

#include "core/error.h"
#include "models/model_ports.h"

namespace coppice {
namespace {

// 1 where something arrives, 0 where nothing does.
at::Tensor arrives(const at::Tensor& x) { return x.gt(0).to(at::kFloat); }

// Tensors that dropped units take with them whole: what the model has no more is not dead.
std::set<ParamId> removed_tensors(const Model& model, const Mask& mask) {
  std::set<ParamId> removed;
  const Mask units = Mask::of_groups(model.base_layout(), model.structure(), mask.groups());
  for (const auto& [tensor, bits] : units.elements()) {
    if (bits.count() == 0) removed.insert(tensor);
  }
  return removed;
}

class ReachTap final : public Tap {
 public:
  explicit ReachTap(std::set<ParamId> removed) : removed_(std::move(removed)) {}

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor&) override {
    return noted(weight, Tap::linear(weight, arrives(x_I), w_OI, {}));
  }

  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor&,
                  ConvGeometry geometry) override {
    return noted(weight, Tap::conv(weight, arrives(x_BCHW), w_OIKK, {}, geometry));
  }

  at::Tensor batch_norm(NormId, const at::Tensor& x_BCHW, const NormParams& params, Mode) override {
    return arrives(at::mul(x_BCHW, x_BCHW.dim() == 2 ? params.gamma_C : params.gamma_C.view({1, -1, 1, 1})));
  }

  ParamId first_dead() const { return first_dead_; }
  ParamId last() const { return last_; }

 private:
  at::Tensor noted(ParamId weight, const at::Tensor& y) {
    at::Tensor reached = arrives(y);
    if (removed_.contains(weight)) return reached;
    last_ = weight;
    if (first_dead_ < 0 && !reached.any().item<bool>()) first_dead_ = weight;
    return reached;
  }

  std::set<ParamId> removed_;
  ParamId first_dead_ = -1;
  ParamId last_ = -1;
};

}  // namespace

std::string Reachability::describe() const {
  if (!empty_tensors.empty()) return "tensor " + coppice::quoted(empty_tensors.front()) + " has no weight left";
  std::string text = dead_tensor.empty() ? "" : "tensor " + coppice::quoted(dead_tensor) + " passes nothing on";
  if (dead_outputs > 0) {
    text += (text.empty() ? "" : ", ") + std::to_string(dead_outputs) + " of " + std::to_string(outputs) +
            " outputs cannot be reached";
  }
  return text;
}

Reachability reachability_of(const Model& model, const Mask& mask) {
  Arena base("reachability", model.base_layout());
  base.fill(1.0F);
  mask.apply_to(base);
  const Arena moments("reachability", model.moments_layout());
  Reachability result;
  const std::set<ParamId> removed = removed_tensors(model, mask);
  for (const auto& [tensor, bits] : mask.elements()) {
    if (bits.count() == 0 && !removed.contains(tensor)) result.empty_tensors.push_back(base.layout()[tensor].name);
  }
  ReachTap tap(removed);
  const at::Tensor logits = model.forward(made_up_batch(ports_of(model.config()), 1, 1.0F), {base.views(), moments.views()}, tap, Mode::kEval);
  const at::Tensor reached_V = arrives(logits.reshape({-1, logits.size(-1)}).amax({0}));
  result.outputs = reached_V.numel();
  result.dead_outputs = result.outputs - reached_V.sum().item<std::int64_t>();
  if (tap.first_dead() >= 0) {
    result.dead_tensor = base.layout()[tap.first_dead()].name;
  } else if (result.dead_outputs > 0) {
    result.dead_tensor = base.layout()[tap.last()].name;
  }
  return result;
}

}  // namespace coppice
