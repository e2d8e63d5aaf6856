#include "models/resnet.h"

#include <ATen/ops/mean.h>

#include <vector>

#include "models/built_in.h"
#include "models/initial_weights.h"
#include "models/operations.h"
#include "models/structure_builder.h"
#include "models/zero_pad_shortcut.h"

namespace coppice {
namespace {

constexpr int kImage = -1;  // in place of a family: the channels of the image, which nothing removes
constexpr NormId kNoNorm = -1;

// A convolution between two families of channels, followed by a batch norm (params weight + 1, weight + 2) or a bias
// (param weight + 1).
struct Conv {
  int inputs;
  int outputs;
  std::int64_t kernel;
  ConvGeometry geometry;
  std::int64_t positions;  // pixels of the output
  ParamId weight = 0;
  NormId norm = kNoNorm;
};

// The channel of each stage's residual stream that belongs to one unit.
constexpr std::int64_t kNoChannel = -1;
using Chain = std::vector<std::int64_t>;

// Indices into the list of convolutions.
struct Block {
  int stage = 0;
  int conv1 = 0;
  int conv2 = 0;
  int projection = -1;            // ResNet-8: where the shape changes
  int zero_pad = -1;              // ResNet-20: where the shape changes, an index into the shortcuts
};

const ResnetWidths& checked(const ResnetWidths& widths, std::size_t stages, std::size_t blocks_per_stage) {
  check_sizes("input", widths.input, 3);
  check_size("outputs", widths.outputs);
  check_sizes("residual", widths.residual, stages);
  check_sizes("inner", widths.inner, stages * blocks_per_stage);
  return widths;
}

template <class Config>
void set_sources(Config& /*config*/, const std::vector<std::vector<std::int64_t>>& /*sources*/) {}
void set_sources(Resnet20Config& config, const std::vector<std::vector<std::int64_t>>& sources) {
  config.sources1 = sources[0];
  config.sources2 = sources[1];
}

template <class Config>
class Resnet final : public BuiltInModel {
 public:
  // `shortcuts` holds a zero-padding shortcut for each change of shape, or none: then projections take their place, with a batch norm or
  // a bias behind them.
  Resnet(const Config& config, int blocks_per_stage, bool norm_projections, std::vector<ZeroPadShortcut> shortcuts)
      : BuiltInModel(config),
        config_(config),
        stages_(static_cast<int>(config.residual.size())),
        blocks_per_stage_(blocks_per_stage),
        shortcuts_(std::move(shortcuts)) {
    for (int s = 0; s < stages_; ++s) {
      add_chains(s);
      widths_.push_back(static_cast<std::int64_t>(chains_[s].size()));
      for (int b = 0; b < blocks_per_stage; ++b) widths_.push_back(config.inner[s * blocks_per_stage + b]);
    }
    std::int64_t height = config.input[0], width = config.input[1];
    add_conv("conv1", "bn1", kImage, residual_family(0), 3, square_conv(1, 1), height * width);
    belongs_to(0);
    for (int s = 0; s < stages_; ++s) {
      for (int b = 0; b < blocks_per_stage; ++b) {
        const bool reshapes = s > 0 && b == 0;
        const int from = residual_family(reshapes ? s - 1 : s), to = residual_family(s);
        const std::int64_t stride = reshapes ? 2 : 1;
        height = (height + stride - 1) / stride;
        width = (width + stride - 1) / stride;
        const std::int64_t positions = height * width;
        const std::string name = "layer" + std::to_string(s + 1) + "." + std::to_string(b) + ".";
        Block block{.stage = s};
        block.conv1 = add_conv(name + "conv1", name + "bn1", from, to + 1 + b, 3, square_conv(stride, 1), positions);
        block.conv2 = add_conv(name + "conv2", name + "bn2", to + 1 + b, to, 3, square_conv(1, 1), positions);
        if (reshapes && shortcuts_.empty()) {
          block.projection = add_conv(name + "shortcut", norm_projections ? name + "shortcut_bn" : "", from, to, 1, square_conv(stride, 0), positions);
        } else if (reshapes) {
          block.zero_pad = s - 1;
        }
        blocks_.push_back(block);
        belongs_to(static_cast<int>(blocks_.size()));
      }
    }
    linear_ = base().add("linear.weight", {config.outputs, config.residual[stages_ - 1]});
    base().add("linear.bias", {config.outputs});
    belongs_to(num_blocks() - 1);
  }

