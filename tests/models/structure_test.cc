// What every built-in architecture owes the algorithms that see nothing of it but its structure and its cost.
#include <map>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/every_architecture.h"

namespace coppice {
namespace {

class Structure : public testing::TestWithParam<ModelConfig> {
 protected:
  std::unique_ptr<Model> model_ = make_model(GetParam());
  PrunableStructure structure_ = model_->structure();
  std::mt19937 random_{23};

  const ArenaLayout& layout(ArenaId arena) const {
    return arena == ArenaId::kBase ? *model_->base_layout() : *model_->moments_layout();
  }
};

// Adds up what really passes through the tap, for one sample.
class CountingTap final : public Tap {
 public:
  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override {
    const at::Tensor y = Tap::linear(weight, x_I, w_OI, bias_O);
    count(weight, w_OI, y.numel() / w_OI.size(0));
    return y;
  }
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override {
    const at::Tensor y = Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
    count(weight, w_OIKK, y.numel() / w_OIKK.size(0));
    if (geometry.groups != 1) order.pop_back();  // takes no patterns
    return y;
  }
  at::Tensor batch_norm(NormId norm, const at::Tensor& x_BCHW, const NormParams& params, Mode mode) override {
    norms.push_back(norm);
    return Tap::batch_norm(norm, x_BCHW, params, mode);
  }
  std::int64_t macs() const {
    std::int64_t total = 0;
    for (const auto& [weight, uses] : macs_of) total += uses;
    return total;
  }

  std::map<ParamId, std::int64_t> macs_of;
  std::vector<ParamId> order;
  std::vector<NormId> norms;

