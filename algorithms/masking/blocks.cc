#include "algorithms/masking/blocks.h"

#include <algorithm>
#include <functional>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

void check_division(const ArenaEntry& entry, const Pattern& pattern, const char* what, std::int64_t size,
                    std::int64_t divisor) {
  if (size % divisor == 0) return;
  throw InputError("pattern " + to_string(pattern) + ": tensor " + coppice::quoted(entry.name) + " has " +
                   std::to_string(size) + " " + what + "; expected a multiple of " + std::to_string(divisor));
}

}  // namespace

Blocks::Blocks(const ArenaEntry& entry, const Pattern& pattern) {
  if (entry.shape.size() < 2) throw Error("tensor " + coppice::quoted(entry.name) + " is not a matrix");
  const std::int64_t outputs = entry.shape[0];
  inputs_ = entry.shape[1];
  for (std::size_t d = 2; d < entry.shape.size(); ++d) spatial_ *= entry.shape[d];
  const char* inputs = entry.shape.size() > 2 ? "input channels" : "inputs";
  if (pattern.kind == Pattern::Kind::kNOfM) {
    cols_ = pattern.second;
    check_division(entry, pattern, inputs, inputs_, cols_);
  } else if (pattern.kind == Pattern::Kind::kVectors) {
    rows_ = std::min(pattern.first, outputs);
    cols_ = pattern.second;
    check_division(entry, pattern, "outputs", outputs, rows_);
    check_division(entry, pattern, inputs, inputs_, cols_);
  } else if (pattern.kind == Pattern::Kind::kChannels) {
    throw Error("channels are not a pattern inside matrices");
  }
  row_blocks_ = outputs / rows_;
  col_blocks_ = inputs_ / cols_;
}

std::vector<float> Blocks::scores(std::span<const float> elements) const {
  std::vector<float> means(static_cast<std::size_t>(count()));
  for (std::int64_t piece = 0; piece < count(); ++piece) {
    double sum = 0.0;
    for_each(piece, [&](std::int64_t i) { sum += elements[static_cast<std::size_t>(i)]; });
    means[static_cast<std::size_t>(piece)] = static_cast<float>(sum / static_cast<double>(weights()));
  }
  return means;
}

Bits Blocks::bits(std::span<const std::int64_t> kept) const {
  Bits bits(count() * weights(), false);
  for (const std::int64_t piece : kept) {
    for_each(piece, [&](std::int64_t i) { bits.set(i, true); });
  }
  return bits;
}

std::vector<std::int64_t> top_positions(std::span<const float> values, std::int64_t count) {
  if (count <= 0 || values.empty()) return {};
  count = std::min(count, static_cast<std::int64_t>(values.size()));
  std::vector<float> sorted(values.begin(), values.end());
  std::nth_element(sorted.begin(), sorted.begin() + (count - 1), sorted.end(), std::greater<>());
  const float threshold = sorted[static_cast<std::size_t>(count - 1)];
  const auto above = std::count_if(values.begin(), values.end(), [&](float value) { return value > threshold; });
  std::int64_t ties = count - above;
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > threshold || (values[i] == threshold && ties-- > 0))
      positions.push_back(static_cast<std::int64_t>(i));
  }
  return positions;
}

}  // namespace coppice
