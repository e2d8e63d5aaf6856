#include "algorithms/methods/mask_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "algorithms/aggregation/pooled_moments.h"
#include "algorithms/budget/reachability.h"
#include "algorithms/compensation/bias.h"
#include "algorithms/compensation/slorb.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/fusion/fusion.h"
#include "algorithms/methods/federated_training.h"
#include "core/error.h"
#include "models/added_parameters.h"
#include "models/model.h"
#include "models/transform.h"

namespace coppice {
namespace {

constexpr const char* kCollected = "collect/";

// The moments collected under one candidate, from the sums that step 0 left in the state; null where there are none.
std::shared_ptr<const Arena> collected_moments(const State& state, const std::string& candidate, const Arena& moments, bool pooled) {
  if (moments.layout().size() == 0) return nullptr;
  Arena recomputed = moments.clone();
  const std::vector<std::string> norms = norm_names(moments.layout());
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const std::string prefix = kCollected + candidate;
    const auto pool = pooled ? pool_moments : mean_moments;
    pool(state.numbers.at(prefix + "/sum/" + norms[i]), state.numbers.at(prefix + "/square/" + norms[i]),
         state.numbers.at(prefix + "/count/" + norms[i]).at(0), recomputed.floats(static_cast<int>(2 * i)),
         recomputed.floats(static_cast<int>(2 * i + 1)));
  }
  return std::make_shared<const Arena>(std::move(recomputed));
}

// The mean inputs that step 0 left in the state; empty where it collected none.
InputMeans collected_means(const State& state, const ArenaLayout& base) {
  const std::string sum = std::string(kCollected) + "/sum/", positions = std::string(kCollected) + "/positions/";
  InputMeans means;
  for (int tensor = 0; tensor < base.size(); ++tensor) {
    const auto sums = state.numbers.find(sum + base[tensor].name);
    const auto count = state.numbers.find(positions + base[tensor].name);
    if (sums == state.numbers.end() || count == state.numbers.end()) continue;
    for (const double value : sums->second) means[tensor].push_back(value / count->second.at(0));
  }
  return means;
}

// A mask of one model for the same model with other entries besides: the same units, or the same weights by name.
Mask relaid(const Mask& mask, const Model& from, const Model& to) {
  const PrunableStructure structure = to.structure(), before = from.structure();
  if (mask.widths(before) != before.full_widths()) return Mask::of_groups(to.base_layout(), structure, mask.groups());
  std::map<ParamId, Bits> elements;
  for (const auto& [tensor, bits] : mask.elements()) {
    elements.emplace(to.base_layout()->find((*from.base_layout())[tensor].name), bits);
  }
  return Mask::of_elements(to.base_layout(), structure, std::move(elements));
}

// What was collected and scored belongs to the shapes before the cut.
void forget_shapes(State& state) {
  std::erase_if(state.numbers, [](const auto& item) {
    return item.first.starts_with(kCollected) || item.first.starts_with("score/") || item.first == kAgreementReference;
  });
}

// The cut in the dense layout that `cut` and then `mask`, on what it left, make together.
Mask joined(const Mask& cut, const Mask& mask, const Model& dense) {
  std::vector<std::uint8_t> kept = cut.groups();
  std::size_t next = 0;
  for (std::uint8_t& flag : kept) flag = flag != 0 ? mask.groups().at(next++) : 0;
  return Mask::of_groups(dense.base_layout(), dense.structure(), kept);
}

}  // namespace

MaskSelection::MaskSelection(RecalibrationConfig recalibration, Split judged_on, FederationConfig federation,
                             LossKind loss, Population population)
    : recalibration_(recalibration),
      judged_on_(judged_on),
      federation_(std::move(federation)),
      loss_(loss),
      population_(std::move(population)) {}

const std::vector<std::int64_t>& MaskSelection::judges() const {
  return judged_on_ == Split::kSelect ? population_.select_samples : population_.train_samples;
}

RoundPlan MaskSelection::base_plan(const State& state) const {
  RoundPlan plan = plan_of(state, name(), kMainTrack, loss_);
  plan.values = state.track(kMainTrack).values;
  return plan;
}

