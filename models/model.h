// An architecture: a pure description of a forward pass over tensors that live elsewhere. Stateless and shareable by threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/seed.h"
#include "models/arena.h"
#include "models/batch.h"
#include "models/model_config.h"
#include "models/prunable_structure.h"
#include "models/tap.h"

namespace coppice {

// What one forward pass reads. `params[i]` is entry i of the base layout, `moments[i]` of the moments layout.
struct Weights {
  std::span<const at::Tensor> params;
  std::span<const at::Tensor> moments;
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelConfig& config() const = 0;
  virtual std::shared_ptr<const ArenaLayout> base_layout() const = 0;
  virtual std::shared_ptr<const ArenaLayout> moments_layout() const = 0;  // running statistics; may be empty

  // Stem, body blocks and head in order: block 0 takes the batch's input tensor, the last returns logits.
  virtual int num_blocks() const = 0;
  virtual at::Tensor forward_block(int index, const at::Tensor& hidden, const Weights& weights, Tap& tap,
                                   Mode mode) const = 0;
  // The first block that reads entry `tensor` of the base layout: once a backward pass is through it, the entry's gradient is whole.
  virtual int first_block_of(ParamId /*tensor*/) const { return 0; }
  // Logits: [B, V] in float32, or [B, T, V] in the weights' dtype for tokens, where a copy of them would be felt.
  at::Tensor forward(const Batch& batch, const Weights& weights, Tap& tap, Mode mode) const;

  virtual PrunableStructure structure() const = 0;
  // Exact parameters and multiply-adds of the model that keeps `widths[f]` units of family f.
  virtual Cost cost(std::span<const std::int64_t> widths) const = 0;
  // The config of the model that keeps the units with kept[g] != 0 (Transforms copy the weights).
  virtual ModelConfig sliced_config(std::span<const std::uint8_t> kept) const = 0;

  // Writes initial weights (He normal for conv and linear, gamma 1, beta 0, variance 1), from the seed alone.
  virtual void initialise(const Arena& base, const Arena& moments, Seed seed) const = 0;
};

std::unique_ptr<Model> make_model(const ModelConfig& config);

}  // namespace coppice
