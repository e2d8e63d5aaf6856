#include "models/prodlda.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/input_tensor.h"
#include "models/measures.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

ProdLdaConfig small() {
  ProdLdaConfig config;
  config.vocabulary = 15;
  config.hidden = {9, 7};
  config.topics = 4;
  config.prior = 0.5;
  return config;
}

// tests/golden/models/make_prodlda_goldens.py
TEST(ProdLda, MatchesPyTorchWithTheSameNoise) {
  const GoldenFile golden("prodlda");
  const std::unique_ptr<Model> model = make_prodlda(small());
  const ArenaLayout &base = *model->base_layout(), &moments = *model->moments_layout();
  ASSERT_EQ(golden.count("param."), static_cast<std::size_t>(base.size()));
  ASSERT_EQ(golden.count("moment."), static_cast<std::size_t>(moments.size()));
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    for (const Mode mode : {Mode::kEval, Mode::kTrain}) {
      const bool train = mode == Mode::kTrain;
      const std::string prefix = train ? "train." : "eval.";
      std::vector<at::Tensor> params, running;
      for (const ArenaEntry& entry : base.entries()) params.push_back(golden["param." + entry.name].to(dtype).requires_grad_());
      for (const ArenaEntry& entry : moments.entries()) running.push_back(golden["moment." + entry.name].to(dtype));
      const Batch batch{BagOfWords{golden["x"].to(dtype), train ? golden["noise"] : at::Tensor()}, golden["x"]};
      Tap tap;
      const at::Tensor costs_BV = model->forward(batch, {params, running}, tap, mode);
      const std::int64_t words = count_of(LossKind::kWordCosts, batch.targets);
      const at::Tensor loss = loss_sum(LossKind::kWordCosts, costs_BV, batch.targets).div(words);
      loss.backward();
      expect_close(costs_BV, golden[prefix + "costs"], 1e-5, prefix + "costs");
      expect_close(loss, golden[prefix + "loss"], 1e-5, prefix + "loss");
      for (int i = 0; i < base.size(); ++i) {
        expect_close(params[i].grad(), golden[prefix + "grad." + base[i].name], 2e-5, prefix + "grad " + base[i].name);
      }
      for (int i = 0; i < moments.size(); ++i) {
        expect_close(running[i], golden[(train ? "after." : "moment.") + moments[i].name], 1e-5, prefix + moments[i].name);
      }
      MeasureSums sums(LossKind::kWordCosts, 15);
      sums.add(costs_BV, batch.targets);
      EXPECT_EQ(sums.count, words);
      EXPECT_NEAR(std::log(*metrics_of(sums).perplexity), golden.number(prefix + "loss"), 1e-4);
    }
  }
}

TEST(ProdLda, ADocumentWithoutWordsCostsNothingAndSpoilsNothing) {
  const std::unique_ptr<Model> model = make_prodlda(small());
  const ModelState state = initial_state(*model, Seed{3});
  Tap tap;
  const at::Tensor counts_BV = at::empty({2, 15}).zero_();
  counts_BV.mutable_data_ptr<float>()[3] = 2.0F;
  const Batch batch{BagOfWords{counts_BV}, counts_BV};
  const at::Tensor costs_BV = model->forward(batch, state.weights(), tap, Mode::kEval);
  EXPECT_TRUE(costs_BV.isfinite().all().item<bool>());
  EXPECT_FLOAT_EQ(loss_sum(LossKind::kWordCosts, costs_BV, counts_BV).item<float>(), 2.0F * costs_BV.const_data_ptr<float>()[3]);
  EXPECT_EQ(count_of(LossKind::kWordCosts, counts_BV), 2);
}

TEST(ProdLda, AHiddenNeuronGoesWithBothOfItsReaders) {
  const PrunableStructure structure = make_prodlda(small())->structure();
  ASSERT_EQ(structure.families.size(), 2U);
  EXPECT_EQ(structure.groups[0].slices.size(), 3U);
  EXPECT_EQ(structure.groups[9].slices.size(), 4U);  // mean and logvar
}

TEST(ProdLda, RefusesImpossibleSizesAndForeignSamples) {
  const auto refused = [](auto change) {
    ProdLdaConfig config = small();
    change(config);
    EXPECT_THROW(make_prodlda(config), InputError);
  };
  refused([](ProdLdaConfig& c) { c.vocabulary = 0; });
  refused([](ProdLdaConfig& c) { c.topics = 0; });
  refused([](ProdLdaConfig& c) { c.topics = 1; });
  refused([](ProdLdaConfig& c) { c.hidden = {}; });
  refused([](ProdLdaConfig& c) { c.hidden = {4, 0}; });
  const std::unique_ptr<Model> model = make_prodlda(small());
  const ModelState state = initial_state(*model, Seed{1});
  Tap tap;
  EXPECT_THROW(model->forward({Features{at::empty({2, 16})}, {}}, state.weights(), tap, Mode::kEval), InputError);
}

}  // namespace
}  // namespace coppice
