#include "algorithms/methods/mask_selection.h"

#include "algorithms/aggregation/pooled_moments.h"
#include "algorithms/budget/reachability.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/fusion/fusion.h"
#include "algorithms/methods/federated_training.h"
#include "core/error.h"
#include "models/model.h"
#include "models/transform.h"

namespace coppice {
namespace {

constexpr const char* kCollected = "collect/";

// The moments collected under one candidate, from the sums that step 0 left in the state; null where there are none.
std::shared_ptr<const Arena> collected_moments(const State& state, const std::string& candidate, const Arena& moments) {
  if (moments.layout().size() == 0) return nullptr;
  Arena recomputed = moments.clone();
  const std::vector<std::string> norms = norm_names(moments.layout());
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const std::string prefix = kCollected + candidate;
    pool_moments(state.numbers.at(prefix + "/sum/" + norms[i]), state.numbers.at(prefix + "/square/" + norms[i]),
                 state.numbers.at(prefix + "/count/" + norms[i]).at(0), recomputed.floats(static_cast<int>(2 * i)),
                 recomputed.floats(static_cast<int>(2 * i + 1)));
  }
  return std::make_shared<const Arena>(std::move(recomputed));
}

ModelState masked_state(const ModelState& state, const Mask& mask, const Arena* moments) {
  ModelState masked = state.clone();
  mask.apply_to(masked.base);
  if (moments != nullptr) masked.moments.copy_from(*moments);
  return masked;
}

void forget_collected(State& state) {
  std::erase_if(state.numbers, [](const auto& item) { return item.first.starts_with(kCollected); });
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
  RoundPlan plan;
  plan.run_id = state.run_id;
  plan.stage = name();
  plan.round = state.step;
  plan.seed = Seed{state.run_id, static_cast<std::uint32_t>(state.total_rounds), 0};
  plan.loss = loss_;
  plan.values = state.track(kMainTrack).values;
  return plan;
}

RoundPlan MaskSelection::collect_plan(const State& state) const {
  RoundPlan plan = base_plan(state);
  plan.cohort = recalibration_.cohort == 0
                    ? everyone(population_.train_samples)
                    : draw_cohort(population_.train_samples, recalibration_.cohort, plan.seed);
  for (const CandidateMask& candidate : candidates(state)) plan.variants.push_back({candidate.name, candidate.mask, nullptr});
  plan.tasks.emplace_back(
      CollectTask{.batches = recalibration_.batches, .batch = recalibration_.batch, .precision = federation_.precision});
  return plan;
}

RoundPlan MaskSelection::measure_plan(const State& state) const {
  RoundPlan plan = base_plan(state);
  plan.cohort = everyone(judges());
  if (plan.cohort.empty()) {
    throw InputError("data.holdout: found no held-out samples; expected some, for choosing among candidate masks");
  }
  for (const CandidateMask& candidate : candidates(state)) {
    plan.variants.push_back(
        {candidate.name, candidate.mask, collected_moments(state, candidate.name, plan.values->moments)});
  }
  plan.tasks.emplace_back(measure_task(federation_.evaluation, judged_on_));
  return plan;
}

std::vector<RoundPlan> MaskSelection::next_plans(const State& state) const {
  std::vector<RoundPlan> plans;
  if (state.step == 0) {
    // Without batch norm there is nothing to collect; the step still shows the candidates to be within reach.
    if (state.track(kMainTrack).values->moments.layout().size() > 0) plans.push_back(collect_plan(state));
  } else if (state.step == 1) {
    if (candidates(state).size() > 1) plans.push_back(measure_plan(state));
  } else {
    plans.push_back(evaluation_plan(state, kMainTrack, federation_.evaluation, loss_, population_, false));
    plans.back().stage = name();
    plans.back().round = state.step;
  }
  return plans;
}

void MaskSelection::choose(State& state, std::size_t chosen, const std::vector<CandidateMask>& all,
                           StepRecord& record) const {
  Track& track = state.track(kMainTrack);
  const auto model = make_model(track.values->config);
  const std::shared_ptr<const Mask>& mask = all[chosen].mask;
  const Reachability reach = reachability_of(*model, *mask);
  if (!reach.alive()) {
    throw InputError(name() + ": the mask cuts the model in two (" + reach.describe() +
                     "); expected a larger budget, a higher floor, or erk allocation");
  }
  const auto moments = collected_moments(state, all[chosen].name, track.values->moments);
  ModelState masked = masked_state(*track.values, *mask, moments.get());
  state.tracks[kDenseTrack] = Track{track.values, nullptr, nullptr, track.server};
  const std::vector<std::int64_t> full = model->structure().full_widths();
  if (mask->groups().empty() || mask->widths(model->structure()) == full) {
    track = Track{std::make_shared<const ModelState>(std::move(masked)), mask, nullptr, {}};
  } else {
    track = Track{std::make_shared<const ModelState>(slice(masked, *model, *mask)), nullptr, mask, {}};
  }
  // What clients stored belongs to the shapes before the cut.
  state.store_versions.clear();
  state.texts[name() + "/chosen"] = all[chosen].name;
  record.numbers["density"] = mask->density();
  record.remarks.push_back("mask " + mask->digest().short_hex() + " by " + all[chosen].name);
  forget_collected(state);
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
    const std::vector<CandidateMask> all = candidates(state);
    std::size_t chosen = 0;
    if (!answers.empty()) {
      std::vector<double> losses;
      for (const Variant& variant : plans.at(0).variants) {
        const double count = answers[0].scalar("measure/" + variant.name + "/count");
        losses.push_back(answers[0].scalar("measure/" + variant.name + "/loss") / count);
        state.numbers["candidates/" + variant.name] = {losses.back(),
                                                       answers[0].scalar("measure/" + variant.name + "/hits") / count};
      }
      chosen = select_best(losses);
      record.numbers["select_loss"] = losses[chosen];
    }
    choose(state, chosen, all, record);
  } else {
    record_evaluation(answers.at(0), "eval", record);
    state.numbers["after_cut"] = {record.numbers["eval/loss"], record.numbers["eval/accuracy"]};
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
