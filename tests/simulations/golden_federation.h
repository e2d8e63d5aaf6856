// The model, the clients and the first mask of tests/golden/training/make_sparse_goldens.py, as a run; a test varies its settings.
#pragma once

#include <fstream>

#include "algorithms/masking/make_mask.h"
#include "models/model.h"
#include "tests/algorithms/training/goldens.h"
#include "tests/simulations/small_federation.h"

namespace coppice::test {

inline const ElementPattern kTwoOfFour{{Pattern::Kind::kNOfM, 2, 4}, true};

inline const nlohmann::json& sparse_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/sparse_goldens.json"));
  return parsed;
}

inline const nlohmann::json& upload_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/upload_goldens.json"));
  return parsed;
}

inline SparseConfig sparse_of(const nlohmann::json& golden) {
  const std::int64_t refresh = sparse_goldens().at("refresh");
  if (golden.at("kind") == "ste") return SteConfig{.refresh = refresh};
  if (golden.at("kind") == "sr_ste") return SrSteConfig{.lambda = golden.at("lambda"), .refresh = refresh};
  return AstConfig{.lambda = golden.at("lambda"), .anneal = golden.at("anneal"), .refresh = refresh};
}

inline OptimizerConfig optimizer_of(const nlohmann::json& c) {
  if (c.at("kind") == "sgd") return SgdConfig{.lr = c.at("lr"), .momentum = c.at("momentum")};
  return AdamWConfig{.lr = c.at("lr"), .beta1 = c.at("beta1"), .beta2 = c.at("beta2"), .eps = c.at("eps"),
                     .weight_decay = c.at("weight_decay")};
}

// Every weight's side, tensor by tensor, as goldens write it.
inline std::string text_of(const Mask& mask) {
  std::string text;
  for (const auto& [tensor, bits] : mask.elements()) {
    for (std::int64_t i = 0; i < bits.size(); ++i) text += bits[i] ? '1' : '0';
  }
  return text;
}

struct Setting {
  std::shared_ptr<const ClientData> data;
  std::shared_ptr<const Model> model;
  FinetuneConfig stage;
  FederationConfig federation;
  ElementPattern pattern = kTwoOfFour;
  State start;

  explicit Setting(const nlohmann::json& golden, std::vector<std::int64_t> samples = sparse_goldens().at("samples")) {
    const nlohmann::json& g = sparse_goldens();
    data = feature_clients(g.at("inputs"), g.at("outputs"), g.at("x"), g.at("classes"), samples);
    model = make_model(MlpConfig{.inputs = g.at("inputs"), .hidden = g.at("hidden"), .outputs = g.at("outputs")});
    stage.rounds = g.at("rounds");
    stage.evaluate_every = 0;
    if (golden.contains("sparse")) stage.sparse = sparse_of(golden.at("sparse"));
    federation.cohort = static_cast<std::int64_t>(samples.size());
    federation.local = {.epochs = g.at("steps"), .batch = 64, .clip_norm = golden.at("clip").get<double>()};
    federation.optimizer = optimizer_of(golden.at("optimizer"));
    ModelState dense = initial_state(*model, Seed{1, 0, 0});
    fill(dense.base, g.at("weights").get<std::vector<double>>());
    ModelState masked = dense.clone();
    const auto mask = std::make_shared<const Mask>(make_element_mask(
        *model, kTwoOfFour.pattern, true, weight_element_scores(MagnitudeConfig{}, *model, dense.base, true, Seed{}), {}));
    mask->apply_to(masked.base);
    start.tracks[kDenseTrack] = {std::make_shared<const ModelState>(std::move(dense)), nullptr, nullptr, {}};
    start.tracks[kMainTrack] = {std::make_shared<const ModelState>(std::move(masked)), mask, nullptr, {}};
  }

  // Starts under a mask of so many largest weights of each layer instead.
  void keep_largest(const std::vector<std::int64_t>& kept) {
    ModelState masked = start.track(kDenseTrack).values->clone();
    std::map<ParamId, std::int64_t> quotas;
    for (std::size_t layer = 0; layer < kept.size(); ++layer) quotas[static_cast<ParamId>(2 * layer)] = kept[layer];
    const auto mask = std::make_shared<const Mask>(
        make_element_mask(*model, {Pattern::Kind::kUnstructured}, true,
                          weight_element_scores(MagnitudeConfig{}, *model, masked.base, true, Seed{}), quotas));
    mask->apply_to(masked.base);
    start.tracks[kMainTrack] = {std::make_shared<const ModelState>(std::move(masked)), mask, nullptr, {}};
  }

  std::vector<std::unique_ptr<Method>> stages() const {
    std::vector<std::unique_ptr<Method>> all;
    all.push_back(std::make_unique<FederatedTraining>("finetune", stage, federation, LossKind::kCrossEntropy, data->population(),
                                                      pattern));
    return all;
  }

  State result(int ranks = 1, RunLog* log = nullptr) const {
    State state = start;
    RunLog done = run_stages(stages(), state, data, ranks);
    if (log != nullptr) *log = std::move(done);
    return state;
  }
};

inline Digest digest_of_result(const State& state) { return state.track(kMainTrack).values->digest(); }

inline std::vector<double> numbers(const RunLog& log, const std::string& name) {
  std::vector<double> values;
  for (const StepRecord& record : log.records) {
    if (record.numbers.contains(name)) values.push_back(record.numbers.at(name));
  }
  return values;
}

}  // namespace coppice::test
