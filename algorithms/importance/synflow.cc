#include "algorithms/importance/synflow.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "algorithms/importance/matrix_tensors.h"
#include "core/error.h"
#include "models/input_tensor.h"
#include "models/model_ports.h"

namespace coppice {
namespace {

// Products without biases, batch norms that multiply alone.
class LinearTap final : public Tap {
 public:
  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& /*bias_O*/) override {
    return Tap::linear(weight, x_I, w_OI, {});
  }
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& /*bias_O*/,
                  ConvGeometry geometry) override {
    return Tap::conv(weight, x_BCHW, w_OIKK, {}, geometry);
  }
  at::Tensor batch_norm(NormId /*norm*/, const at::Tensor& x_BCHW, const NormParams& params, Mode /*mode*/) override {
    return x_BCHW.mul(params.gamma_C.view({1, -1, 1, 1}));
  }
};

struct Place {
  float score;
  ParamId tensor;
  std::size_t position;
};

}  // namespace

void SynFlowConfig::visit(FieldVisitor& v) {
  v.field("iterations", iterations, "on the way from all weights to the least", at_least(1));
  v.field("least", least, "fraction that the last iteration leaves", above_to(0, 1));
}

std::map<ParamId, std::vector<double>> synaptic_flow(const Model& model, const Arena& base) {
  const at::Tensor input = std::visit(InputTensor{}, made_up_batch(ports_of(model.config()), 1, 0.0F).inputs);
  if (input.scalar_type() == at::kLong) throw InputError("importance synflow: found a model of tokens; expected one of images or features");
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& view : base.views()) leaves.push_back(view.to(at::kDouble).abs().set_requires_grad(true));
  const Arena moments("moments", model.moments_layout());
  const at::AutoGradMode graph(true);
  LinearTap tap;
  at::Tensor hidden = at::ones_like(input, input.options().dtype(at::kDouble));
  for (int block = 0; block < model.num_blocks(); ++block) {
    hidden = model.forward_block(block, hidden, {leaves, moments.views()}, tap, Mode::kEval);
  }
  hidden.sum().backward();
  std::map<ParamId, std::vector<double>> flow;
  for (const PatternMatrix& matrix : model.structure().matrices) {
    const at::Tensor& leaf = leaves[static_cast<std::size_t>(matrix.tensor)];
    std::vector<double>& scores = flow[matrix.tensor];
    scores.resize(static_cast<std::size_t>(leaf.numel()));
    if (!leaf.grad().defined()) continue;
    const at::Tensor gradient = leaf.grad().contiguous();
    const double* g = gradient.const_data_ptr<double>();
    const double* w = leaf.const_data_ptr<double>();
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = w[i] * g[i];
  }
  return flow;
}

std::map<ParamId, std::vector<float>> synflow_elements(const SynFlowConfig& config, const Model& model, const Arena& base, bool edge) {
  Arena left = base.clone();
  std::map<ParamId, std::vector<float>> scores;
  std::vector<Place> places;
  for (const ParamId tensor : matrix_tensors(model, edge)) {
    scores[tensor].resize(left.floats(tensor).size());
    for (std::size_t i = 0; i < scores[tensor].size(); ++i) places.push_back({0.0F, tensor, i});
  }
  const auto all = static_cast<double>(places.size());
  for (std::int64_t k = 1; k <= config.iterations && !places.empty(); ++k) {
    const std::map<ParamId, std::vector<double>> flow = synaptic_flow(model, left);
    for (Place& place : places) {
      place.score = static_cast<float>(flow.at(place.tensor)[place.position]);
      if (!std::isfinite(place.score)) throw InputError("importance synflow: a score is not finite; expected smaller weights");
    }
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
      return a.score != b.score ? a.score > b.score : std::tie(a.tensor, a.position) < std::tie(b.tensor, b.position);
    });
    const bool last = k == config.iterations;
    const double kept = std::pow(config.least, static_cast<double>(k) / static_cast<double>(config.iterations));
    const auto stays = last ? std::size_t{0} : std::min(places.size(), static_cast<std::size_t>(std::llround(kept * all)));
    const std::size_t going = places.size() - stays;
    for (std::size_t i = stays; i < places.size(); ++i) {
      const double rank = static_cast<double>(places.size() - i) / static_cast<double>(going + 1);  // in (0, 1), the largest first
      scores[places[i].tensor][places[i].position] = static_cast<float>(static_cast<double>(k - 1) + rank);
      left.floats(places[i].tensor)[places[i].position] = 0.0F;
    }
    places.resize(stays);
  }
  return scores;
}

}  // namespace coppice
