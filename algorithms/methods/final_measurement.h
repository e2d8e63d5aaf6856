// The export stage's share of the rounds: every model of the closing table is measured on the test split, with confusion
// counts and score histograms. What becomes a file is the coordinator's business.
#pragma once

#include <string>
#include <vector>

#include "algorithms/methods/federation_config.h"
#include "algorithms/methods/method.h"

namespace coppice {

struct ExportConfig {
  static constexpr const char* kName = "export";
  bool per_client = false;  // also accuracy of every test client
  void visit(FieldVisitor& v);
};

// A model of the closing table.
struct FinalModel {
  std::string name;                        // "dense twin", "masked", "compact", ...
  std::string track;                       // where its values come from
  std::shared_ptr<const ModelState> values;
  std::shared_ptr<const Mask> mask;        // of a masked model
};

// Dense model, masked and compact one, as far as the run has made them; the result comes last.
std::vector<FinalModel> final_models(const State& state);

class FinalMeasurement : public Method {
 public:
  FinalMeasurement(ExportConfig config, FederationConfig federation, LossKind loss, Population population);

  std::string name() const override { return ExportConfig::kName; }
  std::int64_t total_steps() const override { return 1; }
  bool done(const State& state) const override { return state.step >= 1; }
  std::vector<RoundPlan> next_plans(const State& state) const override;
  StepRecord absorb(State& state, const std::vector<RoundPlan>& plans,
                    const std::vector<Answer>& answers) const override;

 private:
  ExportConfig config_;
  FederationConfig federation_;
  LossKind loss_;
  Population population_;
};

}  // namespace coppice
