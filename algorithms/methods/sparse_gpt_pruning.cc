#include "algorithms/methods/sparse_gpt_pruning.h"

#include <algorithm>
#include <map>
#include <set>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "algorithms/methods/federated_training.h"
#include "core/error.h"
#include "models/matrix_uses.h"
#include "models/model.h"

namespace coppice {
namespace {

// How many steps the stage has, from its first step on.
constexpr const char* kSteps = "prune/steps";

// The matrices of one step: blocks of the model, and the weights of each input, the one that stands for it first.
struct Sites {
  int first_block = 0;
  int last_block = 0;
  std::map<ParamId, std::vector<ParamId>> by_input;
};

std::vector<Sites> sites_of(const Model& model, const ModelState& values, const ElementPattern& pattern, bool one_pass) {
  std::set<ParamId> covered;
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern.pattern, pattern.edge)) covered.insert(matrix.tensor);
  std::vector<Sites> all;
  std::map<ParamId, ParamId> representatives;  // of inputs: the first covered weight
  for (const MatrixUse& use : matrix_uses(model, values)) {
    if (!covered.contains(use.weight)) continue;
    if (all.empty() || (!one_pass && all.back().last_block != use.block)) all.push_back({use.block, use.block, {}});
    all.back().last_block = use.block;
    all.back().by_input[representatives.try_emplace(use.input, use.weight).first->second].push_back(use.weight);
  }
  return all;
}

// The symmetric matrix of the triangle that clients summed.
at::Tensor products_of(const Answer& answer, const ArenaEntry& entry) {
  const std::int64_t inputs = entry.shape[1];
  const at::Tensor h_II = at::empty({inputs, inputs}, at::TensorOptions().dtype(at::kDouble));
  auto* h = h_II.mutable_data_ptr<double>();
  std::int64_t row = 0, column = 0;
  answer.for_each_chunk("collect//product/" + entry.name, [&](std::size_t, std::span<const double> values) {
    for (const double value : values) {
      h[row * inputs + column] = h[column * inputs + row] = value;
      if (++column > row) {
        ++row;
        column = 0;
      }
    }
  });
  return h_II;
}

}  // namespace

SparseGptPruning::SparseGptPruning(PruneConfig config, FederationConfig federation, LossKind loss, Population population)
    : config_(std::move(config)),
      solver_(std::get<SparseGptConfig>(config_.compensation)),
      federation_(std::move(federation)),
      loss_(loss),
      population_(std::move(population)),
      pattern_(element_pattern(config_)) {}

bool SparseGptPruning::done(const State& state) const {
  const auto steps = state.numbers.find(kSteps);
  return steps != state.numbers.end() && static_cast<double>(state.step) > steps->second.at(0);
}

std::vector<RoundPlan> SparseGptPruning::next_plans(const State& state) const {
  std::vector<RoundPlan> plans;
  const auto steps = state.numbers.find(kSteps);
  if (steps != state.numbers.end() && static_cast<double>(state.step) == steps->second.at(0)) {
    plans.push_back(evaluation_plan(state, name(), kMainTrack, federation_.evaluation, loss_, population_, false));
    return plans;
  }
  const Track& track = state.track(kMainTrack);
  const auto model = make_model(track.values->config);
  const bool one_pass = solver_.mode == SparseGptConfig::Mode::kOnePass;
  const Sites sites = sites_of(*model, *track.values, pattern_, one_pass).at(static_cast<std::size_t>(state.step));
  RoundPlan plan = plan_of(state, name(), kMainTrack, loss_);
  // The same clients in every step: each block is to be fitted to the same text.
  plan.cohort = draw_cohort_or_all(population_.train_samples, config_.recalibration.cohort,
                                   Seed{state.run_id, static_cast<std::uint32_t>(state.total_rounds - state.step), 0});
  plan.values = track.values;
  plan.mask = track.mask;
  CollectTask task{.statistic = CollectTask::Statistic::kInputProducts, .first_block = one_pass ? 0 : sites.first_block,
                   .last_block = sites.last_block, .batches = config_.recalibration.batches, .batch = config_.recalibration.batch,
                   .precision = federation_.evaluation.precision};
  for (const auto& [input, weights] : sites.by_input) task.tensors.push_back(input);
  plan.tasks.emplace_back(std::move(task));
  plans.push_back(std::move(plan));
  return plans;
}

StepRecord SparseGptPruning::absorb(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const {
  StepRecord record{.stage = name(), .round = state.step};
  const Answer& answer = answers.at(0);
  record.numbers["clients"] = static_cast<double>(answer.accepted());
  if (answer.accepted() == 0) throw Stopped(name() + ": no client could answer");
  if (std::holds_alternative<MeasureTask>(plans.at(0).tasks.at(0))) {
    record_evaluation(plans.at(0), answer, "eval", record);
    record.counts_as_round = false;
    state.step += 1;
    return record;
  }
  const at::NoGradGuard no_grad;
  Track& track = state.track(kMainTrack);
  const auto model = make_model(track.values->config);
  const PrunableStructure structure = model->structure();
  const ArenaLayout& base = *model->base_layout();
  const std::vector<Sites> all = sites_of(*model, *track.values, pattern_, solver_.mode == SparseGptConfig::Mode::kOnePass);
  if (state.step == 0) {
    state.numbers[kSteps] = {static_cast<double>(all.size())};
    state.tracks[kDenseTrack] = Track{track.values, nullptr, nullptr, track.server};
  }
  std::map<ParamId, std::int64_t> quotas;
  if (pattern_.pattern.kind != Pattern::Kind::kNOfM) {
    quotas = element_quotas(structure, base, pattern_.pattern, pattern_.edge, config_.budget, nullptr);
  }
  ModelState next = track.values->clone();
  std::map<ParamId, Bits> elements;
  for (const auto& [input, weights] : all.at(static_cast<std::size_t>(state.step)).by_input) {
    const InverseFactor factor = inverse_factor(products_of(answer, base[input]), solver_.damping);
    for (const ParamId weight : weights) {
      const std::int64_t quota = quotas.contains(weight) ? quotas.at(weight) : 0;
      elements.emplace(weight, sparse_gpt(next.base.view(weight), factor, pattern_.pattern, quota, solver_.columns));
    }
  }
  Mask mask = Mask::of_elements(model->base_layout(), structure, std::move(elements));
  if (track.mask) mask = mask & *track.mask;
  record.numbers["density"] = mask.density();
  track = Track{std::make_shared<const ModelState>(std::move(next)), std::make_shared<const Mask>(std::move(mask)), nullptr, {}};
  state.step += 1;
  state.total_rounds += 1;
  record.counts_as_round = state.step == static_cast<std::int64_t>(all.size());
  if (record.counts_as_round) {
    state.store_versions.clear();
    state.texts[name() + "/chosen"] = SparseGptConfig::kName;
    record.remarks.push_back("mask " + track.mask->digest().short_hex() + " by " + SparseGptConfig::kName);
  }
  return record;
}

void check_sparse_gpt(const PruneConfig& config, const Model& model) {
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  const auto [pattern, edge] = element_pattern(config);
  for (const PatternMatrix& matrix : covered_matrices(model.structure(), pattern, edge)) {
    const ArenaEntry& entry = (*layout)[matrix.tensor];
    if (entry.shape.size() != 2) {
      throw InputError("compensation: found sparsegpt with the convolution " + coppice::quoted(entry.name) +
                       "; expected a model of plain matrices");
    }
  }
  if (pattern.kind != Pattern::Kind::kNOfM) {
    element_quotas(model.structure(), *layout, pattern, edge, config.budget, nullptr);
  }
}

}  // namespace coppice
