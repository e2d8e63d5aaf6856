#include "core/exact_sum_kernels.h"

#include <cmath>

#include "core/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace coppice {
namespace {

// The largest double that is not above `limit`: a whole double is within `limit` if and only if it is within this one.
double rounded_down(std::uint64_t limit) {
  const auto nearest = static_cast<double>(limit);
  return nearest > 0x1p62 || static_cast<std::uint64_t>(nearest) > limit ? std::nextafter(nearest, 0.0) : nearest;
}

// Sums wrap as unsigned numbers: only values that are about to be put back ever do.
void accumulate(std::int64_t& acc, std::int64_t q) {
  acc = static_cast<std::int64_t>(static_cast<std::uint64_t>(acc) + static_cast<std::uint64_t>(q));
}

struct Floats {
  const float* x;
  double operator()(std::size_t i) const { return static_cast<double>(x[i]); }
};

struct Doubles {
  const double* x;
  double operator()(std::size_t i) const { return x[i]; }
};

struct Difference {
  const float* after;
  const float* before;
  double operator()(std::size_t i) const { return static_cast<double>(after[i]) - static_cast<double>(before[i]); }
};

template <class Load>
bool add_scalar(std::int64_t* acc, std::size_t begin, std::size_t end, double factor, std::uint64_t limit, Load load) {
  const double largest = rounded_down(limit);
  bool fits = true;
  for (std::size_t i = begin; i < end; ++i) {
    const double rounded = std::rint(load(i) * factor);
    const bool fit = std::fabs(rounded) <= largest;
    accumulate(acc[i], fit ? static_cast<std::int64_t>(rounded) : 0);
    fits = fits && fit;
  }
  return fits;
}

constexpr SumKernels kScalarKernels = {
    [](std::int64_t* acc, const float* x, std::size_t n, double factor, std::uint64_t limit) {
      return add_scalar(acc, 0, n, factor, limit, Floats{x});
    },
    [](std::int64_t* acc, const double* x, std::size_t n, double factor, std::uint64_t limit) {
      return add_scalar(acc, 0, n, factor, limit, Doubles{x});
    },
    [](std::int64_t* acc, const float* after, const float* before, std::size_t n, double factor, std::uint64_t limit) {
      return add_scalar(acc, 0, n, factor, limit, Difference{after, before});
    },
};

#if defined(__x86_64__)
#define COPPICE_AVX2 __attribute__((target("avx2")))
#define COPPICE_AVX512 __attribute__((target("avx2,avx512f,avx512dq,avx512vl")))

COPPICE_AVX2 inline __m256d load4(const Floats& f, std::size_t i) { return _mm256_cvtps_pd(_mm_loadu_ps(f.x + i)); }
COPPICE_AVX2 inline __m256d load4(const Doubles& d, std::size_t i) { return _mm256_loadu_pd(d.x + i); }
COPPICE_AVX2 inline __m256d load4(const Difference& d, std::size_t i) {
  return _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(d.after + i)), _mm256_cvtps_pd(_mm_loadu_ps(d.before + i)));
}

COPPICE_AVX512 inline __m512d load8(const Floats& f, std::size_t i) {
  return _mm512_cvtps_pd(_mm256_loadu_ps(f.x + i));
}
COPPICE_AVX512 inline __m512d load8(const Doubles& d, std::size_t i) { return _mm512_loadu_pd(d.x + i); }
COPPICE_AVX512 inline __m512d load8(const Difference& d, std::size_t i) {
  return _mm512_sub_pd(_mm512_cvtps_pd(_mm256_loadu_ps(d.after + i)), _mm512_cvtps_pd(_mm256_loadu_ps(d.before + i)));
}

