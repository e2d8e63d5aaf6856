#include "algorithms/methods/scoring.h"

#include "algorithms/exchange/report_blocks.h"
#include "core/error.h"
#include "models/model.h"

namespace coppice {

Scoring::Scoring(ScoreConfig config, ScoreTarget target, bool edge, FederationConfig federation, LossKind loss,
                 Population population)
    : config_(std::move(config)),
      target_(target),
      edge_(edge),
      federation_(std::move(federation)),
      loss_(loss),
      population_(std::move(population)) {}

bool Scoring::two_passes() const { return std::holds_alternative<AgreementFusion>(config_.fusion.clients); }

bool Scoring::done(const State& state) const {
  // Scores that the weights alone give need no plan: the prune stage computes them.
  return from_weights_alone(config_.importance) || state.step >= (two_passes() ? 2 : 1);
}

EstimateTask estimate_task(const ScoreConfig& config, ScoreTarget target, bool edge) {
  EstimateTask task;
  task.importance = config.importance;
  task.target = target;
  task.confidence = target == ScoreTarget::kUnits && needs_confidence(config.fusion);
  task.edge = edge;
  task.batches = config.batches;
  task.batch = config.batch;
  task.release.transform = config.fusion.clients;
  task.release.weight = config.weight;
  return task;
}

std::vector<RoundPlan> Scoring::next_plans(const State& state) const {
  RoundPlan plan = plan_of(state, name(), kMainTrack, loss_);
  plan.cohort = draw_cohort_or_all(population_.train_samples, config_.cohort, plan.seed);
  plan.values = state.track(kMainTrack).values;
  plan.mask = state.track(kMainTrack).mask;
  // The first pass of two finds no reference and so weighs by samples alone.
  EstimateTask task = estimate_task(config_, target_, edge_);
  task.precision = federation_.evaluation.precision;
  task.recompute = federation_.local.recompute;
  plan.tasks.emplace_back(std::move(task));
  const auto reference = state.numbers.find(kAgreementReference);
  if (reference != state.numbers.end()) {
    const auto bytes = std::as_bytes(std::span(reference->second));
    plan.references[kAgreementReference] =
        Block{.name = kAgreementReference, .dtype = DType::kF64,
              .shape = {static_cast<std::int64_t>(reference->second.size())}, .values = {bytes.begin(), bytes.end()}};
  }
  std::vector<RoundPlan> plans;
  plans.push_back(std::move(plan));
  return plans;
}

StepRecord Scoring::absorb(State& state, const std::vector<RoundPlan>& plans,
                           const std::vector<Answer>& answers) const {
  const Answer& answer = answers.at(0);
  StepRecord record{.stage = name(), .round = state.step};
  if (answer.accepted() == 0) throw Stopped("score: no client could send its scores; first reason: " +
                                            std::string(answer.roster().empty() ? "no clients"
                                                                                : name_of(answer.roster()[0].declined)));
  constexpr std::string_view kEstimate = "estimate/";
  for (const ReportBlock& block : answer.blocks()) {
    if (block.name.starts_with(kEstimate)) {
      state.numbers["score/" + block.name.substr(kEstimate.size())] = answer.sum(block.name);
    }
  }
  if (two_passes() && state.step == 0) {
    const auto blocks = score_blocks(config_.importance, *make_model(plans.at(0).values->config),
                                     score_request(std::get<EstimateTask>(plans.at(0).tasks.at(0))));
    state.numbers[kAgreementReference] = agreement_reference(blocks, score_sums(state, blocks));
  }
  record.numbers["clients"] = static_cast<double>(answer.accepted());
  record.numbers["declined"] = static_cast<double>(plans.at(0).cohort.size()) - static_cast<double>(answer.accepted());
  state.step += 1;
  state.total_rounds += 1;
  return record;
}

std::vector<std::vector<double>> score_sums(const State& state, const std::vector<ScoreBlock>& blocks) {
  std::vector<std::vector<double>> sums;
  for (const ScoreBlock& block : blocks) {
    const auto found = state.numbers.find("score/" + block.name);
    if (found == state.numbers.end()) {
      throw InputError("stages: a prune stage needs a score stage before it (no scores '" + block.name + "')");
    }
    sums.push_back(found->second);
  }
  return sums;
}

void ScoreConfig::visit(FieldVisitor& v) {
  v.variant("importance", importance, "what makes a unit or a weight important");
  v.group("fusion", fusion, "how coarse and fine scores, and the scores of clients, become one");
  v.field("batches", batches, "batches of each client; 0 = all its samples", at_least(0));
  v.field("batch", batch, "samples a batch; one gradient each", at_least(1));
  v.field("cohort", cohort, "clients that score; 0 = all", at_least(0));
  v.choice("weight", weight, {"one", "samples"}, "weight of a client's scores");
}

}  // namespace coppice
