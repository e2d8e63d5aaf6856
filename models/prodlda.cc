#include "models/prodlda.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>

#include <cmath>

#include "core/error.h"
#include "models/built_in.h"
#include "models/initial_weights.h"
#include "models/structure_builder.h"

namespace coppice {
namespace {

// A linear layer: with a bias, or in front of a batch norm.
struct Layer {
  ParamId weight;
  ParamId bias = -1;   // its own
  ParamId shift = -1;  // of the batch norm
  NormId norm = -1;
};

class ProdLda final : public BuiltInModel {
 public:
  explicit ProdLda(const ProdLdaConfig& config) : BuiltInModel(config), config_(config) {
    check_size("vocabulary", config.vocabulary);
    check_sizes("hidden", config.hidden, config.hidden.size());
    check_size("topics", config.topics);
    if (config.hidden.empty()) throw InputError("model: hidden: found no layer; expected at least one");
    if (config.topics < 2) throw InputError("model: topics: found " + std::to_string(config.topics) + "; expected at least 2");
    std::int64_t inputs = config.vocabulary;
    for (std::size_t l = 0; l < config.hidden.size(); ++l) {
      encoder_.push_back(add_layer("encoder." + std::to_string(l), inputs, config.hidden[l]));
      inputs = config.hidden[l];
    }
    mean_ = add_normed("mean", inputs, config.topics);
    logvar_ = add_normed("logvar", inputs, config.topics);
    topics_ = add_normed("topics", config.topics, config.vocabulary);
  }

  int num_blocks() const override { return 1; }

  at::Tensor forward_block(int /*index*/, const at::Tensor& hidden, const Weights& weights, Tap& tap, Mode mode) const override {
    const std::int64_t words = config_.vocabulary, topics = config_.topics;
    const bool sampled = hidden.dim() == 2 && hidden.size(1) == words + topics;
    const at::Tensor x_BV = sampled ? hidden.narrow(1, 0, words) : hidden;
    check_sample(x_BV, {words});
    const Pass pass{weights, tap, mode};
    at::Tensor h_BH = x_BV;
    for (const Layer& layer : encoder_) h_BH = at::softplus(linear(layer, h_BH, pass));
    const at::Tensor mean_BK = normed(mean_, linear(mean_, h_BH, pass), pass);
    const at::Tensor logvar_BK = normed(logvar_, linear(logvar_, h_BH, pass), pass);
    const at::Tensor z_BK = sampled ? mean_BK + (logvar_BK * 0.5).exp() * hidden.narrow(1, words, topics) : mean_BK;
    const at::Tensor theta_BK = at::softmax(z_BK, 1).to(x_BV.scalar_type());
    const at::Tensor log_p_BV = at::log_softmax(normed(topics_, linear(topics_, theta_BK, pass), pass), 1);
    const at::Tensor words_B1 = x_BV.to(log_p_BV.scalar_type()).sum(1, true).clamp_min(1.0);
    return (divergence(mean_BK, logvar_BK) / words_B1 - log_p_BV).to(at::kFloat);
  }

  PrunableStructure structure() const override {
    StructureBuilder builder(base());
    for (std::size_t l = 0; l < encoder_.size(); ++l) {
      builder.add_family({.name = "encoder." + std::to_string(l), .kind = "neuron"}, config_.hidden[l], [this, l](std::int64_t unit) {
        std::vector<Slice> slices = {slice_of(encoder_[l].weight, 0, unit), slice_of(encoder_[l].bias, 0, unit)};
        for (const Layer& reader : readers_of(l)) slices.push_back(slice_of(reader.weight, 1, unit));
        return slices;
      });
    }
    for (const Layer& layer : encoder_) builder.add_matrix(layer.weight, 1, layer.weight == encoder_.front().weight);
    for (const Layer& layer : {mean_, logvar_}) builder.add_matrix(layer.weight, 1, false);
    builder.add_matrix(topics_.weight, 1, true);
    return builder.take();
  }

