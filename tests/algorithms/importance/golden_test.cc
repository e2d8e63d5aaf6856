// Scores of a small convolutional network against tests/golden/algorithms/make_goldens.py.
#include <map>
#include <string>

#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

const std::map<std::string, ImportanceConfig> kMethods = {
    {"first", TaylorConfig{}},
    {"second", TaylorConfig{TaylorConfig::Order::kSecond}},
    {"mix", TaylorConfig{TaylorConfig::Order::kMix}},
    {"snip", SnipConfig{}},
    {"fisher", FisherConfig{}},
    {"activation", ActivationConfig{}},
    {"ria", RiaConfig{}},
    {"flap", FlapConfig{}},
};

// The batches of each client, dealt as in the script: inputs salted and classes counted by the sample's number.
std::vector<std::vector<Batch>> golden_clients() {
  std::vector<std::vector<Batch>> clients;
  std::int64_t sample = 0;
  for (const auto& sizes : goldens()["clients"]) {
    clients.emplace_back();
    for (const std::int64_t n : sizes) {
      at::Tensor targets = hash_tensor({n}, 0, 0.0F).to(at::kLong);
      for (std::int64_t i = 0; i < n; ++i) targets[i].fill_((sample + i) % 3);
      clients.back().push_back(
          {Images{hash_tensor({n, 2, 20, 20}, static_cast<std::uint32_t>(100 + sample), 2.0F)}, targets});
      sample += n;
    }
  }
  return clients;
}

Sums federated(const ImportanceConfig& config, const Subject& subject, const ScoreRequest& request) {
  Sums total;
  for (const std::vector<Batch>& batches : golden_clients()) add_to(total, run_pass(config, subject, request, batches));
  return total;
}

TEST(ImportanceGolden, Units) {
  const Subject subject = small_cnn();
  for (const auto& [name, config] : kMethods) {
    const auto& golden = goldens()["units"][name];
    const bool gradient = name != "activation" && name != "ria" && name != "flap";
    const ScoreRequest pooled{.confidence = gradient};
    const UnitScores scores = unit_scores(config, subject, pooled, federated(config, subject, pooled));
    expect_near(scores.coarse, golden["coarse"], 1e-5, name + " coarse");
    expect_near(scores.fine, golden["fine"], 1e-5, name + " fine");
    EXPECT_EQ(scores.weight, 8.0);
    if (gradient) {
      expect_near(scores.coarse_variance, golden["coarse_variance"], 1e-4, name + " coarse variance");
      expect_near(scores.fine_variance, golden["fine_variance"], 1e-4, name + " fine variance");
      expect_near(scores.coarse_client_variance, golden["coarse_client_variance"], 1e-4, name + " coarse clients");
      expect_near(scores.fine_client_variance, golden["fine_client_variance"], 1e-4, name + " fine clients");
    }
    const ScoreRequest local{.form = ScoreForm::kLocal};
    const UnitScores finished = unit_scores(config, subject, local, federated(config, subject, local));
    expect_near(finished.coarse, golden["coarse_local"], 1e-5, name + " coarse, local");
    expect_near(finished.fine, golden[gradient ? "fine" : "fine_local"], 1e-5, name + " fine, local");
  }
}

TEST(ImportanceGolden, Elements) {
  const Subject subject = small_cnn();
  const std::size_t every = goldens()["every"];
  for (const auto& [name, config] : kMethods) {
    for (const ScoreForm form : {ScoreForm::kSigned, ScoreForm::kLocal}) {
      const ScoreRequest request{.target = ScoreTarget::kElements, .form = form};
      const ElementScores scores = decode_element_scores(config, *subject.model, subject.state.base, request,
                                                         federated(config, subject, request));
      const auto& golden = goldens()["elements"][name][form == ScoreForm::kSigned ? "signed" : "local"];
      ASSERT_EQ(scores.size(), golden.size()) << name;
      for (const auto& [tensor, values] : scores) {
        const std::string& matrix = (*subject.model->base_layout())[tensor].name;
        std::vector<double> sampled;
        for (std::size_t i = 0; i < values.size(); i += every) sampled.push_back(values[i]);
        expect_near(sampled, golden[matrix], 1e-5, name + " " + matrix);
      }
    }
  }
}

TEST(ImportanceGolden, Magnitude) {
  const Subject subject = small_cnn();
  for (const std::int64_t order : {1, 2}) {
    const auto& golden = goldens()["units"]["magnitude" + std::to_string(order)];
    const UnitScores scores = weight_unit_scores(MagnitudeConfig{order}, *subject.model, subject.state.base, {});
    expect_near(scores.coarse, golden["coarse"], 1e-6, "coarse");
    expect_near(scores.fine, golden["fine"], 1e-6, "fine");
  }
}

}  // namespace
}  // namespace coppice::test
