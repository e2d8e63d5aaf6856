#include "python/python_method.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <type_traits>

#include "python/plans.h"
#include "python/states.h"

namespace coppice {
namespace {

bool measures_alone(const RoundPlan& plan) {
  return std::all_of(plan.tasks.begin(), plan.tasks.end(), [](const Task& task) { return std::holds_alternative<MeasureTask>(task); });
}

// Numbers, and "remarks": a list of texts.
void read_record(const nb::object& returned, StepRecord& record) {
  if (returned.is_none()) return;
  for (const auto [key, value] : nb::cast<nb::dict>(returned)) {
    const auto name = nb::cast<std::string>(key);
    if (name == "remarks") {
      record.remarks = nb::cast<std::vector<std::string>>(value);
    } else {
      record.numbers[name] = nb::cast<double>(nb::float_(value));
    }
  }
}

class PythonMethod final : public Method {
 public:
  PythonMethod(std::shared_ptr<nb::object> method, std::shared_ptr<Callbacks> callbacks, const StageSetting& setting)
      : method_(std::move(method)), callbacks_(std::move(callbacks)), name_(setting.name) {
    call("federation", [&] {
      method_->attr("federation") = nb::cast(Federation{setting.name, setting.federation, setting.population, setting.loss});
      total_ = nb::cast<std::int64_t>(method_->attr("rounds"));
      return 0;
    });
  }

  std::string name() const override { return name_; }
  std::int64_t total_steps() const override { return total_; }

  bool done(const State& state) const override {
    return call("done", [&] {
      const Lent<State> lent(const_cast<State&>(state));
      return nb::cast<bool>(method_->attr("done")(nb::cast(lent.lease)));
    });
  }

  std::vector<RoundPlan> next_plans(const State& state) const override {
    return call("next_plans", [&] {
      const Lent<State> lent(const_cast<State&>(state));
      std::vector<RoundPlan> plans;
      for (const nb::handle plan : nb::list(method_->attr("next_plans")(nb::cast(lent.lease)))) {
        plans.push_back(nb::cast<PlanView>(plan).plan);
        plans.back().stage = name_;
      }
      return plans;
    });
  }

  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers) const override {
    const std::int64_t step = state.step;
    StepRecord record{.stage = name_, .round = step};
    record.counts_as_round = !std::all_of(plans.begin(), plans.end(), measures_alone);
    record_clients(plans, answers, record);
    call("absorb", [&] {
      const Lent<State> lent(state);
      std::vector<std::unique_ptr<Lent<const Answer>>> lent_answers;
      nb::list plan_list, answer_list;
      for (std::size_t i = 0; i < plans.size(); ++i) {
        lent_answers.push_back(std::make_unique<Lent<const Answer>>(answers[i]));
        plan_list.append(nb::cast(PlanView{plans[i]}));
        answer_list.append(nb::cast(lent_answers.back()->lease));
      }
      read_record(method_->attr("absorb")(nb::cast(lent.lease), plan_list, answer_list), record);
      return 0;
    });
    if (state.step == step) state.step += 1;
    if (record.counts_as_round) state.total_rounds += 1;
    return record;
  }

 private:
  static void record_clients(const std::vector<RoundPlan>& plans, const std::vector<Answer>& answers, StepRecord& record) {
    if (!record.counts_as_round) return;
    double accepted = 0.0, asked = 0.0;
    for (std::size_t i = 0; i < plans.size(); ++i) {
      accepted += static_cast<double>(answers[i].accepted());
      asked += static_cast<double>(plans[i].cohort.size());
    }
    record.numbers["clients"] = accepted;
    record.numbers["declined"] = asked - accepted;
  }

  template <class What>
  std::invoke_result_t<What> call(const char* function, const What& what) const {
    return callbacks_->call("stage " + name_ + ": the Python method's " + function, what);
  }

  std::shared_ptr<nb::object> method_;
  std::shared_ptr<Callbacks> callbacks_;
  std::string name_;
  std::int64_t total_ = 0;
};

}  // namespace

PythonStage::PythonStage(nb::object method, std::shared_ptr<Callbacks> callbacks)
    : method_(shared_object(std::move(method))), callbacks_(std::move(callbacks)) {
  for (const auto [key, value] : nb::cast<nb::dict>(method_->attr("settings"))) {
    settings_.emplace_back(nb::cast<std::string>(key), nb::cast<PythonSetting>(value));
  }
}

void PythonStage::visit(FieldVisitor& v) {
  for (auto& [name, setting] : settings_) {
    std::visit([&v, &key = name](auto& value) { v.field(key.c_str(), value, "a setting of the Python method"); }, setting);
  }
}

std::unique_ptr<Method> PythonStage::make(const StageSetting& setting) const {
  callbacks_->call("stage " + setting.name + ": the Python method's settings", [&] {
    nb::dict settings;
    for (const auto& [name, value] : settings_) settings[name.c_str()] = nb::cast(value);
    method_->attr("settings") = settings;
    return 0;
  });
  return std::make_unique<PythonMethod>(method_, callbacks_, setting);
}

std::int64_t PythonStage::rounds() const {
  return callbacks_->call("the Python method's rounds", [&] { return nb::cast<std::int64_t>(method_->attr("rounds")); });
}

}  // namespace coppice
