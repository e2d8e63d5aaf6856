// The fixed point of one block of a sum: q = round(x * 2^exponent), and how it is chosen so that nothing overflows.
//
// One client's |q| may be at most 2^62 / cohort, so that the sum over the cohort stays within 2^62. A larger exponent
// is finer; every bit of headroom lets values double until the next choice and costs one bit of precision.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/addend.h"

namespace coppice {

struct Exponent {
  int value = 0;
  bool operator==(const Exponent&) const = default;
};

// Beyond +-kMostExponent a factor 2^exponent, times any scale in use, could leave the range of a double.
inline constexpr int kMostExponent = 400;

// Largest |q| one of `cohort` clients may add: floor(2^62 / cohort). Throws Error for a cohort below 1.
std::uint64_t addend_limit(std::int64_t cohort);

// How many of a block's values lie in [2^k, 2^(k+1)), for all k: what a probe sums over clients instead of the values.
class ExponentHistogram {
 public:
  static constexpr std::size_t kBins = 256;
  static constexpr int kLeastExponent =
      -190;  // bin 1; zeros and all that is smaller are in bin 0, all above 2^64 in bin 255

  // Counts the scaled values; false, and nothing counted, where one is not finite.
  bool add(const Addend& addend);

  // The counts as the values of a block whose fixed point is 2^0, and back from their sum.
  std::vector<double> values() const;
  static ExponentHistogram from_values(std::span<const double> values);

  const std::array<std::int64_t, kBins>& counts() const { return counts_; }
  // The least k with all values below 2^k in magnitude; 0 where there are none but zeros.
  int bound() const;

 private:
  std::array<std::int64_t, kBins> counts_{};
};

// The finest exponent at which values `headroom_bits` doublings above those counted still fit.
Exponent choose_exponent(const ExponentHistogram& histogram, std::int64_t cohort, int headroom_bits);

// The same from the largest magnitude in the last sum of the block, which stands in for the largest single value.
Exponent next_exponent(double max_abs_of_last_sum, std::int64_t cohort, int headroom_bits);

}  // namespace coppice
