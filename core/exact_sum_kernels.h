// The inner loops of exact sums: acc[i] += round(x[i] * factor), halves to even, in three instruction sets with equal
// bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice {

enum class Simd : std::uint8_t { kScalar, kAvx2, kAvx512 };

bool is_supported(Simd simd);
Simd best_simd();

// Each returns whether all |round(x * factor)| <= limit (at most 2^62). Where one is not, acc has been changed all the
// same, and a second call with -factor puts back the same bits.
struct SumKernels {
  bool (*floats)(std::int64_t* acc, const float* x, std::size_t n, double factor, std::uint64_t limit);
  bool (*doubles)(std::int64_t* acc, const double* x, std::size_t n, double factor, std::uint64_t limit);
  bool (*difference)(std::int64_t* acc, const float* after, const float* before, std::size_t n, double factor,
                     std::uint64_t limit);
};

// Throws Error where the machine does not support it.
const SumKernels& kernels_for(Simd simd);

}  // namespace coppice
