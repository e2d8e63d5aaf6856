// The only loop of a run: plans out, answers in, the next state committed; stage after stage.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "algorithms/methods/method.h"
#include "coordinator/ledger.h"

namespace coppice {

// What the loop tells others about. Observers change nothing.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_stage(const Method& /*stage*/, const State& /*state*/) {}
  virtual void on_step(const Method& stage, const State& state, const StepRecord& record, const StepCost& cost) = 0;
};

struct RunHooks {
  std::function<void(State&, bool stage_done)> commit;  // makes the state durable; may change where it lies, not what it holds
  std::function<bool()> interrupted;                          // asked after every commit
};

// True when all stages are done, false when interrupted; `state` is committed either way.
bool run(const std::vector<std::unique_ptr<Method>>& stages, State& state, Backend& backend, Ledger& ledger,
         const std::vector<Observer*>& observers, const RunHooks& hooks);

}  // namespace coppice