 private:
  void count(ParamId weight, const at::Tensor& w, std::int64_t uses) {
    macs_of[weight] += w.numel() * uses;
    order.push_back(weight);
  }
};

Batch one_sample(const ModelConfig& config, std::mt19937& random) {
  Batch batch = random_batch(config, 1, random);
  auto* tokens = std::get_if<Tokens>(&batch.inputs);
  if (tokens != nullptr && ports_of(config).shape[0] < 0) tokens->ids_BT = tokens->ids_BT.narrow(1, 0, 1);
  return batch;
}

TEST_P(Structure, CostIsWhatPassesThroughTheTap) {
  CountingTap tap;
  const ModelState state = random_state(*model_, random_);
  model_->forward(one_sample(GetParam(), random_), state.weights(), tap, Mode::kEval);
  const Cost cost = model_->cost(structure_.full_widths());
  EXPECT_EQ(cost.params, model_->base_layout()->numel());
  EXPECT_EQ(cost.macs, tap.macs());
  ASSERT_EQ(structure_.matrices.size(), tap.order.size());
  for (std::size_t m = 0; m < structure_.matrices.size(); ++m) {
    const PatternMatrix& matrix = structure_.matrices[m];
    EXPECT_EQ(matrix.rows_O * matrix.cols_I, layout(ArenaId::kBase)[matrix.tensor].numel);
    EXPECT_EQ(matrix.macs_per_weight * matrix.rows_O * matrix.cols_I, tap.macs_of.at(matrix.tensor));
  }
  EXPECT_TRUE(structure_.matrices.back().edge);
  EXPECT_EQ(tap.norms.size() * 2, static_cast<std::size_t>(model_->moments_layout()->size()));
}

TEST_P(Structure, GroupsAreInOrderAndTheirSlicesFitAndDoNotMeet) {
  std::size_t next = 0;
  for (std::size_t f = 0; f < structure_.families.size(); ++f) {
    EXPECT_EQ(structure_.families[f].first_group, static_cast<int>(next));
    for (int unit = 0; unit < structure_.families[f].num_groups; ++unit, ++next) {
      EXPECT_EQ(structure_.groups[next].family, static_cast<int>(f));
      EXPECT_EQ(structure_.groups[next].unit, unit);
    }
  }
  ASSERT_EQ(next, structure_.groups.size());

  // Along one dim of one tensor every position belongs to at most one group.
  std::map<std::tuple<ArenaId, int, int>, std::vector<int>> owners;
  for (std::size_t g = 0; g < structure_.groups.size(); ++g) {
    bool scored = false;
    for (const Slice& slice : structure_.groups[g].slices) {
      const std::vector<std::int64_t>& shape = layout(slice.arena)[slice.tensor].shape;
      ASSERT_LT(static_cast<std::size_t>(slice.dim), shape.size());
      ASSERT_LE(slice.end, shape[static_cast<std::size_t>(slice.dim)]);
      ASSERT_LT(slice.begin, slice.end);
      auto& owner = owners[{slice.arena, slice.tensor, slice.dim}];
      owner.resize(static_cast<std::size_t>(shape[static_cast<std::size_t>(slice.dim)]), -1);
      for (std::int64_t i = slice.begin; i < slice.end; ++i) {
        EXPECT_EQ(owner[static_cast<std::size_t>(i)], -1);
        owner[static_cast<std::size_t>(i)] = static_cast<int>(g);
      }
      scored |= slice.scored;
      EXPECT_FALSE(slice.scored && slice.arena == ArenaId::kMoments);
    }
    EXPECT_TRUE(scored);
  }
  for (const auto& [key, owner] : owners) {
    if (std::holds_alternative<GraphConfig>(GetParam())) break;  // units and an image may stand side by side in one dim
    EXPECT_EQ(std::count(owner.begin(), owner.end(), -1), 0) << "a family covers the whole dim of a tensor, or none of it";
  }
}

TEST_P(Structure, AnyUnitMayGoAlone) {
  const ModelState state = random_state(*model_, random_);
  for (std::size_t g = 0; g < structure_.groups.size(); ++g) {
    const Family& family = structure_.families[static_cast<std::size_t>(structure_.groups[g].family)];
    std::vector<std::uint8_t> kept(structure_.groups.size(), 1);
    kept[g] = 0;
    const std::vector<std::size_t> together = tied_to(structure_, static_cast<std::size_t>(structure_.groups[g].family));
    if (together.size() > 1) {
      EXPECT_THROW(model_->sliced_config(kept), Error);
      for (const std::size_t f : together) kept[static_cast<std::size_t>(structure_.families[f].first_group + structure_.groups[g].unit)] = 0;
    }
    if (family.num_groups == 1) {
      EXPECT_THROW(model_->sliced_config(kept), Error);
      continue;
    }
    std::vector<std::int64_t> widths = structure_.full_widths();
    for (const std::size_t f : together) --widths[f];
    const std::unique_ptr<Model> narrow = make_model(model_->sliced_config(kept));
    const ModelState fresh = initial_state(*narrow, Seed{1});
    CountingTap tap;
    const at::Tensor logits = narrow->forward(one_sample(GetParam(), random_), fresh.weights(), tap, Mode::kEval);
    EXPECT_TRUE(logits.isfinite().all().item<bool>());
    const Cost cost = model_->cost(widths);
    EXPECT_EQ(cost.params, narrow->base_layout()->numel());
    EXPECT_EQ(cost.macs, tap.macs());
    // A dim of size 1 is like any other such: what was a family of one unit may be read as another.
    const bool one_left = std::holds_alternative<GraphConfig>(GetParam()) && std::count(widths.begin(), widths.end(), 1) > 0;
    if (!one_left) {
      EXPECT_EQ(narrow->structure().full_widths(), widths);
    }
  }
}

TEST_P(Structure, RefusesWidthsThatDoNotFit) {
  std::vector<std::int64_t> widths = structure_.full_widths();
  ++widths.front();
  EXPECT_THROW(model_->cost(widths), Error);
  widths.front() = 0;
  EXPECT_THROW(model_->cost(widths), Error);
  widths.pop_back();
  EXPECT_THROW(model_->cost(widths), Error);
  EXPECT_THROW(model_->sliced_config(std::vector<std::uint8_t>(structure_.groups.size() + 1, 1)), Error);
}

TEST_P(Structure, InitialWeightsComeFromTheSeedAlone) {
  const ModelState once = initial_state(*model_, Seed{7}), again = initial_state(*model_, Seed{7});
  EXPECT_EQ(once.digest(), again.digest());
  EXPECT_NE(once.digest(), initial_state(*model_, Seed{8}).digest());
  ModelState spoiled = once.clone();
  spoiled.base.fill(3.0F);
  spoiled.moments.fill(3.0F);
  model_->initialise(spoiled.base, spoiled.moments, Seed{7});
  EXPECT_EQ(spoiled.digest(), once.digest());
}

INSTANTIATE_TEST_SUITE_P(Architectures, Structure, testing::ValuesIn(every_architecture()),
                         [](const auto& instance) { return name_of(instance.param); });

TEST(InitialWeights, HaveTheVarianceOfHe) {
  MlpConfig config;
  config.inputs = 400;
  config.hidden = {500};
  const std::unique_ptr<Model> model = make_model(config);
  const ModelState state = initial_state(*model, Seed{9});
  double sum = 0.0, squares = 0.0;
  for (const float value : state.base.floats(0)) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  // 200,000 draws: the standard error of the variance is 0.3 %, of the mean 0.0022 deviations.
  EXPECT_NEAR(squares / 200000.0 * 400.0 / 2.0, 1.0, 0.012);
  EXPECT_NEAR(sum / 200000.0 / std::sqrt(2.0 / 400.0), 0.0, 0.009);
}

}  // namespace
}  // namespace coppice
