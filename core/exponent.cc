#include "core/exponent.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

constexpr int kSumBits = 62;

// All values below 2^bound.
Exponent exponent_for(int bound, std::int64_t cohort, int headroom_bits) {
  if (headroom_bits < 0 || headroom_bits > kSumBits) {
    throw Error("exponent: found " + std::to_string(headroom_bits) + " bits of headroom; expected 0 to 62");
  }
  // 2^k <= 2^62 / cohort
  const int bits = static_cast<int>(std::bit_width(addend_limit(cohort))) - 1;
  return {std::clamp(bits - headroom_bits - bound, -kMostExponent, kMostExponent)};
}

// The bin of a finite magnitude: its biased binary exponent, moved and clamped.
std::size_t bin_of(double value) {
  const int biased = static_cast<int>((std::bit_cast<std::uint64_t>(value) >> 52) & 0x7ff);
  const int bin = biased - 1023 - ExponentHistogram::kLeastExponent + 1;
  return static_cast<std::size_t>(std::clamp(bin, 0, static_cast<int>(ExponentHistogram::kBins) - 1));
}

}  // namespace

std::uint64_t addend_limit(std::int64_t cohort) {
  if (cohort < 1) throw Error("exact sums: found a cohort of " + std::to_string(cohort) + "; expected at least 1");
  return (std::uint64_t{1} << kSumBits) / static_cast<std::uint64_t>(cohort);
}

bool ExponentHistogram::add(const Addend& addend) {
  if (!addend.is_finite()) return false;
  const double scale = addend.scale();
  addend.for_each_chunk([&](const Addend::Chunk& chunk) {
    for (std::size_t i = 0; i < chunk.count; ++i) {
      double value = chunk.doubles != nullptr ? chunk.doubles[i] : static_cast<double>(chunk.floats[i]);
      if (chunk.minus != nullptr) value -= static_cast<double>(chunk.minus[i]);
      ++counts_[bin_of(value * scale)];
    }
  });
  return true;
}

std::vector<double> ExponentHistogram::values() const { return {counts_.begin(), counts_.end()}; }

ExponentHistogram ExponentHistogram::from_values(std::span<const double> values) {
  if (values.size() != kBins) {
    throw InputError("exponent histogram: found " + std::to_string(values.size()) + " values; expected 256");
  }
  ExponentHistogram histogram;
  for (std::size_t i = 0; i < kBins; ++i) {
    if (!(values[i] >= 0.0 && values[i] <= 0x1p53 && std::floor(values[i]) == values[i])) {
      throw InputError("exponent histogram: found " + std::to_string(values[i]) + "; expected a count");
    }
    histogram.counts_[i] = static_cast<std::int64_t>(values[i]);
  }
  return histogram;
}

int ExponentHistogram::bound() const {
  for (std::size_t bin = kBins - 1; bin >= 1; --bin) {
    if (counts_[bin] > 0) return static_cast<int>(bin) + kLeastExponent;
  }
  return 0;
}

Exponent choose_exponent(const ExponentHistogram& histogram, std::int64_t cohort, int headroom_bits) {
  return exponent_for(histogram.bound(), cohort, headroom_bits);
}

Exponent next_exponent(double max_abs_of_last_sum, std::int64_t cohort, int headroom_bits) {
  if (!std::isfinite(max_abs_of_last_sum)) throw Error("exponent: the largest value of the last sum is not finite");
  const int bound = max_abs_of_last_sum == 0.0 ? 0 : std::ilogb(max_abs_of_last_sum) + 1;
  return exponent_for(bound, cohort, headroom_bits);
}

}  // namespace coppice
