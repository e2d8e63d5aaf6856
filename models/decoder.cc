#include "models/decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/silu.h>

#include <bit>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "models/attention.h"
#include "models/decoder_structure.h"
#include "models/gated_silu.h"
#include "models/initial_weights.h"
#include "models/operations.h"
#include "models/rms_norm.h"
#include "models/rotary.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

using Params = std::span<const at::Tensor>;
using decoder::kNone;
using decoder::Layer;
using decoder::Tensors;

at::Tensor at_or_none(const Params& w, ParamId id) { return id == kNone ? at::Tensor() : w[id]; }

const DecoderConfig& checked(const DecoderConfig& config) {
  check_size("vocab", config.vocab);
  check_size("dim", config.dim);
  check_size("head_dim", config.head_dim);
  check_sizes("kv_heads", config.kv_heads, config.kv_heads.size());
  check_sizes("queries_per_kv", config.queries_per_kv, config.kv_heads.size());
  check_sizes("ffn", config.ffn, config.kv_heads.size());
  if (config.rope_base > 0.0 && config.head_dim % 2 != 0) {
    throw InputError("model decoder: head_dim: found " + std::to_string(config.head_dim) + "; expected an even number");
  }
  if (config.positions > 0 && config.first_position >= config.positions) {
    throw InputError("model decoder: first_position: found " + std::to_string(config.first_position) + "; the table has rows 0 to " +
                     std::to_string(config.positions - 1));
  }
  return config;
}

void check_tokens(const at::Tensor& ids_BT, std::int64_t before, const DecoderConfig& config) {
  if (ids_BT.dim() != 2 || ids_BT.scalar_type() != at::kLong) {
    throw InputError("model decoder: found an input of shape " + shape_text(ids_BT.sizes()) + " of " +
                     at::toString(ids_BT.scalar_type()) + "; expected tokens, [batch, length] of Long");
  }
  const std::int64_t rows = config.positions - config.first_position;
  if (config.positions > 0 && before + ids_BT.size(1) > rows) {
    throw InputError("model decoder: found " + std::to_string(before + ids_BT.size(1)) + " tokens; the table of positions has room for " +
                     std::to_string(rows));
  }
  const at::Tensor packed = ids_BT.contiguous();
  for (const std::int64_t id : std::span(packed.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(packed.numel()))) {
    if (id < 0 || id >= config.vocab) {
      throw InputError("model decoder: found token " + std::to_string(id) + "; the vocabulary has tokens 0 to " +
                       std::to_string(config.vocab - 1));
    }
  }
}

class Decoder final : public DecoderModel {
 public:
  explicit Decoder(const DecoderConfig& config) : DecoderModel(checked(config)), config_(config) {
    embedding_ = base().add("model.embed_tokens.weight", {config.vocab, config.dim});
    if (config.positions > 0) positions_ = base().add("model.embed_positions.weight", {config.positions, config.dim});
    const auto declared_in = [this](std::size_t block) { first_blocks_.resize(static_cast<std::size_t>(base().size()), static_cast<int>(block)); };
    declared_in(0);
    for (std::size_t l = 0; l < config.kv_heads.size(); ++l) {
      layers_.push_back(declare_layer(l));
      declared_in(l + 1);
    }
    norm_ = declare_norm("model.norm");
    head_ = config.tied ? embedding_ : base().add("lm_head.weight", {config.vocab, config.dim});
    declared_in(layers_.size() + 1);
  }

  int num_blocks() const override { return static_cast<int>(layers_.size()) + 2; }
  int first_block_of(ParamId tensor) const override { return first_blocks_[static_cast<std::size_t>(tensor)]; }