std::vector<CandidateMask> MaskSelection::candidates_on(const Model& model, const State& state) const {
  const auto own = make_model(state.track(kMainTrack).values->config);
  std::vector<CandidateMask> all = candidates(state);
  if (own->config() == model.config()) return all;
  for (CandidateMask& candidate : all) candidate.mask = std::make_shared<const Mask>(relaid(*candidate.mask, *own, model));
  return all;
}

// Batch norms under every candidate, or mean inputs of the uncut model; no task where neither is wanted.
RoundPlan MaskSelection::statistics_plan(const State& state) const {
  RoundPlan plan = base_plan(state);
  plan.cohort = draw_cohort_or_all(population_.train_samples, recalibration_.cohort, plan.seed);
  CollectTask task{.pooled = pools_variance(), .batches = recalibration_.batches, .batch = recalibration_.batch, .precision = federation_.precision};
  const auto model = make_model(plan.values->config);
  const std::vector<ParamId> compensated = compensated_matrices(*model);
  if (model->moments_layout()->size() > 0) {
    for (const CandidateMask& candidate : candidates(state)) plan.variants.push_back({candidate.name, candidate.mask, nullptr});
    plan.tasks.emplace_back(std::move(task));
  } else if (!compensated.empty()) {
    task.statistic = CollectTask::Statistic::kInputSums;
    task.tensors.assign(compensated.begin(), compensated.end());
    task.last_block = model->num_blocks() - 1;
    task.precision = federation_.evaluation.precision;
    plan.tasks.emplace_back(std::move(task));
  }
  return plan;
}

RoundPlan MaskSelection::measure_plan(const State& state) const {
  RoundPlan plan = base_plan(state);
  plan.cohort = everyone(judges());
  if (plan.cohort.empty()) {
    throw InputError("data.holdout: found no held-out samples; expected some, for choosing among candidate masks");
  }
  if (!compensated_matrices(*make_model(plan.values->config)).empty()) plan.values = widened(plan.values, with_biases(plan.values->config));
  plan.references = to_references(collected_means(state, plan.values->base.layout()), plan.values->base.layout());
  for (const CandidateMask& candidate : candidates_on(*make_model(plan.values->config), state)) {
    plan.variants.push_back(
        {candidate.name, candidate.mask, collected_moments(state, candidate.name, plan.values->moments, pools_variance())});
  }
  plan.tasks.emplace_back(measure_task(federation_.evaluation, judged_on_));
  return plan;
}

std::vector<RoundPlan> MaskSelection::next_plans(const State& state) const {
  std::vector<RoundPlan> plans;
  if (state.step == 0) {
    // Without anything to collect the step still shows the candidates to be within reach.
    RoundPlan plan = statistics_plan(state);
    if (!plan.tasks.empty()) plans.push_back(std::move(plan));
  } else if (state.step == 1) {
    if (candidates(state).size() > 1) plans.push_back(measure_plan(state));
  } else {
    plans.push_back(evaluation_plan(state, name(), kMainTrack, federation_.evaluation, loss_, population_, false));
  }
  return plans;
}

