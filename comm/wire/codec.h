// Narrower values on the wire: f32 <-> bf16, f16 and i8, free of torch.
//
// f32 -> bf16, f16: round to nearest, ties to even; overflow gives infinity, NaN stays NaN.
// f32 -> i8:        scale = max |x| / 127 over the block; q = round(x / scale), ties to even, in [-127, 127]; x' = scale * q,
//                   so |x - x'| <= scale / 2 (up to rounding of the arithmetic). With a rounding stream instead
//                   q = floor(x / scale) + [u < frac(x / scale)], u uniform on 2^-24 Z: then E[q] = x / scale and
//                   |x - x'| < scale, which is what error feedback and unbiased aggregation need (QSGD, Alistarh et al. 2017).
// Back to f32 is exact for bf16 and f16. Cost: one pass; i8 two.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/block.h"
#include "core/seed.h"

namespace coppice {

struct EncodedValues {
  std::vector<std::byte> bytes;
  float scale = 1.0F;
};

// `dtype`: kF32, kBF16, kF16 or kI8. `rounding` is for kI8 only and draws one number a value. kI8 refuses NaN and infinities
// with an InputError, since one of them would take the whole block with it.
EncodedValues encode_values(std::span<const float> values, DType dtype, Stream* rounding = nullptr);

// `values.size()` elements of `dtype`, one of the four above; InputError where the lengths disagree.
void decode_values(std::span<const std::byte> bytes, DType dtype, float scale, std::span<float> values);

// The same on a block: its values from kF32 to `dtype`, and from one of the four back to kF32. Positions stay.
void narrow_values(Block& block, DType dtype, Stream* rounding = nullptr);
void widen_values(Block& block);

}  // namespace coppice