  at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap,
                           Mode /*mode*/) const override {
    return block(index, hidden, weights.params, tap, nullptr);
  }

  at::Tensor continue_text(const at::Tensor& ids_BT, KvCache& cache, const Weights& weights, Tap& tap) const override {
    at::Tensor hidden = ids_BT;
    for (int i = 0; i + 1 < num_blocks(); ++i) hidden = block(i, hidden, weights.params, tap, &cache);
    cache.advance(ids_BT.size(1));
    return block(num_blocks() - 1, hidden.narrow(1, ids_BT.size(1) - 1, 1), weights.params, tap, nullptr).select(1, 0);
  }

  PrunableStructure structure() const override { return decoder::structure_of(config_, base(), layers_, head_); }
  Cost cost(std::span<const std::int64_t> widths) const override { return decoder::cost_of(config_, widths); }
  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    return decoder::sliced(config_, structure(), kept);
  }

  void initialise(const Arena& base, const Arena& /*moments*/, Seed seed) const override {
    for (int tensor = 0; tensor < base.layout().size(); ++tensor) {
      const ArenaEntry& entry = base.layout()[tensor];
      if (entry.name.ends_with(".booster")) {
        fill_constant(base, tensor, 0.0F);
      } else if (entry.shape.size() == 2) {
        fill_normal(base, tensor, seed, kLinearGain);
      } else {
        fill_constant(base, tensor, entry.name.ends_with("bias") ? 0.0F : 1.0F);
      }
    }
  }

 private:
  // A block of forward_block, behind the tokens of a cache where there is one.
  at::Tensor block(int index, const at::Tensor& hidden, const Params& w, Tap& tap, KvCache* cache) const {
    if (index == 0) {
      const std::int64_t before = cache == nullptr ? 0 : cache->tokens();
      check_tokens(hidden, before, config_);
      const at::Tensor x_BTD = at::embedding(w[embedding_], hidden);
      return positions_ == kNone ? x_BTD : x_BTD + w[positions_].narrow(0, config_.first_position + before, hidden.size(1));
    }
    if (index + 1 == num_blocks()) return tap.linear(head_, norm(norm_, hidden, w), w[head_], {});
    const auto l = static_cast<std::size_t>(index - 1);
    const Layer& layer = layers_[l];
    const at::Tensor attended_BTD = hidden + attention(l, norm(layer.norm_attention, hidden, w), w, tap, cache);
    const at::Tensor x_BTD = norm(layer.norm_ffn, attended_BTD, w);
    return attended_BTD + linear(layer.down, inner(layer, x_BTD, w, tap), w, tap);
  }

  Tensors declare_matrix(const std::string& name, std::int64_t outputs, std::int64_t inputs, bool bias) {
    Tensors matrix;
    matrix.weight = base().add(name + ".weight", {outputs, inputs});
    if (bias) matrix.bias = base().add(name + ".bias", {outputs});
    if (config_.booster > 0) {
      if (inputs % config_.booster != 0) {
        throw InputError("model decoder: booster: found " + std::to_string(config_.booster) + "; expected a divisor of the " + std::to_string(inputs) +
                         " inputs of " + name);
      }
      matrix.booster = base().add(name + ".booster", {outputs, inputs / config_.booster});
    }
    return matrix;
  }

  Tensors declare_norm(const std::string& name) {
    Tensors norm;
    norm.weight = base().add(name + ".weight", {config_.dim});
    if (config_.norm == DecoderConfig::Norm::kLayer) norm.bias = base().add(name + ".bias", {config_.dim});
    return norm;
  }

  Layer declare_layer(std::size_t l) {
    const std::string name = "model.layers." + std::to_string(l) + ".";
    const std::int64_t dim = config_.dim, ffn = config_.ffn[l];
    const std::int64_t kv = config_.kv_heads[l] * config_.head_dim, query = kv * config_.queries_per_kv[l];
    Layer layer;
    layer.query = declare_matrix(name + "self_attn.q_proj", query, dim, config_.bias_qkv);
    layer.key = declare_matrix(name + "self_attn.k_proj", kv, dim, config_.bias_qkv);
    layer.value = declare_matrix(name + "self_attn.v_proj", kv, dim, config_.bias_qkv);
    layer.output = declare_matrix(name + "self_attn.o_proj", dim, query, config_.bias_out);
    if (config_.qk_norm) {
      layer.norm_query = base().add(name + "self_attn.q_norm.weight", {config_.head_dim});
      layer.norm_key = base().add(name + "self_attn.k_norm.weight", {config_.head_dim});
    }
    if (config_.gated) layer.gate = declare_matrix(name + "mlp.gate_proj", ffn, dim, config_.bias_ffn);
    layer.up = declare_matrix(name + "mlp.up_proj", ffn, dim, config_.bias_ffn);
    layer.down = declare_matrix(name + "mlp.down_proj", dim, ffn, config_.bias_ffn);
    layer.norm_attention = declare_norm(name + "input_layernorm");
    layer.norm_ffn = declare_norm(name + "post_attention_layernorm");
    return layer;
  }

  at::Tensor linear(const Tensors& matrix, const at::Tensor& x_BTI, const Params& w, Tap& tap) const {
    const at::Tensor y_BTO = tap.linear(matrix.weight, x_BTI, w[matrix.weight], at_or_none(w, matrix.bias));
    if (matrix.booster == kNone) return y_BTO;
    const at::Tensor sums_BTS = x_BTI.unflatten(-1, {x_BTI.size(-1) / config_.booster, config_.booster}).sum(-1);
    return y_BTO + tap.linear(matrix.booster, sums_BTS, w[matrix.booster], {});
  }

  at::Tensor norm(const Tensors& norm, const at::Tensor& x_BTD, const Params& w) const {
    if (config_.norm == DecoderConfig::Norm::kRms) return rms_norm(x_BTD, w[norm.weight], config_.norm_eps);
    return at::layer_norm(x_BTD, {config_.dim}, w[norm.weight], w[norm.bias], config_.norm_eps);
  }

  at::Tensor activated(const at::Tensor& x) const {
    switch (config_.activation) {
      case DecoderConfig::Activation::kSilu: return at::silu(x);
      case DecoderConfig::Activation::kGelu: return at::gelu(x);
      case DecoderConfig::Activation::kGeluTanh: return at::gelu(x, "tanh");
      case DecoderConfig::Activation::kRelu: return rectified(x);
    }
    throw Error("unknown activation");
  }

  at::Tensor inner(const Layer& layer, const at::Tensor& x_BTD, const Params& w, Tap& tap) const {
    const at::Tensor up_BTF = linear(layer.up, x_BTD, w, tap);
    if (!config_.gated) return activated(up_BTF);
    const at::Tensor gate_BTF = linear(layer.gate, x_BTD, w, tap);
    return config_.activation == DecoderConfig::Activation::kSilu ? gated_silu(gate_BTF, up_BTF) : activated(gate_BTF) * up_BTF;
  }

  // [B, T, H * head_dim] -> [B, T, H, head_dim]
  at::Tensor heads(const at::Tensor& x_BTI) const {
    return x_BTI.view({x_BTI.size(0), x_BTI.size(1), -1, config_.head_dim});
  }

  // Queries or keys of tokens behind `before` others: normalised and turned where the architecture does so.
  at::Tensor placed_heads(const at::Tensor& x_BTI, ParamId gamma, std::int64_t before, const Params& w) const {
    at::Tensor x_BTHD = heads(x_BTI);
    if (gamma != kNone) x_BTHD = rms_norm(x_BTHD, w[gamma], config_.norm_eps);
    return config_.rope_base > 0.0 ? rotated(x_BTHD, *rotary_table(before + x_BTHD.size(1)), before) : x_BTHD;
  }

  // For at least so many tokens; made once and again where a longer text comes.
  std::shared_ptr<const RotaryTable> rotary_table(std::int64_t tokens) const {
    const std::lock_guard lock(rotary_mutex_);
    if (!rotary_table_ || rotary_table_->cos_TP.size(0) < tokens) {
      const auto room = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(tokens)));  // a text that grows asks seldom
      rotary_table_ = std::make_shared<const RotaryTable>(room, config_.head_dim, config_.rope_base);
    }
    return rotary_table_;
  }

  at::Tensor attention(std::size_t l, const at::Tensor& x_BTD, const Params& w, Tap& tap, KvCache* cache) const {
    const Layer& layer = layers_[l];
    const std::int64_t before = cache == nullptr ? 0 : cache->tokens();
    const at::Tensor q_BHTD = placed_heads(linear(layer.query, x_BTD, w, tap), layer.norm_query, before, w).transpose(1, 2);
    KeysAndValues seen{placed_heads(linear(layer.key, x_BTD, w, tap), layer.norm_key, before, w).transpose(1, 2),
                       heads(linear(layer.value, x_BTD, w, tap)).transpose(1, 2)};
    if (cache != nullptr) seen = cache->append(l, seen);
    const at::Tensor y_BHTD = causal_attention(q_BHTD, seen, config_.window);
    const at::Tensor y_BTI = y_BHTD.transpose(1, 2).reshape({x_BTD.size(0), x_BTD.size(1), -1});
    return linear(layer.output, y_BTI, w, tap);
  }

  DecoderConfig config_;
  std::vector<Layer> layers_;
  std::vector<int> first_blocks_;  // of each tensor
  ParamId embedding_ = kNone;
  ParamId positions_ = kNone;
  ParamId head_ = kNone;
  Tensors norm_;
  mutable std::mutex rotary_mutex_;
  mutable std::shared_ptr<const RotaryTable> rotary_table_;
};

}  // namespace

std::unique_ptr<DecoderModel> make_decoder(const DecoderConfig& config) { return std::make_unique<Decoder>(config); }

}  // namespace coppice