void MaskSelection::choose(State& state, std::size_t chosen, StepRecord& record) const {
  remember(state);
  Track& track = state.track(kMainTrack);
  const bool compensates = !compensated_matrices(*make_model(track.values->config)).empty();
  const std::shared_ptr<const ModelState> uncut = compensates ? widened(track.values, with_biases(track.values->config)) : track.values;
  const auto model = make_model(uncut->config);
  const std::vector<CandidateMask> all = candidates_on(*model, state);
  const std::shared_ptr<const Mask>& mask = all[chosen].mask;
  const Reachability reach = reachability_of(*model, *mask);
  if (!reach.alive()) {
    throw InputError(name() + ": the mask cuts the model in two (" + reach.describe() +
                     "); expected a larger budget, a higher floor, or erk allocation");
  }
  const auto moments = collected_moments(state, all[chosen].name, uncut->moments, pools_variance());
  ModelState masked = bias_compensated(*uncut, *model, *mask, collected_means(state, uncut->base.layout()));
  if (moments) masked.moments.copy_from(*moments);
  record.numbers["density"] = mask->density();
  if (track.cut) {  // an earlier step's
    const auto dense = make_model(state.track(kDenseTrack).values->config);
    const auto cut = std::make_shared<const Mask>(joined(*track.cut, *mask, *dense));
    record.numbers["density"] = cut->density();
    track = Track{std::make_shared<const ModelState>(slice(masked, *model, *mask)), nullptr, cut, {}};
  } else {
    // Slots of the server's optimizer have the shapes of the model before it had biases.
    if (!track.mask) state.tracks[kDenseTrack] = Track{uncut, nullptr, nullptr, uncut == track.values ? track.server : decltype(track.server){}};
    const std::vector<std::int64_t> full = model->structure().full_widths();
    if (const SlorbConfig* slorb = boosters()) {
      const auto wider = widened(uncut, with_boosters(uncut->config, slorb->inputs));
      const auto kept = std::make_shared<const Mask>(relaid(*mask, *model, *make_model(wider->config)));
      track = Track{std::make_shared<const ModelState>(boosted(*wider, *kept)), kept, nullptr, {}};
    } else if (mask->groups().empty() || mask->widths(model->structure()) == full) {
      track = Track{std::make_shared<const ModelState>(std::move(masked)), mask, nullptr, {}};
    } else {
      track = Track{std::make_shared<const ModelState>(slice(masked, *model, *mask)), nullptr, mask, {}};
    }
  }
  // What clients stored belongs to the shapes before the cut.
  state.store_versions.clear();
  state.texts[name() + "/chosen"] = all[chosen].name;
  record.remarks.push_back("mask " + mask->digest().short_hex() + " by " + all[chosen].name);
  forget_shapes(state);
}

StepRecord MaskSelection::absorb(State& state, const std::vector<RoundPlan>& plans,
                                 const std::vector<Answer>& answers) const {
  StepRecord record{.stage = name(), .round = state.step};
  for (const Answer& answer : answers) {
    record.numbers["clients"] = static_cast<double>(answer.accepted());
    if (answer.accepted() == 0) throw Stopped(name() + ": no client could answer");
  }
  if (state.step == 0) {
    if (!answers.empty()) {
      for (const ReportBlock& block : answers[0].blocks()) state.numbers[block.name] = answers[0].sum(block.name);
    }
  } else if (state.step == 1) {
    std::size_t chosen = 0;
    if (!answers.empty()) {
      std::vector<double> losses, whole;  // whole: of those alone that do not cut the model in two
      const auto model = make_model(plans.at(0).values->config);
      std::erase_if(state.numbers, [](const auto& item) { return item.first.starts_with("candidates/"); });
      for (const Variant& variant : plans.at(0).variants) {
        const double count = answers[0].scalar("measure/" + variant.name + "/count");
        losses.push_back(answers[0].scalar("measure/" + variant.name + "/loss") / count);
        state.numbers["candidates/" + variant.name] = {losses.back(),
                                                       answers[0].scalar("measure/" + variant.name + "/hits") / count};
        const bool alive = reachability_of(*model, *variant.mask).alive();
        whole.push_back(alive ? losses.back() : std::numeric_limits<double>::infinity());
        if (!alive) record.remarks.push_back(variant.name + " cuts the model in two");
      }
      const bool some = std::any_of(whole.begin(), whole.end(), [](double loss) { return std::isfinite(loss); });
      chosen = select_best(some ? whole : losses);
      record.numbers["select_loss"] = losses[chosen];
    }
    choose(state, chosen, record);
  } else {
    record_evaluation(plans.at(0), answers.at(0), "eval", record);
    record.counts_as_round = false;
  }
  state.step += 1;
  state.total_rounds += 1;
  return record;
}

void RecalibrationConfig::visit(FieldVisitor& v) {
  v.field("batches", batches, "batches of each client; 0 = all its samples", at_least(0));
  v.field("batch", batch, "samples a batch", at_least(2));
  v.field("cohort", cohort, "clients asked; 0 = all", at_least(0));
}

}  // namespace coppice