template <class Load>
COPPICE_AVX2 bool add_avx2(std::int64_t* acc, std::size_t n, double factor, std::uint64_t limit, Load load) {
  const __m256d factors = _mm256_set1_pd(factor), largest = _mm256_set1_pd(rounded_down(limit));
  const __m256d sign = _mm256_set1_pd(-0.0), two32 = _mm256_set1_pd(0x1p32), per32 = _mm256_set1_pd(0x1p-32);
  const __m256d two52 = _mm256_set1_pd(0x1p52), middle = _mm256_set1_pd(0x1.8p52);
  __m256d all_fit = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
  const std::size_t whole = n - n % 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    const __m256d rounded =
        _mm256_round_pd(_mm256_mul_pd(load4(load, i), factors), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256d fit = _mm256_cmp_pd(_mm256_andnot_pd(sign, rounded), largest, _CMP_LE_OQ);
    all_fit = _mm256_and_pd(all_fit, fit);
    const __m256d r = _mm256_and_pd(rounded, fit);
    // AVX2 cannot convert a double to 64 bits: two halves of 32 bits, each read off the mantissa of a sum with 2^52.
    const __m256d high = _mm256_floor_pd(_mm256_mul_pd(r, per32));
    const __m256d low = _mm256_sub_pd(r, _mm256_mul_pd(high, two32));
    const __m256i high_bits =
        _mm256_sub_epi64(_mm256_castpd_si256(_mm256_add_pd(high, middle)), _mm256_castpd_si256(middle));
    const __m256i low_bits =
        _mm256_xor_si256(_mm256_castpd_si256(_mm256_add_pd(low, two52)), _mm256_castpd_si256(two52));
    const __m256i q = _mm256_add_epi64(_mm256_slli_epi64(high_bits, 32), low_bits);
    auto* at = reinterpret_cast<__m256i*>(acc + i);
    _mm256_storeu_si256(at, _mm256_add_epi64(_mm256_loadu_si256(at), q));
  }
  const bool fits = _mm256_movemask_pd(all_fit) == 15;
  return add_scalar(acc, whole, n, factor, limit, load) && fits;
}

template <class Load>
COPPICE_AVX512 bool add_avx512(std::int64_t* acc, std::size_t n, double factor, std::uint64_t limit, Load load) {
  const __m512d factors = _mm512_set1_pd(factor);
  __m512i largest = _mm512_setzero_si512();
  const std::size_t whole = n - n % 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    // What does not fit 64 bits becomes -2^63, whose unsigned magnitude is above every limit and twice which is zero.
    const __m512i q = _mm512_cvtpd_epi64(_mm512_mul_pd(load8(load, i), factors));
    largest = _mm512_max_epu64(largest, _mm512_abs_epi64(q));
    _mm512_storeu_si512(acc + i, _mm512_add_epi64(_mm512_loadu_si512(acc + i), q));
  }
  const bool fits = _mm512_cmpgt_epu64_mask(largest, _mm512_set1_epi64(static_cast<long long>(limit))) == 0;
  return add_scalar(acc, whole, n, factor, limit, load) && fits;
}

constexpr SumKernels kAvx2Kernels = {
    [](std::int64_t* acc, const float* x, std::size_t n, double factor, std::uint64_t limit) {
      return add_avx2(acc, n, factor, limit, Floats{x});
    },
    [](std::int64_t* acc, const double* x, std::size_t n, double factor, std::uint64_t limit) {
      return add_avx2(acc, n, factor, limit, Doubles{x});
    },
    [](std::int64_t* acc, const float* after, const float* before, std::size_t n, double factor, std::uint64_t limit) {
      return add_avx2(acc, n, factor, limit, Difference{after, before});
    },
};

constexpr SumKernels kAvx512Kernels = {
    [](std::int64_t* acc, const float* x, std::size_t n, double factor, std::uint64_t limit) {
      return add_avx512(acc, n, factor, limit, Floats{x});
    },
    [](std::int64_t* acc, const double* x, std::size_t n, double factor, std::uint64_t limit) {
      return add_avx512(acc, n, factor, limit, Doubles{x});
    },
    [](std::int64_t* acc, const float* after, const float* before, std::size_t n, double factor, std::uint64_t limit) {
      return add_avx512(acc, n, factor, limit, Difference{after, before});
    },
};
#endif

}  // namespace

bool is_supported(Simd simd) {
#if defined(__x86_64__)
  if (simd == Simd::kAvx2) return __builtin_cpu_supports("avx2") != 0;
  if (simd == Simd::kAvx512) {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0;
  }
#endif
  return simd == Simd::kScalar;
}

Simd best_simd() {
  for (const Simd simd : {Simd::kAvx512, Simd::kAvx2}) {
    if (is_supported(simd)) return simd;
  }
  return Simd::kScalar;
}

const SumKernels& kernels_for(Simd simd) {
  if (!is_supported(simd)) throw Error("this machine lacks the instruction set asked for");
#if defined(__x86_64__)
  if (simd == Simd::kAvx2) return kAvx2Kernels;
  if (simd == Simd::kAvx512) return kAvx512Kernels;
#endif
  return kScalarKernels;
}

}  // namespace coppice
