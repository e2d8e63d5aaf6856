// How fast a language model is here: what it costs to run, to train and to score. Best of several passes: other work on the machine only
// ever adds to one.
#pragma once

#include <cstdint>

#include "algorithms/training/replica.h"
#include "models/decoder.h"
#include "models/model_state.h"

namespace coppice {

struct DecoderSpeed {
  static constexpr std::int64_t kPrefillBatch = 4, kPrefillTokens = 512;
  static constexpr std::int64_t kPromptTokens = 64, kNewTokens = 32;
  static constexpr std::int64_t kStepBatch = 4, kStepTokens = 256;

  double prefill_tokens_per_s = 0.0;  // kPrefillBatch x kPrefillTokens into a cache, logits of the last
  double decode_tokens_per_s = 0.0;   // batch 1 behind kPromptTokens, kNewTokens passes with a cache
  double step_s = 0.0;                // kStepBatch x kStepTokens: forward, backward, AdamW on float32 weights
  double importance_s = 0.0;          // the same tokens: forward, backward, coarse and fine first-order Taylor scores of every unit
};

// `weights` in the dtype that `precision` means; `state` in float32. Random tokens of a fixed seed; `repeats` >= 1.
DecoderSpeed measure_speed(std::shared_ptr<const DecoderModel> model, std::shared_ptr<const ModelState> state, const Weights& weights,
                           Precision precision, int repeats);

}  // namespace coppice
