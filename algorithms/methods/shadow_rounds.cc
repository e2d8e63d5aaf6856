#include "algorithms/methods/shadow_rounds.h"

#include <bit>
#include <cmath>

#include "algorithms/importance/magnitude.h"
#include "algorithms/masking/make_mask.h"
#include "models/model.h"
#include "models/support.h"

namespace coppice {
namespace {

constexpr const char* kShadowSlot = "shadow";

Mask mask_of_largest(const Model& model, const ElementPattern& pattern, const Arena& weights, const Mask& before) {
  const ElementScores scores = weight_element_scores(MagnitudeConfig{}, model, weights, pattern.edge, Seed{});
  std::map<ParamId, std::int64_t> quotas;
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern.pattern, pattern.edge)) {
    const bool full = before.keeps_all(matrix.tensor);
    quotas[matrix.tensor] = full ? weights.layout()[matrix.tensor].numel : before.bits(matrix.tensor).count();
  }
  return make_element_mask(model, pattern.pattern, pattern.edge, scores, quotas);
}

double flip_rate(const Mask& before, const Mask& after) {
  std::int64_t flips = 0;
  std::int64_t all = 0;
  for (const auto& [tensor, bits] : after.elements()) {
    const Bits old = before.keeps_all(tensor) ? Bits(bits.size(), true) : before.bits(tensor);
    for (std::size_t w = 0; w < bits.words().size(); ++w) flips += std::popcount(bits.words()[w] ^ old.words()[w]);
    all += bits.size();
  }
  return all == 0 ? 0.0 : static_cast<double>(flips) / static_cast<double>(all);
}

double norm_of_dropped(const Arena& weights, const Mask& mask) {
  double sum = 0.0;
  for (const auto& [tensor, bits] : mask.elements()) {
    const auto w = weights.floats(tensor);
    for (std::int64_t i = 0; i < bits.size(); ++i) {
      const auto value = static_cast<double>(w[static_cast<std::size_t>(i)]);
      if (!bits[i]) sum += value * value;
    }
  }
  return std::sqrt(sum);
}

}  // namespace

std::shared_ptr<const ModelState> shadow_values(const State& state, const Track& track) {
  ModelState dense = track.values->clone();
  const auto slot = track.server.find(kShadowSlot);
  if (slot != track.server.end()) {
    dense.base.copy_from(*slot->second);
  } else {
    const Arena& uncut = state.track(kDenseTrack).values->base;
    for (const auto& [tensor, bits] : track.mask->elements()) {
      // By name: a compensated cut may have given its model biases.
      const auto w = dense.base.floats(tensor);
      const auto before = uncut.floats(uncut.layout().find(dense.base.layout()[tensor].name));
      for (std::int64_t i = 0; i < bits.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (!bits[i]) w[at] = before[at];
      }
    }
  }
  return std::make_shared<const ModelState>(std::move(dense));
}

void absorb_shadows(const SparseConfig& config, const ElementPattern& pattern, std::int64_t round, std::int64_t rounds, ModelState next,
                    Track& track, StepRecord& record) {
  const auto model = make_model(next.config);
  if (refresh_due(config, round, rounds)) {
    auto mask = std::make_shared<const Mask>(mask_of_largest(*model, pattern, next.base, *track.mask));
    record.numbers["sparse/flip_rate"] = flip_rate(*track.mask, *mask);
    track.mask = std::move(mask);
  } else {
    record.numbers["sparse/flip_rate"] = 0.0;
  }
  record.numbers["sparse/shadow_norm"] = norm_of_dropped(next.base, *track.mask);
  ModelState masked = next.clone();
  track.mask->apply_to(masked.base);
  track.values = std::make_shared<const ModelState>(std::move(masked));
  track.server[kShadowSlot] = std::make_shared<const Arena>(std::move(next.base));
}

void forget_shadows(const ElementPattern& pattern, Track& track) {
  track.server.erase(kShadowSlot);
  require_pattern(*make_model(track.values->config), pattern, *track.mask);
}

}  // namespace coppice
