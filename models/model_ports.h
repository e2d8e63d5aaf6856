// What goes into a model and what comes out, for those who have to make inputs or compare with data.
#pragma once

#include <cstdint>
#include <vector>

#include "models/batch.h"
#include "models/model_config.h"

namespace coppice {

struct ModelPorts {
  enum class Input : std::uint8_t { kImages, kFeatures, kTokens };
  Input input = Input::kFeatures;
  std::vector<std::int64_t> shape;  // of a sample: H, W, C; F; or T. -1: any size
  std::int64_t vocabulary = 0;      // of tokens
  std::int64_t outputs = 0;         // logits of a sample, or of a token
  std::int64_t latents = 0;         // draws of N(0, 1) that a sample takes while the model is trained
};

// Throws InputError for a graph that takes in or puts out something else, Error for a config that only names a file.
ModelPorts ports_of(const ModelConfig& config);

// `count` samples of nothing but `value` (tokens: of the vocabulary's middle, far from those that pad). A size that may be any is 1.
Batch made_up_batch(const ModelPorts& ports, std::int64_t count, float value);

}  // namespace coppice
