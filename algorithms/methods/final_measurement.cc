#include "algorithms/methods/final_measurement.h"

#include "algorithms/methods/federated_training.h"
#include "core/error.h"
#include "models/model.h"
#include "models/transform.h"

namespace coppice {
namespace {

bool same_values(const State& state, const std::string& a, const std::string& b) {
  return state.track(a).values->digest() == state.track(b).values->digest();
}

}  // namespace

std::vector<FinalModel> final_models(const State& state) {
  const Track& main = state.track(kMainTrack);
  std::vector<FinalModel> models;
  if (state.tracks.contains(kDenseTrack)) {
    // The twin went through the fine-tuning rounds; otherwise this is the model as it was before the cut.
    const bool twin = state.texts.contains("twin");
    models.push_back({twin ? "dense twin" : "dense", kDenseTrack, state.track(kDenseTrack).values, nullptr});
  }
  if (main.cut) {
    const auto dense = make_model(state.track(kDenseTrack).values->config);
    models.push_back({"masked", "masked", std::make_shared<const ModelState>(expand(*main.values, *dense, *main.cut)),
                      main.cut});
    models.push_back({"compact", kMainTrack, main.values, nullptr});
  } else if (main.mask) {
    models.push_back({"masked", kMainTrack, main.values, main.mask});
  } else if (models.empty() || !same_values(state, kMainTrack, kDenseTrack)) {
    models.push_back({"dense", kMainTrack, main.values, nullptr});
  }
  return models;
}

FinalMeasurement::FinalMeasurement(ExportConfig config, FederationConfig federation, LossKind loss, Population population)
    : config_(config), federation_(std::move(federation)), loss_(loss), population_(std::move(population)) {}

std::vector<RoundPlan> FinalMeasurement::next_plans(const State& state) const {
  std::vector<RoundPlan> plans;
  for (const FinalModel& model : final_models(state)) {
    RoundPlan plan = evaluation_plan(state, name(), model.track == "masked" ? kMainTrack : model.track, federation_.evaluation,
                                     loss_, population_, true);
    plan.track = model.track;
    plan.values = model.values;
    plan.mask = model.mask;
    plan.individual_reports = config_.per_client && model.track == kMainTrack;
    plans.push_back(std::move(plan));
  }
  return plans;
}

StepRecord FinalMeasurement::absorb(State& state, const std::vector<RoundPlan>& plans,
                                    const std::vector<Answer>& answers) const {
  StepRecord record;
  record.stage = name();
  record.counts_as_round = false;
  const std::vector<FinalModel> models = final_models(state);
  for (std::size_t i = 0; i < models.size(); ++i) {
    const Answer& answer = answers[i];
    if (answer.accepted() == 0) throw Stopped("export: the model '" + models[i].name + "' could not be measured");
    state.numbers["final/" + models[i].name] = {answer.scalar("measure//loss"), answer.scalar("measure//hits"),
                                                answer.scalar("measure//count")};
    state.numbers["final_details/" + models[i].name] = answer.sum("measure//details");
    if (plans[i].individual_reports) {
      std::vector<double>& rows = state.numbers["final_clients"];
      for (const Envelope& report : answer.reports()) {
        rows.push_back(report.client);
        for (const char* block : {"measure//loss", "measure//hits", "measure//count"}) {
          for (const Block& b : report.blocks) {
            if (b.name == block) rows.push_back(*reinterpret_cast<const double*>(b.values.data()));
          }
        }
      }
    }
  }
  record_evaluation(plans.back(), answers.back(), "eval", record);
  state.step += 1;
  return record;
}

void ExportConfig::visit(FieldVisitor& v) {
  v.field("per_client", per_client, "also report the accuracy of every test client");
}

}  // namespace coppice
