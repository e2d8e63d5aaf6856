#include "algorithms/methods/pruning.h"

#include <limits>

#include "algorithms/exchange/report_blocks.h"
#include "algorithms/fusion/concentration.h"
#include "algorithms/methods/fusion_learning.h"
#include "algorithms/importance/unit_vectors.h"
#include "algorithms/masking/bn_candidates.h"
#include "algorithms/masking/make_mask.h"
#include "core/config_text.h"
#include "models/model.h"

namespace coppice {
namespace {

// Scores that the step before went by, one a unit of the uncut model.
constexpr const char* kCoarseMemory = "memory/coarse";
constexpr const char* kFineMemory = "memory/fine";

// Different rules often agree; each mask is judged once, under the name of the first rule that made it.
void add_distinct(std::vector<CandidateMask>& all, std::string name, Mask mask) {
  for (const CandidateMask& other : all) {
    if (*other.mask == mask) return;
  }
  all.push_back({std::move(name), std::make_shared<const Mask>(std::move(mask))});
}

// Scores of the units of a model that was cut, as scores of the uncut one.
std::vector<double> lifted(const Mask& cut, std::span<const double> scores, double of_gone) {
  std::vector<double> all(cut.groups().size(), of_gone);
  std::size_t next = 0;
  for (std::size_t g = 0; g < all.size(); ++g) {
    if (cut.groups()[g] != 0) all[g] = scores[next++];
  }
  return all;
}

// What an earlier step dropped ranks last, whatever its score.
void keep_dropped(const Mask& before, ElementScores& scores) {
  for (auto& [tensor, values] : scores) {
    if (before.keeps_all(tensor)) continue;
    const Bits& kept = before.bits(tensor);
    for (std::int64_t i = 0; i < kept.size(); ++i) {
      if (!kept[i]) values[static_cast<std::size_t>(i)] = std::numeric_limits<float>::lowest();
    }
  }
}

// What stands for the units that are still there, of values for all of the uncut model.
template <class T>
std::vector<T> still_there(const Mask& cut, const std::vector<T>& of_all) {
  std::vector<T> there;
  for (std::size_t g = 0; g < of_all.size(); ++g) {
    if (cut.groups()[g] != 0) there.push_back(of_all[g]);
  }
  return there;
}

}  // namespace

PruneConfig step_of(const PruneConfig& config, std::int64_t step) {
  PruneConfig one = config;
  one.steps = 1;
  if (step == config.steps) return one;
  double& kept = fraction_of(one.budget.budget);
  const double left = 1.0 - static_cast<double>(step) / static_cast<double>(config.steps);
  const bool channels = make_pattern(config.pattern).kind == Pattern::Kind::kChannels;
  kept += (1.0 - kept) * (channels ? left : left * left * left);
  return one;
}

UnitScores unit_scores_of(const PruneConfig& prune, const ScoreConfig& config, const State& state, const Model& model) {
  const Track& track = state.track(kMainTrack);
  const ScoreRequest request = score_request(estimate_task(config, ScoreTarget::kUnits, false));
  UnitScores scores = decode_unit_scores(config.importance, model, track.values->base, request,
                                         score_sums(state, score_blocks(config.importance, model, request)));
  for (auto& [name, own] : {std::pair(kCoarseMemory, &scores.coarse), std::pair(kFineMemory, &scores.fine)}) {
    const auto found = state.numbers.find(name);
    if (prune.memory == 0.0 || found == state.numbers.end()) continue;
    const std::vector<double> past = track.cut ? still_there(*track.cut, found->second) : found->second;
    for (std::size_t g = 0; g < own->size(); ++g) (*own)[g] += prune.memory * past.at(g);
  }
  return scores;
}

std::vector<std::uint8_t> kept_units(const State& state, const Model& model, std::span<const double> scores, const BudgetConfig& budget) {
  const Mask* cut = state.track(kMainTrack).cut.get();
  if (cut == nullptr) return choose_units(model, scores, budget);
  const auto uncut = make_model(state.track(kDenseTrack).values->config);
  return still_there(*cut, choose_units(*uncut, lifted(*cut, scores, kGone), budget));
}

FinetuneConfig training_between(const PruneConfig& config) {
  FinetuneConfig training;
  training.rounds = config.rounds;
  training.evaluate_every = 0;
  return training;
}

ScoreTarget target_of(const Pattern& pattern) {
  return pattern.kind == Pattern::Kind::kChannels ? ScoreTarget::kUnits : ScoreTarget::kElements;
}

ElementPattern element_pattern(const PruneConfig& config) {
  const Pattern pattern = make_pattern(config.pattern);
  return {pattern, config.edge || pattern.kind == Pattern::Kind::kUnstructured};
}

Pruning::Pruning(PruneConfig config, ScoreConfig scores, FederationConfig federation, LossKind loss, Population population)
    : MaskSelection(config.recalibration, Split::kSelect, std::move(federation), loss, std::move(population)),
      config_(std::move(config)),
      scores_(std::move(scores)),
      pattern_(make_pattern(config_.pattern)) {}

// The state is as the stage found it: scores of this step and its shapes are there.
void Pruning::remember(State& state) const {
  if (config_.memory == 0.0) return;
  const Track& track = state.track(kMainTrack);
  const UnitScores scores = unit_scores_of(config_, scores_, state, *make_model(track.values->config));
  for (const auto& [name, own] : {std::pair(kCoarseMemory, &scores.coarse), std::pair(kFineMemory, &scores.fine)}) {
    state.numbers[name] = track.cut ? lifted(*track.cut, *own, 0.0) : *own;
  }
}

std::vector<CandidateMask> Pruning::unit_candidates(const State& state, const Model& model, const Arena& base) const {
  const PrunableStructure structure = model.structure();
  std::vector<CandidateMask> all;
  const auto add = [&](const std::string& name, const std::vector<double>& scores) {
    add_distinct(all, name, Mask::of_groups(model.base_layout(), structure, kept_units(state, model, scores, config_.budget)));
  };
  if (from_weights_alone(scores_.importance)) {
    const auto* random = std::get_if<RandomConfig>(&scores_.importance);
    const std::int64_t draws = random != nullptr ? random->draws : 1;
    for (std::int64_t draw = 0; draw < draws; ++draw) {
      const Seed seed{state.run_id, 0, static_cast<std::uint32_t>(draw)};
      const std::string kind = kind_of(scores_.importance);
      add(draws == 1 ? kind : kind + " " + std::to_string(draw),
          weight_unit_scores(scores_.importance, model, base, seed).fine);
    }
    return all;
  }
  const UnitScores scores = unit_scores_of(config_, scores_, state, model);
  for (const Candidate& candidate : coppice::candidates(scores_.fusion)) {
    add(candidate.name, fuse(candidate.config, structure, scores, learned_alphas(state)).scores);
  }
  return all;
}

std::vector<CandidateMask> Pruning::element_candidates(const State& state, const Model& model, const Arena& base) const {
  const bool edge = element_pattern(config_).edge;
  ElementScores scores;
  if (from_weights_alone(scores_.importance)) {
    scores = weight_element_scores(scores_.importance, model, base, edge, Seed{state.run_id, 0, 0});
  } else {
    const ScoreRequest request = score_request(estimate_task(scores_, ScoreTarget::kElements, edge));
    scores = decode_element_scores(scores_.importance, model, base, request,
                                   score_sums(state, score_blocks(scores_.importance, model, request)));
  }
  scores = concentrated(model.structure(), *model.base_layout(), std::move(scores), scores_.fusion.concentration);
  if (const Mask* before = state.track(kMainTrack).mask.get()) keep_dropped(*before, scores);
  std::vector<CandidateMask> all;
  for (const BudgetConfig& budget : alternatives_of(config_.budget)) {
    std::map<ParamId, std::int64_t> quotas;
    if (pattern_.kind != Pattern::Kind::kNOfM) {
      quotas = element_quotas(model.structure(), *model.base_layout(), pattern_, edge, budget, &scores);
    }
    const bool one = config_.budget.allocation != Allocation::kAdaptive;
    add_distinct(all, one ? to_string(pattern_) : "mass " + plain_number(budget.mass), make_element_mask(model, pattern_, edge, scores, quotas));
  }
  return all;
}

std::vector<CandidateMask> Pruning::candidates(const State& state) const {
  const ModelState& values = *state.track(kMainTrack).values;
  const auto model = make_model(values.config);
  if (pattern_.kind == Pattern::Kind::kChannels) return unit_candidates(state, *model, values.base);
  return element_candidates(state, *model, values.base);
}

std::vector<ParamId> Pruning::compensated_matrices(const Model& model) const {
  if (!std::holds_alternative<BiasCompensation>(config_.compensation)) return {};
  if (pattern_.kind == Pattern::Kind::kChannels) {
    return UnitVectors(model.structure(), *model.base_layout(), UnitVectors::Side::kConsumers).tensors();
  }
  std::vector<ParamId> tensors;
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern_, config_.edge)) {
    if (!matrix.edge) tensors.push_back(matrix.tensor);  // a decoder's head has no bias
  }
  return tensors;
}

