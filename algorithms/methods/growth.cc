#include "algorithms/methods/growth.h"

#include <algorithm>
#include <cmath>

#include "algorithms/masking/adjust.h"
#include "models/model.h"

namespace coppice {
namespace {

// The masked tensors that round's adjustment works on: one after the other, or all.
std::vector<std::int64_t> unit_of(const GrowthConfig& config, const Mask& mask, std::int64_t round) {
  std::vector<std::int64_t> masked;
  for (const auto& [tensor, bits] : mask.elements()) masked.push_back(tensor);
  if (config.unit == GrowthConfig::Unit::kModel || masked.empty()) return masked;
  if (config.order == GrowthConfig::Order::kBackward) std::reverse(masked.begin(), masked.end());
  const std::int64_t adjustment = round / config.every;
  return {masked[static_cast<std::size_t>(adjustment % static_cast<std::int64_t>(masked.size()))]};
}

}  // namespace

bool growth_due(const GrowthConfig& config, std::int64_t round) {
  return round > 0 && round % config.every == 0 && round <= config.until;
}

GrowthTask growth_task(const GrowthConfig& config, const Track& track, std::int64_t round) {
  GrowthTask task;
  task.tensors = unit_of(config, *track.mask, round);
  task.batches = config.batches;
  task.batch = config.batch;
  std::int64_t most = 0;
  for (const std::int64_t tensor : task.tensors) {
    const std::int64_t kept = track.mask->bits(static_cast<ParamId>(tensor)).count();
    most = std::max(most, adjustment_count(config.alpha, round, config.until, kept));
  }
  const bool candidates = config.upload == GrowthConfig::Upload::kCandidates;
  task.release.select = candidates ? Release::Select::kCandidates : Release::Select::kPrivateTopK;
  task.release.count =
      candidates ? static_cast<std::int64_t>(std::ceil(config.candidate_factor * static_cast<double>(most))) : most;
  return task;
}

void absorb_growth(const GrowthConfig& config, Track& track, const RoundPlan& plan, const Answer& answer,
                   StepRecord& record) {
  const auto& task = std::get<GrowthTask>(plan.tasks.at(1));
  const auto model = make_model(track.values->config);
  const ArenaLayout& layout = *model->base_layout();
  ElementScores growth;
  std::map<ParamId, std::int64_t> counts;
  std::int64_t exchanged = 0;
  for (const std::int64_t id : task.tensors) {
    const auto tensor = static_cast<ParamId>(id);
    const std::vector<double>& sum = answer.sum("growth/" + layout[tensor].name);
    std::vector<float>& scores = growth[tensor];
    scores.resize(sum.size());
    std::transform(sum.begin(), sum.end(), scores.begin(), [](double g) { return static_cast<float>(std::abs(g)); });
    counts[tensor] =
        adjustment_count(config.alpha, plan.round, config.until, track.mask->bits(tensor).count());
    exchanged += counts[tensor];
  }
  const Mask next = grow_and_prune(*track.mask, model->structure(), track.values->base, growth, counts);
  ModelState values = track.values->clone();
  next.apply_to(values.base);
  for (auto& [name, slot] : track.server) {
    Arena cleared = slot->clone();
    (next & *track.mask).apply_to(cleared);
    slot = std::make_shared<const Arena>(std::move(cleared));
  }
  track.values = std::make_shared<const ModelState>(std::move(values));
  track.mask = std::make_shared<const Mask>(next);
  record.remarks.push_back("mask " + next.digest().short_hex() + ": at most " + std::to_string(exchanged) +
                           " weights exchanged");
}

void GrowthConfig::visit(FieldVisitor& v) {
  v.field("every", every, "rounds between adjustments", at_least(1));
  v.field("until", until, "last round with an adjustment", at_least(1));
  v.field("alpha", alpha, "first fraction of a tensor's kept weights exchanged; cosine decay to 0", above_to(0, 1));
  v.field("batches", batches, "batches of the growth gradient", at_least(1));
  v.field("batch", batch, "samples a batch", at_least(1));
  v.choice("unit", unit, {"tensor", "model"}, "what one adjustment works on");
  v.choice("order", order, {"backward", "forward"}, "order of the tensors");
  v.choice("upload", upload, {"private_top_k", "candidates"},
           "each client's own largest gradients, or all at a set drawn by the coordinator's seed");
  v.field("candidate_factor", candidate_factor, "candidates a place", at_least(1));
}

}  // namespace coppice
