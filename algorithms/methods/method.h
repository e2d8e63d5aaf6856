// A federated method: a state machine at the coordinator. It composes plans from tasks and turns their answers into the next
// state; it never runs on a client, does no IO and keeps nothing outside State.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/methods/cohort.h"
#include "algorithms/methods/state.h"
#include "core/phase_timer.h"

namespace coppice {

// What a step did, for the journal, the progress line and the report.
struct StepRecord {
  std::string stage;
  std::int64_t round = 0;
  bool counts_as_round = true;                  // false for the evaluation that follows a round
  std::map<std::string, double> numbers = {};   // "train_loss", "eval/accuracy", "eval_twin/accuracy", "density", ...
  std::vector<std::string> remarks = {};        // "2 clients left out: loss not finite"
  std::vector<std::string> warnings = {};       // what metrics and report must say, too
};

// A plan of the state's current step, without values, cohort and tasks. Its seed is the state's, so that twins draw alike.
RoundPlan plan_of(const State& state, std::string stage, std::string track, LossKind loss);

// Names in the plan the store that each client of its cohort is known to have, and in the state those that the answer's clients now have.
void name_stores(const State& state, RoundPlan& plan);
void commit_stores(const RoundPlan& plan, const Answer& answer, State& state);

class Method {
 public:
  virtual ~Method() = default;

  virtual std::string name() const = 0;              // of the stage, as in the config
  virtual std::int64_t total_steps() const = 0;      // rounds, for progress
  virtual std::int64_t rounds_done(const State& state) const { return state.step; }
  virtual bool done(const State& state) const = 0;
  // Plans of the state's current step, without ids (the loop counts them); several plans of one step are independent.
  virtual std::vector<RoundPlan> next_plans(const State& state) const = 0;
  // Answers in the order of the plans. Advances state.step.
  virtual StepRecord absorb(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const = 0;
};

// Carries plans out and brings answers; local ranks, MPI ranks, later live sites.
class Backend {
 public:
  virtual ~Backend() = default;
  // Times what rank 0 does as phases "broadcast", "clients" and "join", the last with its waiting for other ranks.
  virtual Answer carry_out(const RoundPlan& plan, PhaseTimer& phases) = 0;
};

}  // namespace coppice