BnSelection::BnSelection(BnSelectionConfig config, FederationConfig federation, LossKind loss, Population population)
    : MaskSelection(config.recalibration, Split::kSelect, std::move(federation), loss, std::move(population)),
      config_(std::move(config)) {}

std::vector<Mask> masks_to_select(const BnSelectionConfig& config, const Model& model, const Arena& base, Seed seed) {
  const bool erk = config.allocation == BnSelectionConfig::Allocation::kErk;
  return bn_candidates(model, base, config.density, config.epsilon, config.candidates, seed, erk ? Allocation::kErk : Allocation::kUniform);
}

std::vector<CandidateMask> BnSelection::candidates(const State& state) const {
  const ModelState& values = *state.track(kMainTrack).values;
  const auto model = make_model(values.config);
  std::vector<CandidateMask> all;
  std::int64_t index = 0;
  for (Mask& mask : masks_to_select(config_, *model, values.base, Seed{state.run_id, 0, 0})) {
    add_distinct(all, "candidate " + std::to_string(index++), std::move(mask));
  }
  return all;
}

void PruneConfig::visit(FieldVisitor& v) {
  v.variant("pattern", pattern, "what is kept or dropped together: whole units, single weights, N of M or blocks of R x C");
  v.field("edge", edge, "N:M and RxC: also the first and last layer");
  v.field("steps", steps, "cuts on the way to the budget, each after scores of its own", within(1, 100));
  v.field("rounds", rounds, "steps: rounds of training between two of them", at_least(0));
  v.field("memory", memory, "steps, channels: share of a step's scores that the next adds to its own; 1 = scores accumulate over the steps", within(0, 1));
  budget.visit(v);
  v.variant("compensation", compensation, "what makes up for what is dropped, without training");
  v.group("recalibration", recalibration, "data that batch-norm statistics under the mask, or what compensates, are taken from");
}

void BnSelectionConfig::visit(FieldVisitor& v) {
  v.field("density", density, "kept fraction of the weights", above_to(0, 1));
  v.field("epsilon", epsilon, "layer densities are perturbed by U(-epsilon, epsilon)", within(0, 1));
  v.choice("allocation", allocation, {"uniform", "erk"}, "the layer densities that are perturbed");
  v.field("candidates", candidates, "masks to choose from", at_least(1));
  v.choice("variance", variance, {"pooled", "mean"}, "batch-norm variance over clients: of all samples, or, as published, the clients' mean");
  v.group("recalibration", recalibration, "batch-norm statistics under each candidate");
}

}  // namespace coppice
