// Which token follows: the likeliest, or one drawn among the likeliest.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/seed.h"

namespace coppice {

struct SamplingConfig {
  double temperature = 0.0;  // logits are divided by it; 0: always the likeliest token, the first of equals
  std::int64_t top_k = 0;    // among the so many likeliest; 0: all
  double top_p = 1.0;        // among the fewest, of those, that have this probability together (Holtzman et al. 2020, section 3.1)
};

class TokenSampler {
 public:
  // Throws InputError on a negative temperature or k, and on p outside (0, 1].
  TokenSampler(const SamplingConfig& config, Seed seed);

  // logits [V] of float or bfloat16. The draws depend on the seed and the calls before. Throws InputError where a logit is not finite.
  std::int64_t draw(const at::Tensor& logits_V);

 private:
  SamplingConfig config_;
  Stream stream_;
};

}  // namespace coppice
