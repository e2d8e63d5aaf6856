#include "algorithms/methods/fusion_learning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "algorithms/importance/unit_vectors.h"
#include "core/error.h"
#include "core/portable_math.h"
#include "models/model.h"

namespace coppice {
namespace {

// A prune stage forgets what is under "score/" once it has cut.
constexpr const char* kLogits = "score/fusion/logits";
constexpr const char* kFirstMoments = "score/fusion/first_moments";
constexpr const char* kSecondMoments = "score/fusion/second_moments";
constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;

double sigmoid(double x) { return 1.0 / (1.0 + portable_exp(-x)); }

std::vector<double>& numbers(State& state, const char* name, std::size_t size) {
  std::vector<double>& values = state.numbers[name];
  values.resize(size, 0.0);
  return values;
}

}  // namespace

// Of each unit: its gate z, and d log z / d a of its family's logit.
struct FusionLearning::Gates {
  std::vector<double> values;
  std::vector<double> slopes;
};

std::vector<double> learned_alphas(const State& state) {
  const auto logits = state.numbers.find(kLogits);
  if (logits == state.numbers.end()) return {};
  std::vector<double> alphas;
  for (const double logit : logits->second) alphas.push_back(sigmoid(logit));
  return alphas;
}

FusionLearning::FusionLearning(PruneConfig prune, ScoreConfig scores, FederationConfig federation, LossKind loss, Population population)
    : prune_(std::move(prune)),
      scores_(std::move(scores)),
      learned_(std::get<LearnedGranularity>(scores_.fusion.granularity)),
      federation_(std::move(federation)),
      loss_(loss),
      population_(std::move(population)) {}

FusionLearning::Gates FusionLearning::gates_of(const State& state, const Model& model) const {
  const PrunableStructure structure = model.structure();
  const std::vector<std::int64_t> sizes = structure.full_widths();
  const UnitScores scores = unit_scores_of(prune_, scores_, state, model);
  const std::vector<double> coarse = normalised_by_family(scores.coarse, sizes), fine = normalised_by_family(scores.fine, sizes);
  std::vector<double> alphas = learned_alphas(state);
  if (alphas.empty()) alphas.assign(sizes.size(), 0.5);
  const std::vector<std::uint8_t> kept = kept_units(state, model, fuse(scores_.fusion, structure, scores, alphas).scores, prune_.budget);
  const double part = learned_.rounds > 1 ? static_cast<double>(state.step) / static_cast<double>(learned_.rounds - 1) : 1.0;
  const double temperature = learned_.first_temperature * std::pow(learned_.last_temperature / learned_.first_temperature, part);

  Gates gates{std::vector<double>(kept.size(), 1.0), std::vector<double>(kept.size(), 0.0)};
  std::size_t begin = 0;
  for (std::size_t family = 0; family < sizes.size(); ++family) {
    const std::size_t end = begin + static_cast<std::size_t>(sizes[family]);
    const double alpha = alphas[family];
    const auto score = [&](std::size_t i) { return alpha * coarse[i] + (1.0 - alpha) * fine[i]; };
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    std::size_t least_kept = kNone, largest_taken = kNone;
    for (std::size_t i = begin; i < end; ++i) {
      std::size_t& edge = kept[i] != 0 ? least_kept : largest_taken;
      if (edge == kNone || (kept[i] != 0 ? score(i) < score(edge) : score(i) > score(edge))) edge = i;
    }
    if (largest_taken != kNone && least_kept != kNone) {
      const auto middle = [&](const auto& of) { return 0.5 * (of(least_kept) + of(largest_taken)); };
      const auto difference = [&](std::size_t i) { return coarse[i] - fine[i]; };
      for (std::size_t i = begin; i < end; ++i) {
        gates.values[i] = sigmoid((score(i) - middle(score)) / temperature);
        gates.slopes[i] = alpha * (1.0 - alpha) * (1.0 - gates.values[i]) / temperature * (difference(i) - middle(difference));
      }
    }
    begin = end;
  }
  return gates;
}

std::vector<RoundPlan> FusionLearning::next_plans(const State& state) const {
  const Track& track = state.track(kMainTrack);
  const auto model = make_model(track.values->config);
  RoundPlan plan = plan_of(state, name(), kMainTrack, loss_);
  plan.cohort = draw_cohort_or_all(population_.train_samples, scores_.cohort, plan.seed);
  ModelState gated = track.values->clone();
  const Gates gates = gates_of(state, *model);
  const UnitVectors consumers(model->structure(), *model->base_layout(), UnitVectors::Side::kConsumers);
  for (const ParamId tensor : consumers.tensors()) consumers.scale(tensor, gates.values, gated.base.floats(tensor));
  plan.values = std::make_shared<const ModelState>(std::move(gated));
  plan.mask = track.mask;
  EstimateTask task = estimate_task(scores_, ScoreTarget::kUnits, false);
  task.importance = TaylorConfig{.weights = TaylorConfig::Weights::kConsumers};
  task.confidence = false;
  task.release.transform = NoFusion{};
  task.precision = federation_.evaluation.precision;
  task.recompute = federation_.local.recompute;
  plan.tasks.emplace_back(std::move(task));
  std::vector<RoundPlan> plans;
  plans.push_back(std::move(plan));
  return plans;
}

StepRecord FusionLearning::absorb(State& state, const std::vector<RoundPlan>& /*plans*/, const std::vector<Answer>& answers) const {
  const Answer& answer = answers.at(0);
  if (answer.accepted() == 0) throw Stopped(name() + ": no client could answer");
  const auto model = make_model(state.track(kMainTrack).values->config);
  const Gates gates = gates_of(state, *model);
  const UnitVectors consumers(model->structure(), *model->base_layout(), UnitVectors::Side::kConsumers);
  const std::vector<double> gains = consumers.per_unit(answer.sum("estimate/coarse"));  // z dL/dz, L summed over samples
  const double samples = answer.scalar("estimate/weight");
  const std::vector<std::int64_t> sizes = model->structure().full_widths();
  std::vector<double>& logits = numbers(state, kLogits, sizes.size());
  std::vector<double>& first = numbers(state, kFirstMoments, sizes.size());
  std::vector<double>& second = numbers(state, kSecondMoments, sizes.size());
  const auto round = static_cast<double>(state.step + 1);
  std::size_t unit = 0;
  for (std::size_t family = 0; family < sizes.size(); ++family) {
    double gradient = 0.0;
    for (std::int64_t i = 0; i < sizes[family]; ++i, ++unit) gradient += gains[unit] / samples * gates.slopes[unit];
    first[family] = kBeta1 * first[family] + (1.0 - kBeta1) * gradient;
    second[family] = kBeta2 * second[family] + (1.0 - kBeta2) * gradient * gradient;
    const double mean = first[family] / (1.0 - std::pow(kBeta1, round)), square = second[family] / (1.0 - std::pow(kBeta2, round));
    logits[family] -= learned_.lr * mean / (std::sqrt(square) + kEps);
  }
  const std::vector<double> alphas = learned_alphas(state);
  const auto [least, most] = std::minmax_element(alphas.begin(), alphas.end());
  StepRecord record{.stage = name(), .round = state.step};
  record.numbers["clients"] = static_cast<double>(answer.accepted());
  record.numbers["fuse/least_alpha"] = *least;
  record.numbers["fuse/largest_alpha"] = *most;
  state.step += 1;
  state.total_rounds += 1;
  return record;
}

}  // namespace coppice