  Cost cost(std::span<const std::int64_t> widths) const override {
    check_widths(widths, config_.hidden);
    Cost cost;
    std::int64_t inputs = config_.vocabulary;
    for (const std::int64_t outputs : widths) {
      cost.macs += inputs * outputs;
      cost.params += (inputs + 1) * outputs;
      inputs = outputs;
    }
    const std::int64_t heads = 2 * config_.topics * inputs, topics = config_.vocabulary * config_.topics;
    cost.macs += heads + topics;
    cost.params += heads + 2 * config_.topics + topics + config_.vocabulary;
    return cost;
  }

  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    ProdLdaConfig narrow = config_;
    narrow.hidden = kept_widths(structure(), kept);
    return narrow;
  }

  void initialise(const Arena& base, const Arena& moments, Seed seed) const override {
    std::vector<Layer> all = encoder_;
    all.insert(all.end(), {mean_, logvar_, topics_});
    for (const Layer& layer : all) {
      fill_normal(base, layer.weight, seed, kLinearGain);
      if (layer.bias >= 0) fill_constant(base, layer.bias, 0.0F);
      if (layer.norm < 0) continue;
      fill_constant(base, layer.shift, 0.0F);
      fill_constant(moments, 2 * layer.norm, 0.0F);
      fill_constant(moments, 2 * layer.norm + 1, 1.0F);
    }
  }

 private:
  struct Pass {
    const Weights& weights;
    Tap& tap;
    Mode mode;
  };

  Layer add_layer(const std::string& name, std::int64_t inputs, std::int64_t outputs) {
    const ParamId weight = base().add(name + ".weight", {outputs, inputs});
    return {.weight = weight, .bias = base().add(name + ".bias", {outputs})};
  }

  Layer add_normed(const std::string& name, std::int64_t inputs, std::int64_t outputs) {
    const std::string norm = name + "_bn";
    Layer layer{.weight = base().add(name + ".weight", {outputs, inputs})};
    layer.shift = base().add(norm + ".bias", {outputs});
    layer.norm = moments().add(norm + ".running_mean", {outputs}) / 2;
    moments().add(norm + ".running_var", {outputs});
    return layer;
  }

  std::vector<Layer> readers_of(std::size_t hidden) const {
    return hidden + 1 < encoder_.size() ? std::vector<Layer>{encoder_[hidden + 1]} : std::vector<Layer>{mean_, logvar_};
  }

  static at::Tensor linear(const Layer& layer, const at::Tensor& x_BI, const Pass& pass) {
    const auto& w = pass.weights.params;
    return pass.tap.linear(layer.weight, x_BI, w[layer.weight], layer.bias >= 0 ? w[layer.bias] : at::Tensor());
  }

  // In float32 at least: logarithms and exponentials follow.
  static at::Tensor normed(const Layer& layer, const at::Tensor& x_BO, const Pass& pass) {
    const at::Tensor& shift_O = pass.weights.params[layer.shift];
    const auto& moments = pass.weights.moments;
    const NormParams params{at::ones_like(shift_O), shift_O, moments[2 * layer.norm], moments[2 * layer.norm + 1]};
    const at::Tensor y_BO = pass.tap.batch_norm(layer.norm, x_BO, params, pass.mode);
    return y_BO.scalar_type() == at::kBFloat16 ? y_BO.to(at::kFloat) : y_BO;
  }

  // [B, 1]
  at::Tensor divergence(const at::Tensor& mean_BK, const at::Tensor& logvar_BK) const {
    const double prior = (1.0 - 1.0 / static_cast<double>(config_.topics)) / config_.prior;
    return ((logvar_BK.exp() + mean_BK * mean_BK) / prior - logvar_BK + (std::log(prior) - 1.0)).sum(1, true) * 0.5;
  }

  ProdLdaConfig config_;
  std::vector<Layer> encoder_;
  Layer mean_{}, logvar_{}, topics_{};
};

}  // namespace

std::unique_ptr<Model> make_prodlda(const ProdLdaConfig& config) { return std::make_unique<ProdLda>(config); }

}  // namespace coppice