  int num_blocks() const override { return static_cast<int>(blocks_.size()) + 2; }
  int first_block_of(ParamId tensor) const override { return first_blocks_[static_cast<std::size_t>(tensor)]; }

  at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap,
                           Mode mode) const override {
    if (index == 0) {
      check_sample(hidden, {config_.input[2], config_.input[0], config_.input[1]});
      return rectified(convolve(convs_[0], hidden, weights, tap, mode));
    }
    if (index + 1 == num_blocks()) {
      const at::Tensor x_BC = at::mean(hidden, {2, 3});
      return tap.linear(linear_, x_BC, weights.params[linear_], weights.params[linear_ + 1]).to(at::kFloat);
    }
    const Block& block = blocks_[index - 1];
    const at::Tensor inner = rectified(convolve(convs_[block.conv1], hidden, weights, tap, mode));
    const at::Tensor outer = convolve(convs_[block.conv2], inner, weights, tap, mode);
    return rectified_sum(outer, shortcut(block, hidden, weights, tap, mode));
  }

  PrunableStructure structure() const override {
    StructureBuilder builder(base());
    for (int s = 0; s < stages_; ++s) {
      const std::string stage = "stage" + std::to_string(s + 1) + ".";
      add_family(builder, stage + "residual", residual_family(s));
      for (int b = 0; b < blocks_per_stage_; ++b) {
        const std::string block = blocks_per_stage_ > 1 ? std::to_string(b) + "." : "";
        add_family(builder, stage + block + "inner", residual_family(s) + 1 + b);
      }
    }
    for (const Conv& conv : convs_) builder.add_matrix(conv.weight, conv.positions, conv.inputs == kImage);
    builder.add_matrix(linear_, 1, true);
    return builder.take();
  }

  Cost cost(std::span<const std::int64_t> widths) const override {
    check_widths(widths, widths_);
    Cost cost;
    for (const Conv& conv : convs_) {
      const std::int64_t inputs = channels(conv.inputs, widths);
      const std::int64_t outputs = channels(conv.outputs, widths);
      const std::int64_t weights = outputs * inputs * conv.kernel * conv.kernel;
      cost.macs += weights * conv.positions;
      cost.params += weights + outputs * (conv.norm == kNoNorm ? 1 : 2);
    }
    const std::int64_t features = channels(residual_family(stages_ - 1), widths);
    cost.macs += features * config_.outputs;
    cost.params += (features + 1) * config_.outputs;
    return cost;
  }

  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    const PrunableStructure whole = structure();
    const std::vector<std::int64_t> widths = kept_widths(whole, kept);
    std::vector<std::vector<bool>> kept_channels;  // of each stage's residual stream
    for (int s = 0; s < stages_; ++s) kept_channels.emplace_back(config_.residual[s], true);
    for (int born = 0; born < stages_; ++born) {
      const Family& family = whole.families[residual_family(born)];
      for (int unit = 0; unit < family.num_groups; ++unit) {
        for (int s = born; s < stages_ && kept[family.first_group + unit] == 0; ++s) {
          const std::int64_t channel = chains_[born][unit][s];
          if (channel != kNoChannel) kept_channels[s][channel] = false;
        }
      }
    }
    Config narrow = config_;
    narrow.residual.clear();
    narrow.inner.clear();
    for (int s = 0; s < stages_; ++s) {
      narrow.residual.push_back(channels(residual_family(s), widths));
      for (int b = 0; b < blocks_per_stage_; ++b) narrow.inner.push_back(widths[residual_family(s) + 1 + b]);
    }
    std::vector<std::vector<std::int64_t>> sources;
    for (int s = 0; s + 1 < stages_ && !shortcuts_.empty(); ++s) {
      sources.push_back(shortcuts_[s].sliced(kept_channels[s], kept_channels[s + 1]));
    }
    set_sources(narrow, sources);
    return narrow;
  }

