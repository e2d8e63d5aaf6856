#include "algorithms/exchange/plan_cache.h"

namespace coppice {

std::shared_ptr<const Mask> PlanCache::find(const Digest& digest) const { return masks_.find(digest); }

void PlanCache::add(std::shared_ptr<const Mask> mask) {
  masks_.add(mask->digest(), mask);
  latest_ = std::move(mask);
}

std::shared_ptr<const ModelState> PlanCache::find_model(const Digest& digest) const { return models_.find(digest); }

void PlanCache::move_model(const Digest& digest, std::shared_ptr<const ModelState> model) { models_.move(digest, std::move(model)); }

void PlanCache::add_model(const Digest& digest, std::shared_ptr<const ModelState> model) { models_.add(digest, std::move(model)); }

}  // namespace coppice
