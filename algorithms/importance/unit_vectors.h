// The vectors of a structure's units: each position along each scored slice of each unit (a filter, a row, a column), each column that
// takes in what a unit puts out, or those of all slices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/arena.h"
#include "models/prunable_structure.h"

namespace coppice {

class UnitVectors {
 public:
  enum class Side : std::uint8_t { kScored, kConsumers, kBoth };
  UnitVectors(const PrunableStructure& structure, const ArenaLayout& layout, Side side = Side::kScored);

  std::int64_t size() const { return static_cast<std::int64_t>(vectors_.size()); }
  std::int64_t num_units() const { return num_units_; }
  const std::vector<std::int64_t>& family_sizes() const { return family_sizes_; }
  const std::vector<int>& tensors() const { return tensors_; }  // base tensors with such vectors, ascending

  // sums[v] = sum of `values` (one an element of `tensor`) over vector v; vectors of other tensors are left alone.
  void sum_into(int tensor, std::span<const double> values, std::span<double> sums) const;
  // Multiplies the `values` of `tensor`, each by the factors of all units whose vectors it lies in.
  void scale(int tensor, std::span<const double> unit_factors, std::span<float> values) const;
  // Sum over the vectors of each unit.
  std::vector<double> per_unit(std::span<const double> vector_values) const;
  // x / mean(x) in each family; 1 where the mean is zero.
  std::vector<double> normalised(std::span<const double> unit_values) const;

 private:
  // Elements start + o * step + [0, run) for o in [0, outer).
  struct Vector {
    int unit;
    int tensor;
    std::int64_t start;
    std::int64_t step;
    std::int64_t outer;
    std::int64_t run;
  };
  std::span<const Vector> of_tensor(int tensor) const;

  std::vector<Vector> vectors_;  // by tensor, then unit
  std::vector<int> tensors_;
  std::vector<std::int64_t> family_sizes_;
  std::int64_t num_units_ = 0;
};

// x / mean(x) in each run of `family_sizes`; 1 where the mean is zero.
std::vector<double> normalised_by_family(std::span<const double> values, std::span<const std::int64_t> family_sizes);

}  // namespace coppice
