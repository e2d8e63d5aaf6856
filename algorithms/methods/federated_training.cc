#include "algorithms/methods/federated_training.h"

#include <algorithm>
#include <cmath>

#include "algorithms/aggregation/server_step.h"
#include "algorithms/budget/reachability.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/methods/adapter_rounds.h"
#include "algorithms/methods/divergence.h"
#include "algorithms/methods/lotteryfl.h"
#include "algorithms/methods/shadow_rounds.h"
#include "algorithms/methods/submodels.h"
#include "algorithms/methods/train_sums.h"
#include "core/error.h"
#include "models/measures.h"
#include "models/model.h"

namespace coppice {
namespace {

const std::string kCutWarning = std::string(kWarnings) + "cut";

std::map<std::string, Block> control_blocks(const Track& track) {
  std::map<std::string, Block> blocks;
  const auto found = track.server.find("control");
  if (found == track.server.end()) return blocks;
  const ArenaLayout& layout = found->second->layout();
  for (int i = 0; i < layout.size(); ++i) {
    const auto bytes = std::as_bytes(found->second->floats(i));
    blocks["control/" + layout[i].name] = Block{.name = "control/" + layout[i].name,
                                                .shape = layout[i].shape,
                                                .values = {bytes.begin(), bytes.end()}};
  }
  return blocks;
}

// c += (1/K) sum over the cohort of (c_k' - c_k), K = all clients (SCAFFOLD, Algorithm 1, line 17).
void update_control(Track& track, const TrainSums& sums, double population) {
  Arena change = sums.mean("train/control/", population, track.values->base, track.mask.get());
  const auto found = track.server.find("control");
  if (found != track.server.end()) {
    const auto old = found->second->floats();
    const auto sum = change.floats();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += old[i];
  }
  track.server["control"] = std::make_shared<const Arena>(std::move(change));
}

// A mask that moves may cut the model in two, and later join it again: said once a run.
void warn_if_cut(State& state, const Track& track, StepRecord& record) {
  if (state.texts.contains(kCutWarning)) return;
  const Reachability reach = reachability_of(*make_model(track.values->config), *track.mask);
  if (reach.alive()) return;
  record.warnings.push_back("the adjusted mask cuts the model in two: " + reach.describe());
  state.texts[kCutWarning] = record.warnings.back();
}

// Of what ZeroFL's clients send.
Arena mean_of_sent(const Answer& answer, const TrainSums& sums, double weight, const Arena& before) {
  const auto weights_of = [&](int tensor) {
    const ArenaEntry& entry = before.layout()[tensor];
    const std::string block = kSentBlocks + entry.name;
    return answer.has(block) ? sums.sum(block) : std::vector<double>(static_cast<std::size_t>(entry.numel), weight);
  };
  return sums.mean_of_senders("train/delta/", weights_of, before);
}

const TrainTask& task_of(const RoundPlan& plan) { return std::get<TrainTask>(plan.tasks.at(0)); }

std::string suffix_of(const std::string& track) { return track == kMainTrack ? "" : "_twin"; }

}  // namespace

FederatedTraining::FederatedTraining(std::string name, FinetuneConfig config, FederationConfig federation, LossKind loss,
                                     Population population, ElementPattern pattern)
    : name_(std::move(name)),
      config_(std::move(config)),
      federation_(std::move(federation)),
      loss_(loss),
      population_(std::move(population)),
      pattern_(pattern),
      dynamics_(make_dynamics(config_.dynamics)) {}

// Even steps train round step / 2, odd steps evaluate after it; steps of rounds that are not evaluated are skipped.
bool FederatedTraining::done(const State& state) const { return state.step >= 2 * config_.rounds; }

bool FederatedTraining::evaluation_due(std::int64_t round) const {
  return round + 1 == config_.rounds || (config_.evaluate_every > 0 && (round + 1) % config_.evaluate_every == 0);
}

bool FederatedTraining::has_shadows(const std::string& name, const Track& track) const {
  return name == kMainTrack && track.mask && keeps_shadows(config_.sparse);
}

std::vector<std::string> FederatedTraining::tracks(const State& state) const {
  std::vector<std::string> names = {kMainTrack};
  if (config_.twin && state.tracks.contains(kDenseTrack)) names.emplace_back(kDenseTrack);
  return names;
}

std::optional<GrowthTask> FederatedTraining::dynamics_task(const std::string& name, const Track& track, std::int64_t round) const {
  if (!dynamics_ || name != kMainTrack || !track.mask) return std::nullopt;
  std::optional<GrowthTask> task = dynamics_->task(track, round);
  if (task) {
    task->release.weight = federation_.weight;
    task->release.wire = federation_.wire;
  }
  return task;
}

RoundPlan FederatedTraining::train_plan(const State& state, const std::string& name, std::int64_t round) const {
  const Track& track = state.track(name);
  RoundPlan plan = plan_of(state, name_, name, loss_);
  plan.cohort = draw_cohort(population_.train_samples, federation_.cohort, plan.seed);
  plan.shadows = has_shadows(name, track);
  plan.values = plan.shadows ? shadow_values(state, track) : track.values;
  plan.mask = track.mask;
  TrainTask task = train_task(federation_, lr_scale(config_.schedule, round, config_.rounds));
  if (plan.shadows) task.sparse = config_.sparse;
  task.rounds = config_.rounds;
  if (config_.distill && name == kMainTrack) {
    task.distill = config_.distill;
    plan.teacher = frozen(state.track(kDenseTrack).values);
  }
  const auto* lora = std::get_if<LoraConfig>(&config_.adapter);
  if (lora != nullptr && name == kMainTrack) {
    task.adapter = *lora;
    plan.frozen = plan.values->digest();
    plan.adapters = adapters_of(*lora, track, plan.seed);
  }
  if (plan.shadows || plan.adapters) task.release.select = Release::Select::kDense;
  if (std::holds_alternative<ZeroFlConfig>(task.sparse)) task.release.select = Release::Select::kPrivateTopK;
  if (dynamics_ && name == kMainTrack && track.mask) dynamics_->shape(track, round, task);
  plan.tasks.emplace_back(task);
  if (name == kMainTrack) assign_submodels(federation_.submodels, population_, state, plan);
  if (task.scaffold) plan.references = control_blocks(track);
  if (task.scaffold || task.selective) name_stores(state, plan);
  plan.individual_reports = std::holds_alternative<KrumAggregation>(federation_.aggregation);
  if (std::optional<GrowthTask> growth = dynamics_task(name, track, round)) plan.tasks.emplace_back(*std::move(growth));
  return plan;
}

std::vector<RoundPlan> FederatedTraining::next_plans(const State& state) const {
  const std::int64_t round = state.step / 2;
  std::vector<RoundPlan> plans;
  for (const std::string& track : tracks(state)) {
    plans.push_back(state.step % 2 == 0 ? train_plan(state, track, round)
                                        : measure_plan(state, track));
    plans.back().round = round;
  }
  if (state.step % 2 != 0 && has_personal_masks(federation_.submodels)) {
    plans.push_back(personal_evaluation(state, name_, federation_.evaluation, loss_, population_));
  }
  return plans;
}

RoundPlan FederatedTraining::measure_plan(const State& state, const std::string& track) const {
  RoundPlan plan = evaluation_plan(state, name_, track, federation_.evaluation, loss_, population_, false);
  const auto* lora = std::get_if<LoraConfig>(&config_.adapter);
  if (lora != nullptr && track == kMainTrack) plan.values = merged_values(*lora, state.track(track));
  return plan;
}

void FederatedTraining::finish(State& state) const {
  Track& track = state.track(kMainTrack);
  if (const auto* lora = std::get_if<LoraConfig>(&config_.adapter)) merge_adapters(*lora, track);
  if (has_shadows(kMainTrack, track)) forget_shadows(pattern_, track);
  forget_dynamics(track);
}

StepRecord FederatedTraining::absorb_training(State& state, const std::vector<RoundPlan>& plans,
                                              const std::vector<Answer>& answers) const {
  StepRecord record;
  const std::vector<std::string> names = tracks(state);
  for (std::size_t t = 0; t < plans.size(); ++t) {
    Track& track = state.track(names[t]);
    const Answer& answer = answers[t];
    const std::string suffix = suffix_of(names[t]);
    const auto cohort = static_cast<double>(plans[t].cohort.size());
    record.numbers["clients" + suffix] = static_cast<double>(answer.accepted());
    record.numbers["declined" + suffix] = cohort - static_cast<double>(answer.accepted());
    for (const ClientOutcome& outcome : answer.roster()) {
      if (outcome.declined != Decline::kNone) {
        record.remarks.push_back("client " + std::to_string(outcome.client) + " left out: " + name_of(outcome.declined));
      }
    }
    double& void_rounds = state.numbers.try_emplace("void_rounds" + suffix, std::vector<double>{0.0}).first->second[0];
    const std::int64_t answered = answer.accepted() + answer.count(Decline::kWithheld);
    if (answered == 0 || static_cast<double>(answered) < federation_.quorum * cohort) {
      record.remarks.push_back("round void: " + std::to_string(answered) + " of " +
                               std::to_string(plans[t].cohort.size()) + " reports, quorum " +
                               std::to_string(federation_.quorum));
      void_rounds += 1.0;
      if (void_rounds >= 3.0) throw Stopped("three rounds in a row missed the quorum; last: " + record.remarks.back());
      continue;
    }
    if (answer.accepted() == 0) {
      record.remarks.emplace_back("nothing changes: no client's loss is lower than at its last report");
      void_rounds = 0.0;
      continue;
    }
    const double loss = answer.scalar("train/loss") / answer.scalar("train/samples");
    record.numbers["train_loss" + suffix] = loss;
    if (has_accuracy(plans[t].loss)) record.numbers["train_accuracy" + suffix] = answer.scalar("train/hits") / answer.scalar("train/samples");
    std::vector<double>& reached = state.numbers["reached_loss" + suffix + "/" + name_];
    if (diverged(loss, federation_.divergence, reached)) {
      record.remarks.push_back("round rolled back: training loss " + std::to_string(loss) +
                               (reached.empty() ? "" : ", after " + std::to_string(reached[0]) + " had been reached"));
      void_rounds += 1.0;
      if (void_rounds >= 3.0) throw Stopped("training diverged three rounds in a row; " + record.remarks.back());
      continue;
    }
    void_rounds = 0.0;

    const Arena& before = plans[t].adapters ? *plans[t].adapters : plans[t].values->base;
    const TrainSums sums(answer, federation_.aggregation, before.layout());
    const double weight = sums.sum("train/weight").at(0);
    const bool shadows = plans[t].shadows;
    const Mask* support = shadows || plans[t].adapters ? nullptr : track.mask.get();
    const double steps = task_of(plans[t]).per_step ? sums.sum("train/effective").at(0) / weight : 1.0;
    const bool parts = has_submodels(federation_.submodels);
    Arena delta = parts ? change_of_parts(federation_.submodels, plans[t], sums)
                  : std::holds_alternative<ZeroFlConfig>(task_of(plans[t]).sparse)
                      ? mean_of_sent(answer, sums, weight, before)
                      : sums.mean("train/delta/", weight / steps, before, support);
    if (plans[t].adapters) {
      absorb_adapters(federation_.server, before, std::move(delta), track);
      continue;
    }
    Arena base = server_step(federation_.server, before, std::move(delta), support, track.server);
    if (federation_.correction == Correction::kScaffold) {
      update_control(track, sums, static_cast<double>(everyone(population_.train_samples).size()));
    }
    if (task_of(plans[t]).scaffold || task_of(plans[t]).selective || plans[t].personal) commit_stores(plans[t], answer, state);
    Arena moments = parts ? moments_of_parts(federation_.submodels, plans[t], sums) : sums.pooled_moments(weight, track.values->moments);
    ModelState next{track.values->config, std::move(base), std::move(moments)};
    if (shadows) {
      absorb_shadows(config_.sparse, pattern_, plans[t].round, config_.rounds, std::move(next), track, record);
    } else {
      track.values = std::make_shared<const ModelState>(std::move(next));
    }
    if (plans[t].tasks.size() > 1) {
      const MaskChange change = adopt_mask(federation_.server, dynamics_->next_mask(track, plans[t], answer), track);
      record.numbers["sparse/grown"] = static_cast<double>(change.grown);
      record.numbers["sparse/dropped"] = static_cast<double>(change.dropped);
      if (change.grown + change.dropped > 0) warn_if_cut(state, track, record);
    }
    learn_from_parts(federation_.submodels, population_, plans[t], answer, state, record);
    if (track.mask) record.numbers["density" + suffix] = track.mask->density();
  }
  return record;
}

StepRecord FederatedTraining::absorb(State& state, const std::vector<RoundPlan>& plans,
                                     const std::vector<Answer>& answers) const {
  const std::int64_t round = state.step / 2;
  StepRecord record;
  if (state.step % 2 == 0) {
    if (plans[0].origin.values) state.tracks.try_emplace(kOriginTrack, Track{plans[0].origin.values, nullptr, nullptr, {}});
    record = absorb_training(state, plans, answers);
    if (round + 1 == config_.rounds) finish(state);
    if (plans.size() > 1) state.texts["twin"] = name_;
    state.step += evaluation_due(round) ? 1 : 2;
    state.total_rounds += 1;
  } else {
    const std::vector<std::string> names = tracks(state);
    for (std::size_t t = 0; t < names.size(); ++t) {
      record_evaluation(plans[t], answers[t], names[t] == kMainTrack ? "eval" : "eval_twin", record);
    }
    if (plans.size() > names.size()) record_personal(plans.back(), answers.back(), state, record);
    record.counts_as_round = false;
    state.step += 1;
  }
  record.stage = name_;
  record.round = round;
  return record;
}

TrainTask train_task(const FederationConfig& federation, double lr_scale) {
  TrainTask task;
  task.optimizer = federation.optimizer;
  task.lr_scale = lr_scale;
  task.epochs = federation.local.epochs;
  task.batch = federation.local.batch;
  task.last = federation.local.last;
  task.max_steps = federation.local.max_steps;
  task.prox_mu = federation.local.prox_mu;
  task.clip_norm = federation.local.clip_norm;
  task.scaffold = federation.correction == Correction::kScaffold;
  task.per_step = std::holds_alternative<FedNovaAggregation>(federation.aggregation);
  task.precision = federation.precision;
  task.recompute = federation.local.recompute;
  task.selective = federation.local.selective;
  task.release.weight = federation.weight;
  task.release.wire = federation.wire;
  return task;
}

MeasureTask measure_task(const EvaluationConfig& evaluation, Split split, bool details) {
  return {.split = split, .batch = evaluation.batch, .details = details, .precision = evaluation.precision};
}

RoundPlan evaluation_plan(const State& state, const std::string& stage, const std::string& track,
                          const EvaluationConfig& evaluation, LossKind loss, const Population& population, bool details) {
  RoundPlan plan = plan_of(state, stage, track, loss);
  plan.cohort = everyone(population.test_samples);
  plan.values = state.track(track).values;
  plan.mask = state.track(track).mask;
  plan.tasks.emplace_back(measure_task(evaluation, Split::kTest, details));
  return plan;
}

void record_evaluation(const RoundPlan& plan, const Answer& answer, const std::string& prefix, StepRecord& record) {
  const double count = answer.scalar("measure//count");
  record.numbers[prefix + "/loss"] = answer.scalar("measure//loss") / count;
  if (has_accuracy(plan.loss)) record.numbers[prefix + "/accuracy"] = answer.scalar("measure//hits") / count;
}

void TrainingStageConfig::visit(FieldVisitor& v) {
  v.field("rounds", rounds, "rounds of training", at_least(0));
  v.variant("schedule", schedule, "learning rate over the rounds");
  v.field("evaluate_every", evaluate_every, "rounds between evaluations on the test split; 0 = only at the end",
          at_least(0));
}

void FinetuneConfig::visit(FieldVisitor& v) {
  TrainingStageConfig::visit(v);
  v.field("twin", twin, "also train the dense model with the same rounds and draws, for comparison");
  v.variant("sparse", sparse, "what becomes of the weights that an element mask drops");
  v.group("distill", distill, "learn from the dense model that the mask was cut from, too");
  v.variant("adapter", adapter, "train low-rank changes of the weights instead of the weights");
  v.variant("dynamics", dynamics, "how the mask changes while the weights under it are trained");
}

}  // namespace coppice
