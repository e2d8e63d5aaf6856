#include "algorithms/dynamics/feddst.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "models/model.h"

namespace coppice {
namespace {

class FedDst final : public MaskDynamics {
 public:
  explicit FedDst(FedDstConfig config) : config_(config) {}

  std::optional<GrowthTask> task(const Track& track, std::int64_t round) const override {
    if (!config_.due(round)) return std::nullopt;
    GrowthTask task{.what = GrowthTask::What::kVotes, .tensors = masked_tensors(*track.mask)};
    task.counts = task.drops = config_.counts(*track.mask, task.tensors, round);
    task.batch = config_.batch;
    return task;
  }

  Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const override {
    const auto model = make_model(track.values->config);
    const double weight = answer.scalar("growth/weight");
    std::map<ParamId, Bits> masks = track.mask->elements();
    for (const std::int64_t id : growth_of(plan).tensors) {
      const auto tensor = static_cast<ParamId>(id);
      const std::string& name = (*model->base_layout())[tensor].name;
      masks[tensor] = united(track.mask->bits(tensor), track.values->base.floats(tensor), answer.sum("growth/" + name),
                             answer.sum("growth/drop/" + name), weight);
    }
    return Mask::of_elements(model->base_layout(), model->structure(), std::move(masks));
  }

 private:
  Bits united(const Bits& kept, std::span<const float> weights, const std::vector<double>& grow, const std::vector<double>& drop,
              double weight) const {
    // (in, |theta|, share), largest first; ascending position breaks ties.
    std::vector<std::tuple<bool, float, double, std::int64_t>> ranked;
    std::size_t place = 0;
    for (std::int64_t i = 0; i < kept.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double share = kept[i] ? 1.0 - drop[place++] / weight : grow[at] / weight;
      if (kept[i] || share > 0.0) ranked.emplace_back(share > config_.min_share, std::abs(weights[at]), share, -i);
    }
    std::sort(ranked.begin(), ranked.end(), std::greater<>());
    Bits next(kept.size(), false);
    for (std::int64_t n = 0; n < kept.count(); ++n) next.set(-std::get<3>(ranked[static_cast<std::size_t>(n)]), true);
    return next;
  }

  FedDstConfig config_;
};

}  // namespace

std::unique_ptr<MaskDynamics> make_dynamics(const FedDstConfig& config) { return std::make_unique<FedDst>(config); }

void FedDstConfig::visit(FieldVisitor& v) {
  AdjustmentSchedule::visit(v);
  v.field("min_share", min_share, "share of the cohort that must have a weight in its masks", from_below(0, 1));
  v.field("batch", batch, "samples of the gradient", at_least(1));
}

}  // namespace coppice
