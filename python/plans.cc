#include "python/plans.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "algorithms/aggregation/server_step.h"
#include "algorithms/methods/federated_training.h"
#include "algorithms/methods/train_sums.h"
#include "core/error.h"
#include "python/object_tree.h"
#include "python/states.h"

namespace coppice {
namespace {

// [{"train": {...}}, {"measure": {...}}], as stages are written in a config.
struct TaskList {
  std::vector<Task> tasks;
  void visit(FieldVisitor& v) { v.list("tasks", tasks, "what clients do, in order"); }
};

std::vector<Task> tasks_of(const nb::list& tasks) {
  nb::dict map;
  map["tasks"] = tasks;
  TaskList list;
  read_tree(tree_of(map, "plan"), [&list](FieldVisitor& v) { list.visit(v); });
  if (list.tasks.empty()) throw InputError("plan: tasks: found none; expected at least one");
  return std::move(list.tasks);
}

nb::object task_object(Task task) {
  TaskList list{{std::move(task)}};
  return object_of_fields(std::move(list))["tasks"][nb::int_(0)];
}

const std::vector<std::int64_t>& samples_for(const Population& population, const std::vector<Task>& tasks) {
  const auto* measure = std::get_if<MeasureTask>(&tasks.front());
  if (measure == nullptr || measure->split == Split::kTrain) return population.train_samples;
  return measure->split == Split::kTest ? population.test_samples : population.select_samples;
}

PlanView plan_for(const Federation& self, const Lease<State>& state, const nb::list& tasks, const std::string& track,
                  const std::optional<std::vector<std::int64_t>>& cohort, const std::optional<SharedModel>& values) {
  const Track& held = state.get().track(track);
  RoundPlan plan = plan_of(state.get(), self.stage, track, self.loss);
  plan.tasks = tasks_of(tasks);
  const std::vector<std::int64_t>& samples = samples_for(self.population, plan.tasks);
  const bool tests = &samples == &self.population.test_samples;
  plan.cohort = cohort ? *cohort : tests ? everyone(samples) : draw_cohort(samples, self.config.cohort, plan.seed);
  const auto last = static_cast<std::int64_t>(samples.size());
  for (std::size_t i = 0; i < plan.cohort.size(); ++i) {
    if (plan.cohort[i] < 0 || plan.cohort[i] >= last || (i > 0 && plan.cohort[i] <= plan.cohort[i - 1])) {
      throw InputError("plan: cohort: found " + std::to_string(plan.cohort[i]) + "; expected clients in ascending order, below " +
                       std::to_string(last));
    }
  }
  if (plan.cohort.empty()) throw InputError("plan: cohort: found no clients; expected at least one");
  plan.values = values ? values->state : held.values;
  plan.mask = held.mask;
  return {std::move(plan)};
}

// Krum's selection needs single reports; Python methods are handed sums.
Arena mean_change(const PlanView& view, const Lease<const Answer>& answer) {
  const Arena& before = view.plan.values->base;
  const TrainSums sums(answer.get(), MeanAggregation{}, before.layout());
  return sums.mean("train/delta/", answer.get().scalar("train/weight"), before, view.plan.mask.get());
}

// The plan's model with the answer's mean change times `lr` added, and its batch norms' statistics pooled.
SharedModel averaged(const PlanView& view, const Lease<const Answer>& answer, double lr) {
  const ModelState& values = *view.plan.values;
  const TrainSums sums(answer.get(), MeanAggregation{}, values.base.layout());
  Slots none;
  Arena base = server_step(FedAvgConfig{.lr = lr}, values.base, mean_change(view, answer), view.plan.mask.get(), none);
  Arena moments = sums.pooled_moments(answer.get().scalar("train/weight"), values.moments);
  return {std::make_shared<const ModelState>(ModelState{values.config, std::move(base), std::move(moments)})};
}

nb::object samples_of(const Population& population) {
  nb::dict dict;
  dict["train"] = nb::cast(population.train_samples);
  dict["select"] = nb::cast(population.select_samples);
  dict["test"] = nb::cast(population.test_samples);
  return dict;
}

void bind_federation(nb::module_& m) {
  nb::class_<Federation>(m, "Federation", "What a stage's method knows of the run it is part of.")
      .def_ro("stage", &Federation::stage, "The stage's name in the config.")
      .def_prop_ro("settings", [](const Federation& self) { return object_of_fields(self.config); }, "The config's `federation`.",
                   nb::sig("def settings(self) -> dict[str, typing.Any]"))
      .def_prop_ro("samples", [](const Federation& self) { return samples_of(self.population); },
                   "Samples of each client by split: train, select (held out), test.",
                   nb::sig("def samples(self) -> dict[str, list[int]]"))
      .def("train_task", [](const Federation& self) { return task_object(train_task(self.config, 1.0)); },
           nb::sig("def train_task(self) -> dict[str, typing.Any]"),
           "{'train': {...}}: what the config's `federation` asks of a client in a round; to be changed at will.")
      .def("measure_task", [](const Federation& self) { return task_object(measure_task(self.config.evaluation, Split::kTest)); },
           nb::sig("def measure_task(self) -> dict[str, typing.Any]"), "{'measure': {...}}: loss and hits on the test split.")
      .def("plan", &plan_for, nb::arg("state"), nb::arg("tasks"), nb::arg("track") = kMainTrack, nb::arg("cohort") = nb::none(),
           nb::arg("values") = nb::none(),
           nb::sig("def plan(self, state: State, tasks: list[dict[str, typing.Any]], track: str = 'model', cohort: collections.abc.Sequence[int] | None = None, "
                   "values: ModelState | None = None) -> Plan"),
           "What clients are to do: tasks of the closed set {train, estimate, measure, collect, growth}, each with its settings, on the "
           "track's values and mask. Without `cohort`: everyone on the test split, else federation.cohort clients that the round draws.");
}

}  // namespace

void bind_methods(nb::module_& m) {
  nb::class_<PlanView>(m, "Plan", "What clients are to do in a step.")
      .def_prop_ro("cohort", [](const PlanView& self) { return self.plan.cohort; })
      .def_prop_ro("track", [](const PlanView& self) { return self.plan.track; })
      .def_prop_ro("values", [](const PlanView& self) { return SharedModel{self.plan.values}; }, "The weights that clients receive.")
      .def_prop_ro("tasks", [](const PlanView& self) { return object_of_fields(TaskList{self.plan.tasks})["tasks"]; },
                   nb::sig("def tasks(self) -> list[dict[str, typing.Any]]"));
  nb::class_<Lease<const Answer>>(m, "Answer", "The sums of all clients' reports: numerators and their weights, never means.")
      .def_prop_ro("blocks", [](const Lease<const Answer>& self) {
        std::map<std::string, std::int64_t> blocks;
        for (const ReportBlock& block : self.get().blocks()) blocks[block.name] = block.count;
        return blocks;
      }, "Sizes of the sums by name (algorithms/exchange/report_blocks.h).")
      .def("sum", [](const Lease<const Answer>& self, const std::string& block) { return float64_tensor(self.get().sum(block)); },
           nb::arg("block"), nb::sig("def sum(self, block: str) -> torch.Tensor"), "A sum, as float64.")
      .def("scalar", [](const Lease<const Answer>& self, const std::string& block) { return self.get().scalar(block); }, nb::arg("block"))
      .def_prop_ro("accepted", [](const Lease<const Answer>& self) { return self.get().accepted(); }, "Clients whose reports are in the sums.");
  bind_federation(m);
  m.def("averaged", &averaged, nb::arg("plan"), nb::arg("answer"), nb::arg("lr") = 1.0,
        "The plan's model after FedAvg: the mean change of the answer's Train task, times `lr`, added to it, and the statistics of its "
        "batch norms pooled.");
}

}  // namespace coppice
