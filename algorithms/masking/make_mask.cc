#include "algorithms/masking/make_mask.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "algorithms/masking/blocks.h"

namespace coppice {
namespace {

Bits n_of_m(const Blocks& blocks, std::int64_t n, std::span<const float> scores) {
  const std::int64_t m = blocks.weights();
  Bits bits(blocks.count() * m, false);
  std::vector<std::pair<float, std::int64_t>> run;  // score, element
  for (std::int64_t piece = 0; piece < blocks.count(); ++piece) {
    run.clear();
    blocks.for_each(piece, [&](std::int64_t i) { run.emplace_back(scores[static_cast<std::size_t>(i)], i); });
    std::stable_sort(run.begin(), run.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::int64_t k = 0; k < n; ++k) bits.set(run[static_cast<std::size_t>(k)].second, true);
  }
  return bits;
}

Bits own_bits(const Custom<MaskPattern>& pattern, const ArenaEntry& entry, std::span<const float> scores, std::int64_t quota) {
  Bits bits = pattern->keep(entry, scores, quota);
  if (bits.size() == entry.numel && bits.count() > 0) return bits;
  throw Error("pattern " + pattern.name() + ": found " + std::to_string(bits.count()) + " of " + std::to_string(bits.size()) +
              " weights kept of tensor " + coppice::quoted(entry.name) + "; expected at least 1 of " + std::to_string(entry.numel));
}

std::int64_t quota_of(const std::map<ParamId, std::int64_t>& quotas, const ArenaEntry& entry, ParamId tensor) {
  const auto quota = quotas.find(tensor);
  if (quota == quotas.end()) throw InputError("mask: no quota for tensor " + coppice::quoted(entry.name));
  if (quota->second < 1 || quota->second > entry.numel) {
    throw InputError("mask: the quota of tensor " + coppice::quoted(entry.name) + " is " +
                     std::to_string(quota->second) + "; expected 1 to " + std::to_string(entry.numel));
  }
  return quota->second;
}

}  // namespace

std::span<const float> scores_of(const ElementScores& scores, const ArenaEntry& entry, ParamId tensor) {
  const auto found = scores.find(tensor);
  const std::size_t size = found == scores.end() ? 0 : found->second.size();
  if (size != static_cast<std::size_t>(entry.numel)) {
    throw InputError("tensor " + coppice::quoted(entry.name) + " has " + std::to_string(size) + " scores; expected " +
                     std::to_string(entry.numel));
  }
  if (!std::all_of(found->second.begin(), found->second.end(), [](float score) { return std::isfinite(score); })) {
    throw InputError("tensor " + coppice::quoted(entry.name) + " has a score that is not finite");
  }
  return found->second;
}

void check_pattern(const Model& model, const Pattern& pattern, bool edge) {
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern, edge)) {
    const ArenaEntry& entry = (*layout)[matrix.tensor];
    const Blocks blocks(entry, pattern);
    if (pattern.own) (*pattern.own)->check(entry);
  }
}

void require_pattern(const Model& model, const ElementPattern& pattern, const Mask& mask) {
  if (pattern.pattern.own) return;  // its own business
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern.pattern, pattern.edge)) {
    if (mask.keeps_all(matrix.tensor)) continue;
    const Blocks blocks((*layout)[matrix.tensor], pattern.pattern);
    const bool counted = pattern.pattern.kind == Pattern::Kind::kNOfM;
    for (std::int64_t piece = 0; piece < blocks.count(); ++piece) {
      std::int64_t kept = 0;
      blocks.for_each(piece, [&](std::int64_t i) { kept += mask.bits(matrix.tensor)[i] ? 1 : 0; });
      if (counted ? kept != pattern.pattern.first : kept != 0 && kept != blocks.weights()) {
        throw Error("the mask of tensor " + coppice::quoted((*layout)[matrix.tensor].name) + " breaks the pattern " +
                    to_string(pattern.pattern));
      }
    }
  }
}

Mask make_element_mask(const Model& model, const Pattern& pattern, bool edge, const ElementScores& scores,
                       const std::map<ParamId, std::int64_t>& quotas) {
  if (pattern.kind == Pattern::Kind::kChannels) throw Error("channels are chosen as units, not as elements");
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  const PrunableStructure structure = model.structure();
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : covered_matrices(structure, pattern, edge)) {
    const ArenaEntry& entry = (*layout)[matrix.tensor];
    const Blocks blocks(entry, pattern);
    const std::span<const float> values = scores_of(scores, entry, matrix.tensor);
    if (pattern.kind == Pattern::Kind::kNOfM) {
      elements.emplace(matrix.tensor, n_of_m(blocks, pattern.first, values));
      continue;
    }
    const std::int64_t quota = quota_of(quotas, entry, matrix.tensor);
    if (pattern.own) {
      elements.emplace(matrix.tensor, own_bits(*pattern.own, entry, values, quota));
      continue;
    }
    const std::int64_t pieces = std::max<std::int64_t>((2 * quota + blocks.weights()) / (2 * blocks.weights()), 1);
    elements.emplace(matrix.tensor, blocks.bits(top_positions(blocks.scores(values), pieces)));
  }
  return Mask::of_elements(layout, structure, std::move(elements));
}

}  // namespace coppice
