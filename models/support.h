// A tensor's support as a bitmap, and the two moves sparse transport makes with it: kept values out of a dense tensor,
// and back into one. One pass, 64 elements at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <c10/core/ScalarType.h>

#include "core/block.h"
#include "models/bits.h"

namespace coppice {

// The values at set bits, in order. `dense` has support.size() elements, `kept` support.count(). Throws Error
// otherwise.
void gather_kept(std::span<const float> dense, const Bits& support, std::span<float> kept);
void gather_kept(std::span<const float> dense, const Bits& support, std::vector<float>& kept);  // resizes `kept`

void gather_kept(std::span<const std::uint16_t> dense, const Bits& support, std::span<std::uint16_t> kept);  // bfloat16 or float16

// The inverse: set bits take the values in order, all others become zero.
void scatter_kept(std::span<const float> kept, const Bits& support, std::span<float> dense);
void scatter_kept(std::span<const std::uint16_t> kept, const Bits& support, std::span<std::uint16_t> dense);

// Zeroes the elements whose bit is not set (a NaN among them too).
void zero_dropped(const Bits& support, std::span<float> dense);
void zero_dropped(const Bits& support, std::span<std::uint16_t> dense);  // bfloat16 or float16

at::ScalarType scalar_type_of(DType dtype);

}  // namespace coppice
