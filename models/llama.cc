#include "models/llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

#include <cmath>

#include "core/error.h"
#include "models/built_in.h"
#include "models/initial_weights.h"
#include "models/shape_text.h"
#include "models/structure_builder.h"

namespace coppice {
namespace {

constexpr ParamId kEmbedding = 0;
constexpr int kTensorsPerLayer = 9;
enum InLayer : ParamId { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown, kNormAttention, kNormFfn };

// y = gamma x / sqrt(mean(x^2) + eps), in float32 whatever x is (Zhang & Sennrich 2019, eq. 4).
at::Tensor rms_norm(const at::Tensor& x_BTD, const at::Tensor& gamma_D, double eps) {
  const at::Tensor wide_BTD = x_BTD.to(at::kFloat);
  const at::Tensor scale_BT1 = at::rsqrt(at::mean(wide_BTD * wide_BTD, {-1}, true) + eps);
  return (wide_BTD * scale_BT1).to(x_BTD.scalar_type()) * gamma_D;
}

// cos and sin of t * base^(-2i / head_dim) for i < head_dim / 2, repeated for the second half: [T, head_dim].
struct Rotary {
  Rotary(std::int64_t tokens, std::int64_t head_dim, double base, at::ScalarType dtype) {
    cos_TD = at::empty({tokens, head_dim}, at::TensorOptions().dtype(at::kFloat));
    sin_TD = at::empty({tokens, head_dim}, at::TensorOptions().dtype(at::kFloat));
    float* cos = cos_TD.mutable_data_ptr<float>();
    float* sin = sin_TD.mutable_data_ptr<float>();
    const std::int64_t half = head_dim / 2;
    for (std::int64_t i = 0; i < half; ++i) {
      const double frequency = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
      for (std::int64_t t = 0; t < tokens; ++t) {
        const double angle = static_cast<double>(t) * frequency;
        cos[t * head_dim + i] = cos[t * head_dim + i + half] = static_cast<float>(std::cos(angle));
        sin[t * head_dim + i] = sin[t * head_dim + i + half] = static_cast<float>(std::sin(angle));
      }
    }
    cos_TD = cos_TD.to(dtype);
    sin_TD = sin_TD.to(dtype);
  }

  // x_BHTD -> x cos + rotate_half(x) sin, rotate_half(a, b) = (-b, a) for the halves a and b (Su et al. 2021, section 3.2).
  at::Tensor operator()(const at::Tensor& x_BHTD) const {
    const std::vector<at::Tensor> halves = x_BHTD.chunk(2, -1);
    return x_BHTD * cos_TD + at::cat({-halves[1], halves[0]}, -1) * sin_TD;
  }

  at::Tensor cos_TD;
  at::Tensor sin_TD;
};

const LlamaConfig& checked(const LlamaConfig& config) {
  check_size("vocab", config.vocab);
  check_size("dim", config.dim);
  check_size("head_dim", config.head_dim);
  check_size("queries_per_kv", config.queries_per_kv);
  check_sizes("kv_heads", config.kv_heads, config.kv_heads.size());
  check_sizes("ffn", config.ffn, config.kv_heads.size());
  if (config.head_dim % 2 != 0) {
    throw InputError("model llama: head_dim: found " + std::to_string(config.head_dim) + "; expected an even number");
  }
  return config;
}

void check_tokens(const at::Tensor& ids_BT, std::int64_t vocab) {
  if (ids_BT.dim() != 2 || ids_BT.scalar_type() != at::kLong) {
    throw InputError("model llama: found an input of shape " + shape_text(ids_BT.sizes()) + " of " +
                     at::toString(ids_BT.scalar_type()) + "; expected tokens, [batch, length] of Long");
  }
  const at::Tensor packed = ids_BT.contiguous();
  for (const std::int64_t id : std::span(packed.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(packed.numel()))) {
    if (id < 0 || id >= vocab) {
      throw InputError("model llama: found token " + std::to_string(id) + "; the vocabulary has tokens 0 to " +
                       std::to_string(vocab - 1));
    }
  }
}

class Llama final : public BuiltInModel {
 public:
  explicit Llama(const LlamaConfig& config)
      : BuiltInModel(checked(config)), config_(config), layers_(static_cast<int>(config.kv_heads.size())) {
    base().add("model.embed_tokens.weight", {config.vocab, config.dim});
    for (int l = 0; l < layers_; ++l) {
      const std::string name = "model.layers." + std::to_string(l) + ".";
      const std::int64_t kv = config.kv_heads[l] * config.head_dim, query = kv * config.queries_per_kv;
      base().add(name + "self_attn.q_proj.weight", {query, config.dim});
      base().add(name + "self_attn.k_proj.weight", {kv, config.dim});
      base().add(name + "self_attn.v_proj.weight", {kv, config.dim});
      base().add(name + "self_attn.o_proj.weight", {config.dim, query});
      base().add(name + "mlp.gate_proj.weight", {config.ffn[l], config.dim});
      base().add(name + "mlp.up_proj.weight", {config.ffn[l], config.dim});
      base().add(name + "mlp.down_proj.weight", {config.dim, config.ffn[l]});
      base().add(name + "input_layernorm.weight", {config.dim});
      base().add(name + "post_attention_layernorm.weight", {config.dim});
    }
    norm_ = base().add("model.norm.weight", {config.dim});
    head_ = base().add("lm_head.weight", {config.vocab, config.dim});
  }

  int num_blocks() const override { return layers_ + 2; }

