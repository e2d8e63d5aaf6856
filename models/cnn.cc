#include "models/cnn.h"

#include <ATen/ops/flatten.h>
#include <ATen/ops/max_pool2d.h>

#include "core/error.h"
#include "models/built_in.h"
#include "models/initial_weights.h"
#include "models/operations.h"
#include "models/structure_builder.h"

namespace coppice {
namespace {

constexpr std::int64_t kKernel = 5;
constexpr std::int64_t kSmallestSide = 16;  // the second convolution's output is then 2 pixels wide, one after pooling

enum Tensor : ParamId { kConv1, kBias1, kConv2, kBias2, kLinear1, kLinearBias1, kLinear2, kLinearBias2 };

// Height and width after each convolution and the pooling behind it.
struct Sides {
  explicit Sides(const CnnConfig& config)
      : conv1_h(config.input[0] - kKernel + 1), conv1_w(config.input[1] - kKernel + 1),
        conv2_h(conv1_h / 2 - kKernel + 1), conv2_w(conv1_w / 2 - kKernel + 1) {}
  std::int64_t positions1() const { return conv1_h * conv1_w; }
  std::int64_t positions2() const { return conv2_h * conv2_w; }
  std::int64_t pooled() const { return (conv2_h / 2) * (conv2_w / 2); }  // columns of linear1 a channel
  std::int64_t conv1_h, conv1_w, conv2_h, conv2_w;
};

const CnnConfig& checked(const CnnConfig& config) {
  check_sizes("input", config.input, 3);
  check_sizes("channels", config.channels, 2);
  check_size("hidden", config.hidden);
  check_size("outputs", config.outputs);
  if (std::min(config.input[0], config.input[1]) < kSmallestSide) {
    throw InputError("model cnn: found images of " + std::to_string(config.input[0]) + " x " +
                     std::to_string(config.input[1]) + " pixels; expected at least " + std::to_string(kSmallestSide) +
                     " each way");
  }
  return config;
}

// ReLU commutes with max-pooling; behind it there is a quarter of the work.
at::Tensor pool_relu(const at::Tensor& x_BCHW) { return rectified(at::max_pool2d(x_BCHW, {2, 2})); }

class Cnn final : public BuiltInModel {
 public:
  explicit Cnn(const CnnConfig& config) : BuiltInModel(checked(config)), config_(config), sides_(config) {
    const std::int64_t c1 = config.channels[0], c2 = config.channels[1];
    base().add("conv1.weight", {c1, config.input[2], kKernel, kKernel});
    base().add("conv1.bias", {c1});
    base().add("conv2.weight", {c2, c1, kKernel, kKernel});
    base().add("conv2.bias", {c2});
    base().add("linear1.weight", {config.hidden, c2 * sides_.pooled()});
    base().add("linear1.bias", {config.hidden});
    base().add("linear2.weight", {config.outputs, config.hidden});
    base().add("linear2.bias", {config.outputs});
  }

  int num_blocks() const override { return 3; }
  int first_block_of(ParamId tensor) const override { return std::min(tensor / 2, 2); }

  at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap,
                           Mode /*mode*/) const override {
    const auto& w = weights.params;
    if (index == 0) {
      check_sample(hidden, {config_.input[2], config_.input[0], config_.input[1]});
      return pool_relu(tap.conv(kConv1, hidden, w[kConv1], w[kBias1], {}));
    }
    if (index == 1) return pool_relu(tap.conv(kConv2, hidden, w[kConv2], w[kBias2], {}));
    const at::Tensor x_BF = at::flatten(hidden, 1);  // logical C, H, W order whatever the memory format
    const at::Tensor h_BF = rectified(tap.linear(kLinear1, x_BF, w[kLinear1], w[kLinearBias1]));
    return tap.linear(kLinear2, h_BF, w[kLinear2], w[kLinearBias2]).to(at::kFloat);
  }

  PrunableStructure structure() const override {
    const std::int64_t pooled = sides_.pooled();
    StructureBuilder builder(base());
    builder.add_family({.name = "conv1", .kind = "channel"}, config_.channels[0], [](std::int64_t unit) {
      return std::vector<Slice>{slice_of(kConv1, 0, unit), slice_of(kBias1, 0, unit),
                                slice_of(kConv2, 1, unit, 1, false)};
    });
    builder.add_family({.name = "conv2", .kind = "channel"}, config_.channels[1], [pooled](std::int64_t unit) {
      return std::vector<Slice>{slice_of(kConv2, 0, unit), slice_of(kBias2, 0, unit),
                                slice_of(kLinear1, 1, unit, pooled, false)};
    });
    builder.add_family({.name = "linear1", .kind = "neuron"}, config_.hidden, [](std::int64_t unit) {
      return std::vector<Slice>{slice_of(kLinear1, 0, unit), slice_of(kLinearBias1, 0, unit),
                                slice_of(kLinear2, 1, unit)};
    });
    builder.add_matrix(kConv1, sides_.positions1(), true);
    builder.add_matrix(kConv2, sides_.positions2(), false);
    builder.add_matrix(kLinear1, 1, false);
    builder.add_matrix(kLinear2, 1, true);
    return builder.take();
  }

  Cost cost(std::span<const std::int64_t> widths) const override {
    check_widths(widths, std::vector<std::int64_t>{config_.channels[0], config_.channels[1], config_.hidden});
    const std::int64_t conv1 = widths[0] * config_.input[2] * kKernel * kKernel;
    const std::int64_t conv2 = widths[1] * widths[0] * kKernel * kKernel;
    const std::int64_t linear1 = widths[2] * widths[1] * sides_.pooled();
    const std::int64_t linear2 = config_.outputs * widths[2];
    const std::int64_t biases = widths[0] + widths[1] + widths[2] + config_.outputs;
    return {.params = conv1 + conv2 + linear1 + linear2 + biases,
            .macs = conv1 * sides_.positions1() + conv2 * sides_.positions2() + linear1 + linear2};
  }

  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    const std::vector<std::int64_t> widths = kept_widths(structure(), kept);
    CnnConfig narrow = config_;
    narrow.channels = {widths[0], widths[1]};
    narrow.hidden = widths[2];
    return narrow;
  }

  void initialise(const Arena& base, const Arena& /*moments*/, Seed seed) const override {
    for (const ParamId weight : {kConv1, kConv2, kLinear1}) fill_normal(base, weight, seed, kReluGain);
    fill_normal(base, kLinear2, seed, kLinearGain);
    for (const ParamId bias : {kBias1, kBias2, kLinearBias1, kLinearBias2}) fill_constant(base, bias, 0.0F);
  }

 private:
  CnnConfig config_;
  Sides sides_;
};

}  // namespace

std::unique_ptr<Model> make_cnn(const CnnConfig& config) { return std::make_unique<Cnn>(config); }

}  // namespace coppice