  void initialise(const Arena& base, const Arena& moments, Seed seed) const override {
    for (const Conv& conv : convs_) {
      // A projection is not followed by a ReLU of its own, but its sum with conv2 is.
      fill_normal(base, conv.weight, seed, kReluGain);
      if (conv.norm == kNoNorm) {
        fill_constant(base, conv.weight + 1, 0.0F);
      } else {
        fill_constant(base, conv.weight + 1, 1.0F);
        fill_constant(base, conv.weight + 2, 0.0F);
        fill_constant(moments, 2 * conv.norm, 0.0F);
        fill_constant(moments, 2 * conv.norm + 1, 1.0F);
      }
    }
    fill_normal(base, linear_, seed, kLinearGain);
    fill_constant(base, linear_ + 1, 0.0F);
  }

 private:
  // Of the tensors declared since the last call.
  void belongs_to(int block) { first_blocks_.resize(static_cast<std::size_t>(base().size()), block); }

  int residual_family(int stage) const { return stage * (1 + blocks_per_stage_); }
  bool is_residual(int family) const { return family % (1 + blocks_per_stage_) == 0; }

  // The units of a stage's residual family. A projection mixes channels, so there each channel stands alone. Zero padding
  // carries a channel from stage to stage without a parameter that a mask could zero, so there a unit is the whole chain
  // of channels that begins in the stage.
  void add_chains(int stage) {
    std::vector<Chain>& begun = chains_.emplace_back();
    if (stage > 0 && !shortcuts_.empty()) {
      for (int born = 0; born < stage; ++born) {
        for (Chain& chain : chains_[born]) chain[stage] = shortcuts_[stage - 1].continuation(chain[stage - 1]);
      }
    }
    for (std::int64_t channel = 0; channel < config_.residual[stage]; ++channel) {
      if (stage > 0 && !shortcuts_.empty() && shortcuts_[stage - 1].source(channel) >= 0) continue;
      Chain chain(static_cast<std::size_t>(stages_), kNoChannel);
      chain[stage] = channel;
      begun.push_back(chain);
    }
  }

  // Channels of a family's convolutions when `widths` units of each family are kept.
  std::int64_t channels(int family, std::span<const std::int64_t> widths) const {
    if (family == kImage) return config_.input[2];
    if (shortcuts_.empty() || !is_residual(family)) return widths[family];
    std::int64_t count = 0;
    for (int f = 0; f <= family; f += 1 + blocks_per_stage_) count += widths[f];
    return count;
  }

  // Declares the tensors of the next convolution: with a batch norm where `norm_name` is not empty, else with a bias.
  int add_conv(const std::string& name, const std::string& norm_name, int from, int to, std::int64_t kernel,
               ConvGeometry geometry, std::int64_t positions) {
    Conv conv{from, to, kernel, geometry, positions};
    const std::int64_t inputs = channels(from, widths_), outputs = channels(to, widths_);
    conv.weight = base().add(name + ".weight", {outputs, inputs, kernel, kernel});
    if (norm_name.empty()) {
      base().add(name + ".bias", {outputs});
    } else {
      base().add(norm_name + ".weight", {outputs});
      base().add(norm_name + ".bias", {outputs});
      conv.norm = moments().add(norm_name + ".running_mean", {outputs}) / 2;
      moments().add(norm_name + ".running_var", {outputs});
    }
    convs_.push_back(conv);
    return static_cast<int>(convs_.size()) - 1;
  }

