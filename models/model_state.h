// A model's weights: its config plus its arenas. Everything that training, aggregation or a transform changes is in here.
#pragma once

#include <memory>
#include <string>

#include "core/digest.h"
#include "models/arena.h"
#include "models/model.h"
#include "models/model_config.h"

namespace coppice {

struct ModelState {
  ModelConfig config;
  Arena base;     // trainable, float32
  Arena moments;  // running statistics of batch norms; not trained, aggregated by their own rule; may be empty

  ModelState clone() const { return {config, base.clone(), moments.clone()}; }
  Digest digest() const;
  Weights weights() const { return {base.views(), moments.views()}; }
};

// Fresh weights from the seed.
ModelState initial_state(const Model& model, Seed seed);

}  // namespace coppice