  at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap,
                           Mode /*mode*/) const override {
    const auto& w = weights.params;
    if (index == 0) {
      check_tokens(hidden, config_.vocab);
      return at::embedding(w[kEmbedding], hidden);
    }
    if (index + 1 == num_blocks()) {
      return tap.linear(head_, rms_norm(hidden, w[norm_], config_.norm_eps), w[head_], {}).to(at::kFloat);
    }
    const int layer = index - 1;
    const at::Tensor attended_BTD =
        hidden + attention(layer, rms_norm(hidden, w[param(layer, kNormAttention)], config_.norm_eps), w, tap);
    const at::Tensor x_BTD = rms_norm(attended_BTD, w[param(layer, kNormFfn)], config_.norm_eps);
    const at::Tensor gated_BTF =
        at::silu(linear(layer, kGate, x_BTD, w, tap)) * linear(layer, kUp, x_BTD, w, tap);
    return attended_BTD + linear(layer, kDown, gated_BTF, w, tap);
  }

  PrunableStructure structure() const override {
    StructureBuilder builder(base());
    for (int l = 0; l < layers_; ++l) {
      const std::string name = "layers." + std::to_string(l) + ".";
      const std::int64_t kv = config_.head_dim, query = config_.head_dim * config_.queries_per_kv;
      builder.add_family(name + "kv_group", "kv_group", config_.kv_heads[l], [l, kv, query](std::int64_t unit) {
        return std::vector<Slice>{slice_of(param(l, kQuery), 0, unit, query), slice_of(param(l, kKey), 0, unit, kv),
                                  slice_of(param(l, kValue), 0, unit, kv), slice_of(param(l, kOutput), 1, unit, query)};
      });
      builder.add_family(name + "ffn", "neuron", config_.ffn[l], [l](std::int64_t unit) {
        return std::vector<Slice>{slice_of(param(l, kGate), 0, unit), slice_of(param(l, kUp), 0, unit),
                                  slice_of(param(l, kDown), 1, unit)};
      });
      for (const InLayer matrix : {kQuery, kKey, kValue, kOutput, kGate, kUp, kDown}) {
        builder.add_matrix(param(l, matrix), 1, false);
      }
    }
    builder.add_matrix(head_, 1, true);
    return builder.take();
  }

  Cost cost(std::span<const std::int64_t> widths) const override {
    check_widths(widths, full_widths());
    Cost cost{.params = config_.vocab * config_.dim * 2 + config_.dim, .macs = config_.vocab * config_.dim};
    for (int l = 0; l < layers_; ++l) {
      const std::int64_t heads = widths[2 * l] * (2 + 2 * config_.queries_per_kv);
      const std::int64_t matrices = config_.dim * (heads * config_.head_dim + 3 * widths[2 * l + 1]);
      cost.macs += matrices;
      cost.params += matrices + 2 * config_.dim;
    }
    return cost;
  }

  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    const std::vector<std::int64_t> widths = kept_widths(structure(), kept);
    LlamaConfig narrow = config_;
    for (int l = 0; l < layers_; ++l) {
      narrow.kv_heads[l] = widths[2 * l];
      narrow.ffn[l] = widths[2 * l + 1];
    }
    return narrow;
  }

  void initialise(const Arena& base, const Arena& /*moments*/, Seed seed) const override {
    for (int tensor = 0; tensor < base.layout().size(); ++tensor) {
      if (base.layout()[tensor].shape.size() == 1) {
        fill_constant(base, tensor, 1.0F);
      } else {
        fill_normal(base, tensor, seed, kLinearGain);
      }
    }
  }

 private:
  using Params = std::span<const at::Tensor>;

  static ParamId param(int layer, InLayer tensor) { return 1 + layer * kTensorsPerLayer + tensor; }

  std::vector<std::int64_t> full_widths() const {
    std::vector<std::int64_t> widths;
    for (int l = 0; l < layers_; ++l) widths.insert(widths.end(), {config_.kv_heads[l], config_.ffn[l]});
    return widths;
  }

  static at::Tensor linear(int layer, InLayer tensor, const at::Tensor& x_BTI, const Params& w, Tap& tap) {
    return tap.linear(param(layer, tensor), x_BTI, w[param(layer, tensor)], {});
  }

  // [B, T, H * head_dim] -> [B, H, T, head_dim]
  at::Tensor heads(const at::Tensor& x_BTI) const {
    return x_BTI.view({x_BTI.size(0), x_BTI.size(1), -1, config_.head_dim}).transpose(1, 2);
  }

  at::Tensor attention(int layer, const at::Tensor& x_BTD, const Params& w, Tap& tap) const {
    const Rotary rotary(x_BTD.size(1), config_.head_dim, config_.rope_base, x_BTD.scalar_type());
    const at::Tensor q_BHTD = rotary(heads(linear(layer, kQuery, x_BTD, w, tap)));
    const at::Tensor k_BGTD = rotary(heads(linear(layer, kKey, x_BTD, w, tap)));
    const at::Tensor v_BGTD = heads(linear(layer, kValue, x_BTD, w, tap));
    const auto shared = [this](const at::Tensor& x_BGTD) {  // each key and value head serves its query heads
      return config_.queries_per_kv == 1 ? x_BGTD : x_BGTD.repeat_interleave(config_.queries_per_kv, 1);
    };
    const at::Tensor y_BHTD = at::scaled_dot_product_attention(q_BHTD, shared(k_BGTD), shared(v_BGTD), {}, 0.0, true);
    const at::Tensor y_BTI = y_BHTD.transpose(1, 2).reshape({x_BTD.size(0), x_BTD.size(1), -1});
    return linear(layer, kOutput, y_BTI, w, tap);
  }

  LlamaConfig config_;
  int layers_;
  ParamId norm_ = 0;
  ParamId head_ = 0;
};

}  // namespace

std::unique_ptr<Model> make_llama(const LlamaConfig& config) { return std::make_unique<Llama>(config); }

}  // namespace coppice