  void add_family(StructureBuilder& builder, std::string name, int family) const {
    builder.add_family({.name = std::move(name), .kind = "channel"}, widths_[family], [this, family](std::int64_t unit) {
      std::vector<Slice> slices;
      if (!is_residual(family)) {
        add_channel(family, unit, slices);
        return slices;
      }
      const Chain& chain = chains_[family / (1 + blocks_per_stage_)][unit];
      for (int s = 0; s < stages_; ++s) {
        if (chain[s] != kNoChannel) add_channel(residual_family(s), chain[s], slices);
      }
      return slices;
    });
  }

  // Everything that one channel of a stage's residual stream, or of a block's inside, consists of.
  void add_channel(int family, std::int64_t channel, std::vector<Slice>& slices) const {
    for (const Conv& conv : convs_) {
      if (conv.outputs == family) {
        slices.push_back(slice_of(conv.weight, 0, channel));
        slices.push_back(slice_of(conv.weight + 1, 0, channel));
        if (conv.norm != kNoNorm) {
          slices.push_back(slice_of(conv.weight + 2, 0, channel));
          slices.push_back(mean_slice(conv.norm, channel));
          slices.push_back(variance_slice(conv.norm, channel));
        }
      }
      if (conv.inputs == family) slices.push_back(slice_of(conv.weight, 1, channel, 1, false));
    }
    if (family == residual_family(stages_ - 1)) slices.push_back(slice_of(linear_, 1, channel, 1, false));
  }

  at::Tensor convolve(const Conv& conv, const at::Tensor& x_BCHW, const Weights& weights, Tap& tap, Mode mode) const {
    const auto& w = weights.params;
    if (conv.norm == kNoNorm) return tap.conv(conv.weight, x_BCHW, w[conv.weight], w[conv.weight + 1], conv.geometry);
    const at::Tensor y_BCHW = tap.conv(conv.weight, x_BCHW, w[conv.weight], {}, conv.geometry);
    const NormParams params{w[conv.weight + 1], w[conv.weight + 2], weights.moments[2 * conv.norm],
                            weights.moments[2 * conv.norm + 1]};
    return tap.batch_norm(conv.norm, y_BCHW, params, mode);
  }

  at::Tensor shortcut(const Block& block, const at::Tensor& x_BCHW, const Weights& weights, Tap& tap, Mode mode) const {
    if (block.projection >= 0) return convolve(convs_[block.projection], x_BCHW, weights, tap, mode);
    if (block.zero_pad >= 0) return shortcuts_[block.zero_pad](x_BCHW);
    return x_BCHW;
  }

  Config config_;
  int stages_;
  int blocks_per_stage_;
  std::vector<ZeroPadShortcut> shortcuts_;
  std::vector<std::vector<Chain>> chains_;  // of each stage's residual family, one a unit
  std::vector<std::int64_t> widths_;        // units of each family
  std::vector<Conv> convs_;                 // in forward order
  std::vector<Block> blocks_;
  std::vector<int> first_blocks_;           // one a base entry
  ParamId linear_ = 0;
};

}  // namespace

std::unique_ptr<Model> make_resnet8(const Resnet8Config& config) {
  checked(config, 3, 1);
  return std::make_unique<Resnet<Resnet8Config>>(config, 1, false, std::vector<ZeroPadShortcut>{});
}

std::unique_ptr<Model> make_resnet20(const Resnet20Config& config) {
  checked(config, 3, 3);
  std::vector<ZeroPadShortcut> shortcuts;
  shortcuts.emplace_back("sources1", config.residual[0], config.residual[1], config.sources1);
  shortcuts.emplace_back("sources2", config.residual[1], config.residual[2], config.sources2);
  return std::make_unique<Resnet<Resnet20Config>>(config, 3, false, std::move(shortcuts));
}

std::unique_ptr<Model> make_resnet18(const Resnet18Config& config) {
  checked(config, 4, 2);
  return std::make_unique<Resnet<Resnet18Config>>(config, 2, true, std::vector<ZeroPadShortcut>{});
}

}  // namespace coppice
