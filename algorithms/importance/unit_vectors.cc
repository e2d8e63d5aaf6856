#include "algorithms/importance/unit_vectors.h"

#include <algorithm>
#include <set>
#include <string>

#include "core/error.h"
#include "models/parallel_rows.h"

namespace coppice {

UnitVectors::UnitVectors(const PrunableStructure& structure, const ArenaLayout& layout, Side side)
    : family_sizes_(structure.full_widths()), num_units_(static_cast<std::int64_t>(structure.groups.size())) {
  std::set<int> tensors;
  for (std::size_t unit = 0; unit < structure.groups.size(); ++unit) {
    for (const Slice& slice : structure.groups[unit].slices) {
      const bool wanted = side == Side::kBoth || (side == Side::kScored ? slice.scored : slice.dim == 1);
      if (slice.arena != ArenaId::kBase || !wanted) continue;
      const ArenaEntry& entry = layout[slice.tensor];
      const auto dim = static_cast<std::size_t>(slice.dim);
      if (dim >= entry.shape.size() || slice.begin < 0 || slice.end > entry.shape[dim]) {
        throw Error("a slice of unit " + std::to_string(unit) + " leaves tensor " + coppice::quoted(entry.name));
      }
      std::int64_t run = 1;
      std::int64_t outer = 1;
      for (std::size_t d = 0; d < entry.shape.size(); ++d) (d < dim ? outer : run) *= d == dim ? 1 : entry.shape[d];
      for (std::int64_t position = slice.begin; position < slice.end; ++position) {
        vectors_.push_back({.unit = static_cast<int>(unit),
                            .tensor = slice.tensor,
                            .start = position * run,
                            .step = entry.shape[dim] * run,
                            .outer = outer,
                            .run = run});
      }
      tensors.insert(slice.tensor);
    }
  }
  tensors_.assign(tensors.begin(), tensors.end());
  std::stable_sort(vectors_.begin(), vectors_.end(),
                   [](const Vector& a, const Vector& b) { return a.tensor < b.tensor; });
}

void UnitVectors::sum_into(int tensor, std::span<const double> values, std::span<double> sums) const {
  const std::span<const Vector> vectors = of_tensor(tensor);
  double* first_sum = sums.data() + (vectors.data() - vectors_.data());
  const auto count = static_cast<std::int64_t>(vectors.size());
  for_rows(count, count == 0 ? 1 : vectors[0].outer * vectors[0].run, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t v = begin; v < end; ++v) {
      const Vector& vector = vectors[static_cast<std::size_t>(v)];
      double sum = 0.0;
      for (std::int64_t o = 0; o < vector.outer; ++o) {
        const double* run = values.data() + vector.start + o * vector.step;
        for (std::int64_t i = 0; i < vector.run; ++i) sum += run[i];
      }
      first_sum[v] = sum;
    }
  });
}

void UnitVectors::scale(int tensor, std::span<const double> unit_factors, std::span<float> values) const {
  for (const Vector& vector : of_tensor(tensor)) {
    const double factor = unit_factors[static_cast<std::size_t>(vector.unit)];
    for (std::int64_t o = 0; o < vector.outer; ++o) {
      float* run = values.data() + vector.start + o * vector.step;
      for (std::int64_t i = 0; i < vector.run; ++i) run[i] = static_cast<float>(run[i] * factor);
    }
  }
}

std::span<const UnitVectors::Vector> UnitVectors::of_tensor(int tensor) const {
  const auto [first, last] = std::ranges::equal_range(vectors_, tensor, {}, &Vector::tensor);
  return {first, last};
}

std::vector<double> UnitVectors::per_unit(std::span<const double> vector_values) const {
  std::vector<double> units(static_cast<std::size_t>(num_units_), 0.0);
  for (std::size_t v = 0; v < vectors_.size(); ++v)
    units[static_cast<std::size_t>(vectors_[v].unit)] += vector_values[v];
  return units;
}

std::vector<double> UnitVectors::normalised(std::span<const double> unit_values) const {
  return normalised_by_family(unit_values, family_sizes_);
}

std::vector<double> normalised_by_family(std::span<const double> values, std::span<const std::int64_t> family_sizes) {
  std::vector<double> result(values.begin(), values.end());
  std::size_t begin = 0;
  for (const std::int64_t family_size : family_sizes) {
    const auto size = static_cast<std::size_t>(family_size);
    const std::span family = std::span(result).subspan(begin, size);
    double mean = 0.0;
    for (const double value : family) mean += value;
    mean /= static_cast<double>(size);
    for (double& value : family) value = mean > 0.0 ? value / mean : 1.0;
    begin += size;
  }
  return result;
}

}  // namespace coppice
