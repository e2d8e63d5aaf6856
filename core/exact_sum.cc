#include "core/exact_sum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "core/error.h"

namespace coppice {
namespace {

void add_wrapping(std::int64_t& sum, std::int64_t q) {
  sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(q));
}

}  // namespace

ExactSums::ExactSums(std::vector<SumSpec> specs, std::int64_t cohort, Simd simd, const std::string& folder)
    : specs_(std::move(specs)),
      addends_(specs_.size(), 0),
      cohort_(cohort),
      limit_(addend_limit(cohort)),
      kernels_(&kernels_for(simd)) {
  std::set<std::string_view> names;
  std::size_t total = 0;
  for (const SumSpec& spec : specs_) {
    if (!names.insert(spec.name).second) throw Error("exact sums: two blocks named " + quoted(spec.name));
    if (std::abs(spec.exponent.value) > kMostExponent) {
      throw Error("exact sums: block " + quoted(spec.name) + " has exponent " + std::to_string(spec.exponent.value) +
                  "; expected at most " + std::to_string(kMostExponent) + " in magnitude");
    }
    if (spec.count > std::numeric_limits<std::size_t>::max() / sizeof(std::int64_t) - total) {
      throw Error("exact sums: the blocks do not fit in memory");
    }
    offsets_.push_back(total);
    total += spec.count;
  }
  const std::size_t bytes = total * sizeof(std::int64_t);
  memory_ = folder.empty() || bytes < kFewestBytesInFile ? Pages(bytes) : Pages(bytes, folder);
  words_ = {reinterpret_cast<std::int64_t*>(memory_.bytes().data()), total};
}

std::size_t ExactSums::index_of(std::string_view name) const {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].name == name) return i;
  }
  std::vector<std::string> names;
  for (const SumSpec& spec : specs_) names.push_back(spec.name);
  throw Error("exact sums: " + unknown_name("block", name, names));
}

double ExactSums::factor_of(std::size_t index, const Addend& addend) const {
  return std::ldexp(addend.scale(), specs_[index].exponent.value);
}

bool ExactSums::accumulate(std::size_t index, const Addend& addend, double factor) {
  std::int64_t* acc = words_.data() + offsets_[index];
  bool fits = true;
  addend.for_each_chunk([&](const Addend::Chunk& chunk) {
    std::int64_t scattered[Addend::kChunk];
    std::int64_t* to = acc + chunk.offset;
    if (addend.is_scattered()) {
      std::fill_n(scattered, chunk.count, 0);
      to = scattered;
    }
    bool fit = false;
    if (chunk.doubles != nullptr) {
      fit = kernels_->doubles(to, chunk.doubles, chunk.count, factor, limit_);
    } else if (chunk.minus != nullptr) {
      fit = kernels_->difference(to, chunk.floats, chunk.minus, chunk.count, factor, limit_);
    } else {
      fit = kernels_->floats(to, chunk.floats, chunk.count, factor, limit_);
    }
    for (std::size_t i = 0; i < chunk.positions.size(); ++i) add_wrapping(acc[chunk.positions[i]], scattered[i]);
    fits = fits && fit;
  });
  return fits;
}

Fit ExactSums::add(std::size_t index, const Addend& addend) {
  addend.require_block_of(specs_.at(index).count);
  if (addends_[index] >= cohort_) {
    throw Error("exact sums: block " + quoted(specs_[index].name) + " already has its " + std::to_string(cohort_) +
                " addends");
  }
  const double factor = factor_of(index, addend);
  if (!std::isfinite(factor)) return std::isfinite(addend.scale()) ? Fit::kOverflow : Fit::kNotFinite;
  if (!accumulate(index, addend, factor)) {
    accumulate(index, addend, -factor);
    return addend.is_finite() ? Fit::kOverflow : Fit::kNotFinite;
  }
  ++addends_[index];
  set_aside();  // block by block: a sum is twice as large as what is added to it
  return Fit::kFits;
}

void ExactSums::take_back(std::size_t index, const Addend& addend) {
  accumulate(index, addend, -factor_of(index, addend));
  --addends_[index];
}

void ExactSums::merge(const ExactSums& other) {
  if (other.specs_ != specs_ || other.cohort_ != cohort_) throw Error("exact sums: merged with sums of another layout");
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (addends_[i] + other.addends_[i] > cohort_) {
      throw Error("exact sums: block " + quoted(specs_[i].name) + " would have more than its " +
                  std::to_string(cohort_) + " addends");
    }
  }
  for (std::size_t i = 0; i < specs_.size(); ++i) addends_[i] += other.addends_[i];
  for (std::size_t i = 0; i < words_.size(); ++i) add_wrapping(words_[i], other.words_[i]);
}

void ExactSums::clear() {
  std::fill(words_.begin(), words_.end(), 0);
  std::fill(addends_.begin(), addends_.end(), 0);
}

std::span<const std::int64_t> ExactSums::words(std::size_t index) const {
  return words().subspan(offsets_.at(index), specs_[index].count);
}

void ExactSums::decode(std::size_t index, std::size_t first, std::span<double> out) const {
  const std::span<const std::int64_t> block = words(index);
  if (first > block.size() || out.size() > block.size() - first) {
    throw Error("exact sums: block " + quoted(specs_[index].name) + " has " + std::to_string(block.size()) +
                " values; asked for " + std::to_string(out.size()) + " from " + std::to_string(first) + " on");
  }
  const std::int64_t* sums = block.data() + first;
  const double unit = std::ldexp(1.0, -specs_[index].exponent.value);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(sums[i]) * unit;
}

std::vector<double> ExactSums::decode(std::size_t index) const {
  std::vector<double> out(specs_.at(index).count);
  decode(index, 0, out);
  return out;
}

double ExactSums::max_abs(std::size_t index) const {
  double largest = 0.0;
  for (const std::int64_t q : words(index)) largest = std::max(largest, std::fabs(static_cast<double>(q)));
  set_aside();
  return std::ldexp(largest, -specs_[index].exponent.value);
}

Contribution::~Contribution() {
  for (const Added& added : added_) sums_.take_back(added.index, added.addend);
}

Fit Contribution::add(std::size_t index, const Addend& addend) {
  // So that nothing can fail once the sums have changed.
  if (added_.size() == added_.capacity()) added_.reserve(2 * added_.size() + 8);
  const Fit fit = sums_.add(index, addend);
  if (fit == Fit::kFits) added_.push_back({index, addend});
  return fit;
}

}  // namespace coppice
