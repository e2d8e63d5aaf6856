#include "simulations/foreseen_rounds.h"

#include <algorithm>
#include <numeric>

#include "algorithms/budget/budget.h"
#include "algorithms/exchange/plan_codec.h"
#include "algorithms/masking/make_mask.h"
#include "models/model.h"
#include "models/model_ports.h"

namespace coppice {
namespace {

Mask mask_after(const PruneConfig& prune, const Model& model, const Arena& base) {
  const auto [pattern, edge] = element_pattern(prune);
  const ElementScores scores = weight_element_scores(MagnitudeConfig{}, model, base, edge, Seed{});
  std::map<ParamId, std::int64_t> quotas;
  if (pattern.kind != Pattern::Kind::kNOfM) {
    quotas = element_quotas(model.structure(), *model.base_layout(), pattern, edge, prune.budget, &scores);
  }
  return make_element_mask(model, pattern, edge, scores, quotas);
}

void take_mask(Mask mask, Track& track) {
  ModelState values = track.values->clone();
  mask.apply_to(values.base);
  track.values = std::make_shared<const ModelState>(std::move(values));
  track.mask = std::make_shared<const Mask>(std::move(mask));
}

// What a stage leaves for those after it; of a cut model the shapes alone, its weights being zeros.
struct Leave {
  State& state;

  void operator()(const PruneConfig& prune) const {
    Track& track = state.track(kMainTrack);
    const auto model = make_model(track.values->config);
    state.tracks[kDenseTrack] = Track{track.values, nullptr, nullptr, {}};
    if (make_pattern(prune.pattern).kind != Pattern::Kind::kChannels) return take_mask(mask_after(prune, *model, track.values->base), track);
    const auto after = model_after(prune, *model);
    track.values = std::make_shared<const ModelState>(
        ModelState{after->config(), Arena("base", after->base_layout()), Arena("moments", after->moments_layout())});
  }
  void operator()(const BnSelectionConfig& selection) const {
    Track& track = state.track(kMainTrack);
    const auto model = make_model(track.values->config);
    state.tracks[kDenseTrack] = Track{track.values, nullptr, nullptr, {}};
    BnSelectionConfig one = selection;
    one.candidates = 1;
    take_mask(masks_to_select(one, *model, track.values->base, Seed{}).at(0), track);
  }
  void operator()(const Custom<Stage>& own) const {
    if (own->leaves_mask()) state.tracks[kDenseTrack] = Track{state.track(kMainTrack).values, nullptr, nullptr, {}};
  }
  template <class Other>
  void operator()(const Other&) const {}
};

}  // namespace

std::int64_t rounds_of(const StageConfig& stage) {
  const auto* warmup = std::get_if<WarmupConfig>(&stage);
  const auto* finetune = std::get_if<FinetuneConfig>(&stage);
  const auto* own = std::get_if<Custom<Stage>>(&stage);
  const auto* prune = std::get_if<PruneConfig>(&stage);
  if (prune != nullptr) return (prune->steps - 1) * prune->rounds;
  return warmup != nullptr ? warmup->rounds : finetune != nullptr ? finetune->rounds : own != nullptr ? (*own)->rounds() : 0;
}

std::unique_ptr<Model> model_after(const PruneConfig& prune, const Model& model) {
  const bool measured_later = prune.budget.budget.latency > 0.0 && !prune.budget.latencies;
  if (make_pattern(prune.pattern).kind != Pattern::Kind::kChannels || measured_later) return make_model(model.config());
  const std::vector<double> scores(model.structure().groups.size(), 1.0);
  return make_model(model.sliced_config(choose_units(model, scores, prune.budget)));
}

double samples_of_a_round(const RunConfig& config, const Population& population) {
  const LocalConfig& local = config.federation.local;
  const auto samples = std::accumulate(population.train_samples.begin(), population.train_samples.end(), std::int64_t{0});
  const double all = static_cast<double>(samples * local.epochs) / static_cast<double>(population.train_samples.size());
  return local.max_steps > 0 ? std::min(all, static_cast<double>(local.max_steps * local.batch)) : all;
}

std::vector<ForeseenRound> foresee_rounds(const RunConfig& config, const ScenarioData& data, const State& first) {
  const Population population = population_of(config, data);
  const ExampleSpec& spec = data.clients->train->spec();
  State state = first;
  std::vector<ForeseenRound> rounds;
  const auto foresee = [&](const StageConfig& stage, const State& before) {
    RunConfig alone = config;
    alone.stages = {stage};
    const RoundPlan plan = make_stages(alone, population, data.loss).at(0)->next_plans(before).at(0);
    const auto model = make_model(plan.values->config);
    const bool tokens = ports_of(model->config()).input == ModelPorts::Input::kTokens;
    const double positions = samples_of_a_round(config, population) * (tokens ? static_cast<double>(spec.shape[0]) : 1.0);
    ForeseenRound& round = rounds.emplace_back();
    round.stage = kind_of(stage);
    round.rounds = rounds_of(stage);
    round.bytes_down = plan_bytes(plan, plan.mask, true);
    round.flops = positions * training_flops(plan, std::get<TrainTask>(plan.tasks.at(0)), PassFlops(*model));
    round.bytes = client_bytes(plan, *model, expected_report_bytes(plan, *model));
  };
  for (const StageConfig& stage : config.stages) {
    if (const auto* prune = std::get_if<PruneConfig>(&stage)) {
      for (std::int64_t step = 1; step < prune->steps && prune->rounds > 0; ++step) {
        State between = state;
        Leave{between}(step_of(*prune, step));
        foresee(training_between(*prune), between);
      }
    } else if (rounds_of(stage) > 0) {
      foresee(stage, state);
    }
    std::visit(Leave{state}, stage);
  }
  return rounds;
}

}  // namespace coppice
