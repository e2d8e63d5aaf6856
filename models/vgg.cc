#include "models/vgg.h"

#include <ATen/ops/flatten.h>
#include <ATen/ops/max_pool2d.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "models/built_in.h"
#include "models/initial_weights.h"
#include "models/operations.h"
#include "models/structure_builder.h"

namespace coppice {
namespace {

constexpr int kConvs = 8;
constexpr std::array<bool, kConvs> kPooled = {true, true, false, true, false, true, false, true};
constexpr std::int64_t kKernel = 3;
constexpr std::int64_t kSmallestSide = 32;
constexpr ParamId kLinear = 3 * kConvs;  // each convolution comes with gamma and beta

constexpr ParamId weight_of(int conv) { return 3 * conv; }

const Vgg11Config& checked(const Vgg11Config& config) {
  check_sizes("input", config.input, 3);
  check_sizes("channels", config.channels, kConvs);
  check_size("outputs", config.outputs);
  if (std::min(config.input[0], config.input[1]) < kSmallestSide) {
    throw InputError("model vgg11: found images of " + std::to_string(config.input[0]) + " x " + std::to_string(config.input[1]) +
                     " pixels; expected at least " + std::to_string(kSmallestSide) + " each way");
  }
  return config;
}

class Vgg11 final : public BuiltInModel {
 public:
  explicit Vgg11(const Vgg11Config& config) : BuiltInModel(checked(config)), config_(config) {
    std::int64_t height = config.input[0], width = config.input[1];
    for (int i = 0; i < kConvs; ++i) {
      const std::int64_t outputs = config.channels[i];
      const std::string conv = "conv" + std::to_string(i + 1), norm = "bn" + std::to_string(i + 1);
      base().add(conv + ".weight", {outputs, inputs_of(i), kKernel, kKernel});
      base().add(norm + ".weight", {outputs});
      base().add(norm + ".bias", {outputs});
      moments().add(norm + ".running_mean", {outputs});
      moments().add(norm + ".running_var", {outputs});
      positions_.push_back(height * width);
      if (kPooled[i]) {
        height /= 2;
        width /= 2;
      }
    }
    pooled_ = height * width;
    base().add("linear.weight", {config.outputs, config.channels.back() * pooled_});
    base().add("linear.bias", {config.outputs});
  }

  int num_blocks() const override { return kConvs + 1; }
  int first_block_of(ParamId tensor) const override { return tensor / 3; }

  at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap, Mode mode) const override {
    const auto& w = weights.params;
    if (index == 0) check_sample(hidden, {config_.input[2], config_.input[0], config_.input[1]});
    if (index == kConvs) {
      // Logical C, H, W order whatever the memory format.
      return tap.linear(kLinear, at::flatten(hidden, 1), w[kLinear], w[kLinear + 1]).to(at::kFloat);
    }
    const ParamId weight = weight_of(index);
    const at::Tensor y_BCHW = tap.conv(weight, hidden, w[weight], {}, square_conv(1, 1));
    const at::Tensor z_BCHW = tap.batch_norm(
        index, y_BCHW, {w[weight + 1], w[weight + 2], weights.moments[2 * index], weights.moments[2 * index + 1]}, mode);
    // ReLU commutes with max-pooling; behind it there is a quarter of the work.
    return rectified(kPooled[index] ? at::max_pool2d(z_BCHW, {2, 2}) : z_BCHW);
  }

  PrunableStructure structure() const override {
    StructureBuilder builder(base());
    for (int i = 0; i < kConvs; ++i) {
      builder.add_family({.name = "conv" + std::to_string(i + 1), .kind = "channel"}, config_.channels[i], [this, i](std::int64_t unit) {
        const bool last = i + 1 == kConvs;
        return std::vector<Slice>{slice_of(weight_of(i), 0, unit), slice_of(weight_of(i) + 1, 0, unit), slice_of(weight_of(i) + 2, 0, unit),
                                  mean_slice(i, unit), variance_slice(i, unit),
                                  slice_of(weight_of(i + 1), 1, unit, last ? pooled_ : 1, false)};
      });
    }
    for (int i = 0; i < kConvs; ++i) builder.add_matrix(weight_of(i), positions_[i], i == 0);
    builder.add_matrix(kLinear, 1, true);
    return builder.take();
  }

  Cost cost(std::span<const std::int64_t> widths) const override {
    check_widths(widths, config_.channels);
    Cost cost;
    std::int64_t inputs = config_.input[2];
    for (int i = 0; i < kConvs; ++i) {
      const std::int64_t weights = widths[i] * inputs * kKernel * kKernel;
      cost.params += weights + 2 * widths[i];
      cost.macs += weights * positions_[i];
      inputs = widths[i];
    }
    cost.params += (inputs * pooled_ + 1) * config_.outputs;
    cost.macs += inputs * pooled_ * config_.outputs;
    return cost;
  }

  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    Vgg11Config narrow = config_;
    narrow.channels = kept_widths(structure(), kept);
    return narrow;
  }

  void initialise(const Arena& base, const Arena& moments, Seed seed) const override {
    for (int i = 0; i < kConvs; ++i) {
      fill_normal(base, weight_of(i), seed, kReluGain);
      fill_constant(base, weight_of(i) + 1, 1.0F);
      fill_constant(base, weight_of(i) + 2, 0.0F);
      fill_constant(moments, 2 * i, 0.0F);
      fill_constant(moments, 2 * i + 1, 1.0F);
    }
    fill_normal(base, kLinear, seed, kLinearGain);
    fill_constant(base, kLinear + 1, 0.0F);
  }

 private:
  std::int64_t inputs_of(int conv) const { return conv == 0 ? config_.input[2] : config_.channels[conv - 1]; }

  Vgg11Config config_;
  std::vector<std::int64_t> positions_;  // pixels of each convolution's output
  std::int64_t pooled_ = 1;              // columns of the linear layer a channel
};

}  // namespace

std::unique_ptr<Model> make_vgg11(const Vgg11Config& config) { return std::make_unique<Vgg11>(config); }

}  // namespace coppice
