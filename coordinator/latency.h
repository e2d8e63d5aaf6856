// How long one forward pass takes here and now, and the made-up inputs that it is measured with.
#pragma once

#include <cstdint>

#include "models/model.h"
#include "models/model_state.h"

namespace coppice {

// `count` samples of a fixed seed, shaped as the architecture takes them: standard normal values, or at most 32 tokens.
Batch random_batch(const Model& model, const std::vector<std::int64_t>& sample_shape, std::int64_t count);

// Median milliseconds of a float32 forward pass over `batch` random samples shaped like `sample`, on the calling thread's
// torch threads. At least 20 passes and a tenth of a second after a warm-up, or two seconds and one pass.
double measure_latency_ms(const Model& model, const ModelState& state, const std::vector<std::int64_t>& sample_shape,
                          std::int64_t batch);

// The time of `a` over that of `b`, whose passes take turns: what else the machine does meets both alike.
double measure_latency_ratio(const Model& a, const ModelState& state_a, const Model& b, const ModelState& state_b,
                             const std::vector<std::int64_t>& sample_shape, std::int64_t batch);

}  // namespace coppice
