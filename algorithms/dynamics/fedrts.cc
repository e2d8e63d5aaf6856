#include "algorithms/dynamics/fedrts.h"

#include <algorithm>

#include "algorithms/masking/blocks.h"
#include "models/model.h"

namespace coppice {
namespace {

const std::string kAlpha = std::string(kDynamicsSlots) + "alpha";
const std::string kBeta = std::string(kDynamicsSlots) + "beta";

Arena belief(const Track& track, const std::string& slot) {
  const auto found = track.server.find(slot);
  if (found != track.server.end()) return found->second->clone();
  Arena fresh = track.values->base.zeros_like();
  fresh.fill(1.0F);
  return fresh;
}

class FedRts final : public MaskDynamics {
 public:
  explicit FedRts(FedRtsConfig config) : config_(config) {}

  std::optional<GrowthTask> task(const Track& track, std::int64_t round) const override {
    if (round >= config_.until) return std::nullopt;
    GrowthTask task{.what = GrowthTask::What::kVotes, .tensors = masked_tensors(*track.mask)};
    task.drops = config_.counts(*track.mask, task.tensors, round);
    task.counts = config_.due(round) ? task.drops : std::vector<std::int64_t>(task.tensors.size(), 0);
    task.batch = config_.batch;
    return task;
  }

  Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const override {
    const auto model = make_model(track.values->config);
    const GrowthTask& task = growth_of(plan);
    const double weight = answer.scalar("growth/weight");
    Arena alpha = belief(track, kAlpha), beta = belief(track, kBeta);
    const bool due = config_.due(plan.round);
    std::map<ParamId, Bits> masks = track.mask->elements();
    for (std::size_t t = 0; t < task.tensors.size(); ++t) {
      const auto tensor = static_cast<ParamId>(task.tensors[t]);
      const std::string& name = (*model->base_layout())[tensor].name;
      const Bits& kept = track.mask->bits(tensor);
      const Belief of{alpha.floats(tensor), beta.floats(tensor)};
      learn_of_kept(kept, track.values->base.floats(tensor), task.drops[t], answer.sum("growth/drop/" + name), weight, of);
      if (!due) continue;
      learn_of_dropped(kept, answer.sum("growth/" + name), weight, of);
      masks[tensor] = drawn(kept, Stream(plan.seed, Purpose::kMask, static_cast<std::uint32_t>(tensor)), of);
    }
    track.server[kAlpha] = std::make_shared<const Arena>(std::move(alpha));
    track.server[kBeta] = std::make_shared<const Arena>(std::move(beta));
    return Mask::of_elements(model->base_layout(), model->structure(), std::move(masks));
  }

 private:
  struct Belief {
    std::span<float> alpha, beta;

    void move(std::int64_t i, double x, double lambda) const {
      alpha[static_cast<std::size_t>(i)] += static_cast<float>(lambda * x);
      beta[static_cast<std::size_t>(i)] += static_cast<float>(lambda * (1.0 - x));
    }
  };

  void learn_of_kept(const Bits& kept, std::span<const float> weights, std::int64_t drops, const std::vector<double>& votes, double weight,
                     const Belief& of) const {
    const std::vector<std::uint32_t> positions = kept.positions();
    std::vector<double> low(positions.size(), 0.0);
    for (const std::uint32_t place : smallest_kept(weights, kept, drops)) low[place] = 1.0;
    for (std::size_t place = 0; place < positions.size(); ++place) {
      const double against = (1.0 - config_.gamma) * low[place] + config_.gamma * votes[place] / weight;
      of.move(positions[place], 1.0 - against, config_.lambda);
    }
  }

  void learn_of_dropped(const Bits& kept, const std::vector<double>& votes, double weight, const Belief& of) const {
    for (std::int64_t i = 0; i < kept.size(); ++i) {
      if (!kept[i]) of.move(i, 0.5 * (1.0 - config_.gamma) + config_.gamma * votes[static_cast<std::size_t>(i)] / weight, config_.lambda);
    }
  }

  static Bits drawn(const Bits& kept, Stream stream, const Belief& of) {
    std::vector<float> samples;
    for (std::size_t i = 0; i < of.alpha.size(); ++i) {
      const double x = stream.gamma(of.alpha[i]), y = stream.gamma(of.beta[i]);
      samples.push_back(static_cast<float>(x / (x + y)));
    }
    Bits next(kept.size(), false);
    for (const std::int64_t i : top_positions(samples, kept.count())) next.set(i, true);
    return next;
  }

  FedRtsConfig config_;
};

}  // namespace

std::unique_ptr<MaskDynamics> make_dynamics(const FedRtsConfig& config) { return std::make_unique<FedRts>(config); }

void FedRtsConfig::visit(FieldVisitor& v) {
  AdjustmentSchedule::visit(v);
  v.field("gamma", gamma, "share of the clients' votes in what is learnt of a weight", within(0, 1));
  v.field("lambda", lambda, "how far a round moves a belief", above(0));
  v.field("batch", batch, "samples of the gradient", at_least(1));
}

}  // namespace coppice
