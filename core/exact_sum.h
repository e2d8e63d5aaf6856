// Sums whose bits do not depend on the order, the grouping or the number of ranks: 64-bit fixed point, integer
// addition.
//
//   q = round(scale * x * 2^exponent), halves to even;  sum = (sum of q) * 2^-exponent
//
// The error of a sum of n values is at most n * 2^-(exponent + 1), and 2^-53 of the result. A client whose |q| is above
// 2^62 / cohort anywhere is refused as a whole, and no block takes more than `cohort` addends, so nothing wraps.
// Cost: one pass over values and accumulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/addend.h"
#include "core/exact_sum_kernels.h"
#include "core/exponent.h"
#include "core/pages.h"

namespace coppice {

struct SumSpec {
  std::string name;
  std::size_t count = 0;
  Exponent exponent;
  bool operator==(const SumSpec&) const = default;
};

// Whether an addend went into a sum; where it did not, nothing of it did.
enum class Fit : std::uint8_t { kFits, kNotFinite, kOverflow };

// Named blocks over one contiguous buffer, in the order of their specs and without gaps. Not for use by two threads at
// once. The buffer takes no memory before the first addend.
class ExactSums {
 public:
  // Sums of fewer bytes stay in memory whatever the folder: a file is not worth its system calls.
  static constexpr std::size_t kFewestBytesInFile = std::size_t{64} << 20;

  // Throws Error on a name given twice, an exponent beyond kMostExponent or a cohort below 1. In a `folder`, sums of large
  // models can be set aside between two clients; empty: they stay in memory.
  ExactSums(std::vector<SumSpec> specs, std::int64_t cohort, Simd simd = best_simd(), const std::string& folder = "");

  const std::vector<SumSpec>& specs() const { return specs_; }
  std::int64_t cohort() const { return cohort_; }
  std::size_t index_of(std::string_view name) const;  // throws Error where there is none

  // Adds to block `index`. Throws Error where the addend does not go with the block, or the block has `cohort` addends.
  Fit add(std::size_t index, const Addend& addend);
  Fit add(std::size_t index, std::span<const float> values, double scale) {
    return add(index, Addend::of(values, scale));
  }
  Fit add(std::size_t index, std::span<const double> values, double scale) {
    return add(index, Addend::of(values, scale));
  }

  // Adds sums of the same layout, for instance another rank's. Throws Error on another layout or too many addends.
  void merge(const ExactSums& other);
  void clear();

  // The values of a block from `first` on, as many as `out` has room for. Throws Error where they go beyond the block.
  void decode(std::size_t index, std::size_t first, std::span<double> out) const;
  std::vector<double> decode(std::size_t index) const;
  double max_abs(std::size_t index) const;  // of the decoded sum; for next_exponent

  // Addends block `index` has taken so far.
  std::int64_t addends(std::size_t index) const { return addends_.at(index); }

  void set_aside() const { memory_.set_aside(); }  // until they are next used

  // The raw sums, all blocks or one, for a collective reduction: integers added modulo 2^64.
  std::span<std::int64_t> words() { return words_; }
  std::span<const std::int64_t> words() const { return words_; }
  std::span<const std::int64_t> words(std::size_t index) const;

 private:
  friend class Contribution;

  bool accumulate(std::size_t index, const Addend& addend, double factor);
  void take_back(std::size_t index, const Addend& addend);
  double factor_of(std::size_t index, const Addend& addend) const;

  std::vector<SumSpec> specs_;
  std::vector<std::size_t> offsets_;
  std::vector<std::int64_t> addends_;
  Pages memory_;
  std::span<std::int64_t> words_;  // in memory_
  std::int64_t cohort_;
  std::uint64_t limit_;
  const SumKernels* kernels_;
};

// One client's report: all of it goes into the sums, or none. What was added is taken back, to the bit, on destruction
// without a commit; until then everything the addends refer to must stay as it is.
//
//   Contribution contribution(sums);
//   for (...) if (contribution.add(index, addend) != Fit::kFits) return kDeclined;
//   contribution.commit();
class Contribution {
 public:
  explicit Contribution(ExactSums& sums) : sums_(sums) {}
  Contribution(const Contribution&) = delete;
  Contribution& operator=(const Contribution&) = delete;
  ~Contribution();

  Fit add(std::size_t index, const Addend& addend);
  void commit() { added_.clear(); }

 private:
  struct Added {
    std::size_t index;
    Addend addend;
  };

  ExactSums& sums_;
  std::vector<Added> added_;
};

}  // namespace coppice
