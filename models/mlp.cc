#include "models/mlp.h"

#include <ATen/ops/flatten.h>

#include "models/built_in.h"
#include "models/initial_weights.h"
#include "models/operations.h"
#include "models/structure_builder.h"

namespace coppice {
namespace {

class Mlp final : public BuiltInModel {
 public:
  explicit Mlp(const MlpConfig& config) : BuiltInModel(config), config_(config), layers_(config.hidden.size() + 1) {
    check_size("inputs", config.inputs);
    check_sizes("hidden", config.hidden, config.hidden.size());
    check_size("outputs", config.outputs);
    std::int64_t inputs = config.inputs;
    for (int l = 0; l < layers_; ++l) {
      const std::int64_t outputs = l + 1 < layers_ ? config.hidden[l] : config.outputs;
      const std::string name = "layers." + std::to_string(l);
      base().add(name + ".weight", {outputs, inputs});
      base().add(name + ".bias", {outputs});
      inputs = outputs;
    }
  }

  int num_blocks() const override { return layers_; }
  int first_block_of(ParamId tensor) const override { return tensor / 2; }

  at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap,
                           Mode /*mode*/) const override {
    at::Tensor x_BF = hidden;
    if (index == 0) {
      x_BF = at::flatten(hidden, 1);
      check_sample(x_BF, {config_.inputs});
    }
    const at::Tensor y_BF =
        tap.linear(weight_of(index), x_BF, weights.params[weight_of(index)], weights.params[bias_of(index)]);
    return index + 1 < layers_ ? rectified(y_BF) : y_BF.to(at::kFloat);
  }

  PrunableStructure structure() const override {
    StructureBuilder builder(base());
    for (int l = 0; l + 1 < layers_; ++l) {
      builder.add_family({.name = "layers." + std::to_string(l), .kind = "neuron"}, config_.hidden[l], [l](std::int64_t unit) {
        return std::vector<Slice>{slice_of(weight_of(l), 0, unit), slice_of(bias_of(l), 0, unit),
                                  slice_of(weight_of(l + 1), 1, unit)};
      });
    }
    for (int l = 0; l < layers_; ++l) builder.add_matrix(weight_of(l), 1, l == 0 || l + 1 == layers_);
    return builder.take();
  }

  Cost cost(std::span<const std::int64_t> widths) const override {
    check_widths(widths, config_.hidden);
    Cost cost;
    std::int64_t inputs = config_.inputs;
    for (int l = 0; l < layers_; ++l) {
      const std::int64_t outputs = l + 1 < layers_ ? widths[l] : config_.outputs;
      cost.macs += inputs * outputs;
      cost.params += (inputs + 1) * outputs;
      inputs = outputs;
    }
    return cost;
  }

  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    MlpConfig narrow = config_;
    narrow.hidden = kept_widths(structure(), kept);
    return narrow;
  }

  void initialise(const Arena& base, const Arena& /*moments*/, Seed seed) const override {
    for (int l = 0; l < layers_; ++l) {
      fill_normal(base, weight_of(l), seed, l + 1 < layers_ ? kReluGain : kLinearGain);
      fill_constant(base, bias_of(l), 0.0F);
    }
  }

 private:
  static ParamId weight_of(int layer) { return 2 * layer; }
  static ParamId bias_of(int layer) { return 2 * layer + 1; }

  MlpConfig config_;
  int layers_;
};

}  // namespace

std::unique_ptr<Model> make_mlp(const MlpConfig& config) { return std::make_unique<Mlp>(config); }

}  // namespace coppice
