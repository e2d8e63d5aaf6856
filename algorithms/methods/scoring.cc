#include "algorithms/methods/scoring.h"

#include "algorithms/exchange/report_blocks.h"
#include "core/error.h"

namespace coppice {

Scoring::Scoring(ScoreConfig config, ScoreTarget target, LossKind loss, Population population)
    : config_(std::move(config)), target_(target), loss_(loss), population_(std::move(population)) {}

bool Scoring::two_passes() const { return std::holds_alternative<AgreementFusion>(config_.clients); }

bool Scoring::done(const State& state) const {
  // Scores that the weights alone give need no plan: the prune stage computes them.
  return from_weights_alone(config_.importance) || state.step >= (two_passes() ? 2 : 1);
}

EstimateTask Scoring::task(bool reference_pass) const {
  EstimateTask task;
  task.importance = config_.importance;
  task.target = target_;
  task.batches = config_.batches;
  task.batch = config_.batch;
  task.release.transform = reference_pass ? ClientFusionConfig{NormalisedMeanFusion{}} : config_.clients;
  task.release.weight = config_.weight;
  return task;
}

std::vector<RoundPlan> Scoring::next_plans(const State& state) const {
  RoundPlan plan;
  plan.run_id = state.run_id;
  plan.id = state.next_plan_id;
  plan.stage = name();
  plan.round = state.step;
  plan.seed = Seed{state.run_id, static_cast<std::uint32_t>(state.total_rounds), 0};
  plan.loss = loss_;
  plan.cohort = config_.cohort == 0 ? everyone(population_.train_samples)
                                    : draw_cohort(population_.train_samples, config_.cohort, plan.seed);
  // No fusion: one client's word counts for all.
  if (std::holds_alternative<NoFusion>(config_.clients)) plan.cohort.resize(1);
  plan.values = state.track("model").values;
  plan.mask = state.track("model").mask;
  const bool reference_pass = two_passes() && state.step == 0;
  plan.tasks.emplace_back(task(reference_pass));
  if (two_passes() && !reference_pass) {
    for (const auto& [name, values] : state.numbers) {
      if (!name.starts_with("reference/")) continue;
      const auto bytes = std::as_bytes(std::span(values));
      plan.references[name] = Block{.name = name, .dtype = DType::kF64,
                                    .shape = {static_cast<std::int64_t>(values.size())},
                                    .values = {bytes.begin(), bytes.end()}};
    }
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
  const std::string prefix = two_passes() && state.step == 0 ? "reference/" : "score/";
  constexpr std::string_view kEstimate = "estimate/";
  for (const ReportBlock& block : answer.blocks()) {
    if (block.name.starts_with(kEstimate)) {
      state.numbers[prefix + block.name.substr(kEstimate.size())] = answer.sum(block.name);
    }
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
  v.variant("clients", clients, "how clients' scores become one");
  v.field("batches", batches, "batches of each client; 0 = all its samples", at_least(0));
  v.field("batch", batch, "samples a batch; one gradient each", at_least(1));
  v.field("cohort", cohort, "clients that score; 0 = all", at_least(0));
  v.choice("weight", weight, {"one", "samples"}, "weight of a client's scores");
}

}  // namespace coppice
