#include "algorithms/dynamics/fedtiny.h"

#include <algorithm>
#include <cmath>

#include "algorithms/masking/adjust.h"
#include "models/model.h"

namespace coppice {
namespace {

class FedTiny final : public MaskDynamics {
 public:
  explicit FedTiny(FedTinyConfig config) : config_(config) {}

  std::optional<GrowthTask> task(const Track& track, std::int64_t round) const override {
    if (!config_.due(round)) return std::nullopt;
    GrowthTask task;
    task.tensors = fedtiny_unit(config_, *track.mask, *make_model(track.values->config), round);
    task.counts = config_.counts(*track.mask, task.tensors, round);
    if (std::all_of(task.counts.begin(), task.counts.end(), [](std::int64_t count) { return count == 0; })) return std::nullopt;
    task.batch = config_.batch;
    if (config_.upload == FedTinyConfig::Upload::kVotes) task.what = GrowthTask::What::kVotes;
    if (config_.upload == FedTinyConfig::Upload::kCandidates) {
      task.release.select = Release::Select::kCandidates;
      for (std::int64_t& count : task.counts) count = static_cast<std::int64_t>(std::ceil(config_.factor * static_cast<double>(count)));
    }
    return task;
  }

  Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const override {
    const auto model = make_model(track.values->config);
    ElementScores growth;
    std::map<ParamId, std::int64_t> counts;
    for (const std::int64_t id : growth_of(plan).tensors) {
      const auto tensor = static_cast<ParamId>(id);
      for (const double sum : answer.sum("growth/" + (*model->base_layout())[tensor].name)) {
        growth[tensor].push_back(static_cast<float>(std::abs(sum)));
      }
      counts[tensor] = config_.count(*track.mask, tensor, plan.round);
    }
    return grow_and_prune(*track.mask, model->structure(), track.values->base, growth, counts);
  }

 private:
  FedTinyConfig config_;
};

}  // namespace

std::vector<std::int64_t> fedtiny_unit(const FedTinyConfig& config, const Mask& mask, const Model& model, std::int64_t round) {
  const std::vector<std::int64_t> masked = masked_tensors(mask);
  if (config.unit == FedTinyConfig::Unit::kModel) return masked;
  std::map<std::int64_t, std::vector<std::int64_t>> by_place;
  for (const std::int64_t tensor : masked) {
    by_place[config.unit == FedTinyConfig::Unit::kBlock ? model.first_block_of(static_cast<ParamId>(tensor)) : tensor].push_back(tensor);
  }
  std::vector<std::vector<std::int64_t>> units;
  for (auto& [place, tensors] : by_place) units.push_back(std::move(tensors));
  if (units.empty()) return {};
  if (config.order == FedTinyConfig::Order::kBackward) std::reverse(units.begin(), units.end());
  return units[static_cast<std::size_t>(round / config.every - 1) % units.size()];
}

std::unique_ptr<MaskDynamics> make_dynamics(const FedTinyConfig& config) { return std::make_unique<FedTiny>(config); }

void FedTinyConfig::visit(FieldVisitor& v) {
  AdjustmentSchedule::visit(v);
  v.choice("unit", unit, {"layer", "block", "model"}, "what one adjustment works on");
  v.choice("order", order, {"backward", "forward"}, "order of the units");
  v.choice("upload", upload, {"gradients", "votes", "candidates"},
           "each client's own largest gradients, its votes for them, or all gradients at places drawn by the coordinator's seed");
  v.field("factor", factor, "candidates a place", at_least(1));
  v.field("batch", batch, "samples of the gradient", at_least(1));
}

}  // namespace coppice
