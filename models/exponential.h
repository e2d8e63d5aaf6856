// exp for kernels that the compiler turns into vector code.
#pragma once

#include <bit>
#include <cstdint>

namespace coppice {

// exp(x) for x <= 0 and a little above; at least exp(-87); NaN stays one. x = n log 2 + r, |r| <= log(2) / 2, and a polynomial in r
// (Cephes): relative error about 1e-7.
[[gnu::always_inline]] inline float exponential(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: what is added to it is rounded to a whole number
  x = x < -87.0F ? -87.0F : x;
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const auto exponent = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  return (p * r * r + r + 1.0F) * std::bit_cast<float>((exponent + 127) << 23);
}

}  // namespace coppice
