#include "algorithms/methods/lotteryfl.h"

#include <set>

#include "algorithms/exchange/submodel.h"
#include "algorithms/methods/federated_training.h"
#include "models/measures.h"
#include "models/model.h"

namespace coppice {

void assign_tickets(const LotteryFlConfig& config, const State& state, RoundPlan& plan) {
  auto& task = std::get<TrainTask>(plan.tasks.at(0));
  task.lottery = LotteryTask{.start_accuracy = config.start_accuracy, .rate = config.rate, .density = config.density};
  const auto origin = state.tracks.find(kOriginTrack);
  plan.origin = frozen(origin == state.tracks.end() ? plan.values : origin->second.values);
  plan.personal = true;
  name_stores(state, plan);
}

Arena mean_over_holders(const RoundPlan& plan, const TrainSums& sums) {
  const double all = sums.sum("train/weight").at(0);
  std::set<ParamId> masked;
  for (const PatternMatrix& matrix : make_model(plan.values->config)->structure().matrices) masked.insert(matrix.tensor);
  const auto weights_of = [&](int tensor) {
    const ArenaEntry& entry = plan.values->base.layout()[tensor];
    return masked.contains(tensor) ? sums.sum(held_block(entry)) : std::vector<double>(static_cast<std::size_t>(entry.numel), all);
  };
  return sums.mean_of_senders("train/delta/", weights_of, plan.values->base);
}

double mean_density(const RoundPlan& plan, const Answer& answer) {
  double prunable = 0.0, dropped = 0.0;
  for (const PatternMatrix& matrix : make_model(plan.values->config)->structure().matrices) {
    prunable += static_cast<double>(matrix.rows_O * matrix.cols_I);
  }
  for (const ClientOutcome& outcome : answer.roster()) dropped += static_cast<double>(outcome.dropped);
  return 1.0 - dropped / (prunable * static_cast<double>(answer.roster().size()));
}

RoundPlan personal_evaluation(const State& state, const std::string& stage, const EvaluationConfig& evaluation, LossKind loss,
                              const Population& population) {
  RoundPlan plan = plan_of(state, stage, kMainTrack, loss);
  plan.cohort = everyone(population.select_samples);
  plan.values = state.track(kMainTrack).values;
  plan.personal = true;
  plan.tasks.emplace_back(measure_task(evaluation, Split::kSelect));
  name_stores(state, plan);
  return plan;
}

void record_personal(const RoundPlan& plan, const Answer& answer, State& state, StepRecord& record) {
  if (answer.accepted() == 0) return;
  const double count = answer.scalar("measure//count"), density = mean_density(plan, answer);
  record.numbers["eval/personal_loss"] = answer.scalar("measure//loss") / count;
  if (has_accuracy(plan.loss)) record.numbers["eval/personal_accuracy"] = answer.scalar("measure//hits") / count;
  record.numbers["eval/personal_density"] = density;
  state.numbers[kPersonal] = {answer.scalar("measure//loss"), answer.scalar("measure//hits"), count,
                              static_cast<double>(answer.accepted()), density};
}

void LotteryFlConfig::visit(FieldVisitor& v) {
  v.field("start_accuracy", start_accuracy, "on its training samples, above which a client prunes before it trains", within(0, 1));
  v.field("rate", rate, "fraction of every matrix's kept weights that goes then", above_to(0, 1));
  v.field("density", density, "of every matrix, at which a client stops to prune", above_to(0, 1));
}

}  // namespace coppice
