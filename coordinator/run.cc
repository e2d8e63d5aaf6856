#include "coordinator/run.h"

#include "algorithms/exchange/report_blocks.h"
#include "coordinator/exponents.h"
#include "core/allocator.h"
#include "models/model.h"

namespace coppice {
bool run(const std::vector<std::unique_ptr<Method>>& stages, State& state, Backend& backend, Ledger& ledger,
         const std::vector<Observer*>& observers, const RunHooks& hooks) {
  const auto last = static_cast<int>(stages.size());
  PhaseTimer phases;
  while (state.stage < last) {
    const Method& stage = *stages[static_cast<std::size_t>(state.stage)];
    for (Observer* observer : observers) observer->on_stage(stage, state);
    while (!stage.done(state)) {
      const double start = steady_seconds();
      std::vector<RoundPlan> plans = stage.next_plans(state);
      StepCost cost;
      std::vector<Answer> answers;
      for (RoundPlan& plan : plans) {
        if (plan.track == kMainTrack) {
          cost.add(ledger.admit(plan, state));
        } else if (ledger.knows_devices()) {
          plan.cohort = plans.front().cohort;  // a twin meets the same clients, whatever it takes to hold it
        }
      }
      for (RoundPlan& plan : plans) {
        if (plan.cohort.empty()) continue;
        if (std::optional<RoundPlan> probe = probe_for(plan, state)) {
          probe->id = state.next_plan_id++;
          const Answer answer = backend.carry_out(*probe, phases);
          cost.add(ledger.charge(*probe, answer, state));
          cost.add_levels(answer.level_bytes);
          learn_from_probe(*probe, answer, state);
        }
      }
      for (RoundPlan& plan : plans) {
        plan.id = state.next_plan_id++;
        if (plan.cohort.empty()) {  // nobody is there
          answers.emplace_back();
          continue;
        }
        plan.exponents = exponents_for(plan, state);
        answers.push_back(backend.carry_out(plan, phases));
        cost.add(ledger.charge(plan, answers.back(), state));
        cost.add_levels(answers.back().level_bytes);
        learn_from_answer(plan, answers.back(), state);
      }
      const StepRecord record = [&] {
        const auto phase = phases.time("absorb");
        return stage.absorb(state, plans, answers);
      }();
      answers.clear();  // sums and values of a large model must not stand beside what the commit takes
      plans.clear();
      cost.seconds = steady_seconds() - start;
      for (const Phase& phase : phases.snapshot()) cost.phases[phase.name] = phase.seconds;
      phases.clear();
      for (Observer* observer : observers) observer->on_step(stage, state, record, cost);
      state.steps_done += 1;
      {
        const auto phase = phases.time("commit");  // counted with the next step
        hooks.commit(state, stage.done(state));
      }
      if (hooks.interrupted()) return false;
    }
    state.stage += 1;
    state.step = 0;
    hooks.commit(state, true);
    trim_heap();
  }
  return true;
}

}  // namespace coppice
