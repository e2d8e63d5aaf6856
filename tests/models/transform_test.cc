#include "models/transform.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/every_architecture.h"

namespace coppice {
namespace {

// Every unit with probability 1/2, at least `least` of each family that has as many; of tied families as many as of the first of them.
std::vector<std::uint8_t> random_groups(const PrunableStructure& structure, std::mt19937& random, int least = 1) {
  std::vector<std::uint8_t> kept(structure.groups.size(), 0);
  for (std::size_t f = 0; f < structure.families.size(); ++f) {
    const Family& family = structure.families[f];
    const auto own = kept.begin() + family.first_group;
    const std::size_t first = tied_to(structure, f).front();
    if (first < f) {
      std::copy_n(kept.begin() + structure.families[first].first_group, family.num_groups, own);
      std::shuffle(own, own + family.num_groups, random);
      continue;
    }
    for (int unit = 0; unit < family.num_groups; ++unit) own[unit] = random() % 2;
    for (int i = 0; i < least; ++i) own[random() % static_cast<std::uint32_t>(family.num_groups)] = 1;
    if (least > 1 && std::count(own, own + family.num_groups, 1) < std::min(least, family.num_groups)) std::fill_n(own, std::min(least, family.num_groups), 1);
  }
  return kept;
}

// Largest difference over the largest value, or over `least` where all are smaller.
double distance(const at::Tensor& a, const at::Tensor& b, double least = 1e-30) {
  if (a.numel() == 0) return 0.0;
  const double scale = std::max(a.abs().max().item<double>(), least);
  return (a - b).abs().max().item<double>() / scale;
}

struct Pass {
  at::Tensor logits;
  ModelState after;  // gradients in the place of weights, moments as the pass left them
};

Pass run(const Model& model, const ModelState& state, const Batch& batch, Mode mode, at::ScalarType dtype) {
  std::vector<at::Tensor> params, moments;
  for (const at::Tensor& view : state.base.views()) params.push_back(view.to(dtype, false, true).requires_grad_());
  for (const at::Tensor& view : state.moments.views()) moments.push_back(view.to(dtype, false, true));
  Batch cast = batch;
  if (auto* images = std::get_if<Images>(&cast.inputs)) images->x_BCHW = images->x_BCHW.to(dtype);
  if (auto* features = std::get_if<Features>(&cast.inputs)) features->x_BF = features->x_BF.to(dtype);
  if (auto* bags = std::get_if<BagOfWords>(&cast.inputs)) bags->counts_BV = bags->counts_BV.to(dtype);
  Tap tap;
  const at::Tensor logits = model.forward(cast, {params, moments}, tap, mode);
  // A linear loss, other for each logit, so that the gradients carry no rounding of the logits.
  (logits * at::arange(logits.numel()).sin().view_as(logits)).sum().backward();
  Pass pass{logits.detach(), {state.config, state.base.zeros_like(), state.moments.zeros_like()}};
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i].grad().defined()) pass.after.base.view(static_cast<int>(i)).copy_(params[i].grad());
  }
  for (std::size_t i = 0; i < moments.size(); ++i) pass.after.moments.view(static_cast<int>(i)).copy_(moments[i]);
  return pass;
}

// Logits are float32 whatever the rest is, hence the bounds in double. Statistics over a handful of samples magnify
// rounding in twenty layers, so that in float32 gradients are held to 1e-4 only where batch norm is fixed.
struct Bounds {
  at::ScalarType dtype;
  Mode mode;
  double logits, gradients, moments;
};
constexpr Bounds kBounds[] = {{at::kFloat, Mode::kEval, 1e-5, 1e-4, 0.0},
                              {at::kFloat, Mode::kTrain, 1e-5, 2e-3, 1e-5},
                              {at::kDouble, Mode::kEval, 1e-6, 1e-5, 0.0},
                              {at::kDouble, Mode::kTrain, 1e-6, 1e-5, 1e-6}};

void expect_close(const Arena& a, const Arena& b, double bound, const std::string& where, double least = 1e-30) {
  ASSERT_EQ(a.layout(), b.layout());
  for (int i = 0; i < a.layout().size(); ++i) {
    EXPECT_LE(distance(a.view(i), b.view(i), least), bound) << where << ": " << a.layout()[i].name;
  }
}

class EveryArchitecture : public testing::TestWithParam<ModelConfig> {
 protected:
  std::unique_ptr<Model> model_ = make_model(GetParam());
  PrunableStructure structure_ = model_->structure();
  std::mt19937 random_{17};

  Mask random_mask() { return Mask::of_groups(model_->base_layout(), structure_, random_groups(structure_, random_)); }
};

TEST_P(EveryArchitecture, MaskedAndSlicedAgreeInLogitsMomentsAndGradients) {
  for (int trial = 0; trial < 6; ++trial) {
    const Mask mask = random_mask();
    const ModelState state = random_state(*model_, random_);
    const ModelState compact = slice(state, *model_, mask);
    const std::unique_ptr<Model> small = make_model(compact.config);
    const ModelState masked = state.clone();
    mask.apply_to(masked.base);
    const Batch batch = random_batch(GetParam(), 5, random_);
    for (const Bounds& bounds : kBounds) {
      const bool imported = std::holds_alternative<GraphConfig>(GetParam());
      if (imported && bounds.dtype == at::kFloat && bounds.mode == Mode::kTrain) continue;  // fifty layers over five samples: only double tells
      if (name_of(GetParam()) == "graph_recurrent" && bounds.dtype == at::kDouble) continue;  // it makes a first state in float32
      const Pass wide = run(*model_, masked, batch, bounds.mode, bounds.dtype);
      const Pass narrow = run(*small, compact, batch, bounds.mode, bounds.dtype);
      const std::string where = "trial " + std::to_string(trial) +
                                (bounds.dtype == at::kFloat ? ", float" : ", double") +
                                (bounds.mode == Mode::kEval ? ", eval" : ", train");
      EXPECT_LE(distance(wide.logits, narrow.logits), bounds.logits) << where;
      const ModelState after = slice(wide.after, *model_, mask);
      // What is zero but for rounding (a bias before a norm, that of keys before a softmax) has no digits to compare.
      const double noise = bounds.dtype == at::kFloat ? 1e-2 : 1e-8, largest = after.base.flat().abs().max().item<double>();
      expect_close(after.base, narrow.after.base, bounds.gradients, where, imported ? noise * largest : 1e-30);
      expect_close(after.moments, narrow.after.moments, bounds.moments, where);
    }
  }
}

TEST_P(EveryArchitecture, SliceUndoesExpandBitForBit) {
  for (int trial = 0; trial < 10; ++trial) {
    const Mask mask = random_mask();
    const ModelState state = random_state(*model_, random_);
    const ModelState compact = slice(state, *model_, mask);
    const ModelState dense = expand(compact, *model_, mask);
    EXPECT_EQ(slice(dense, *model_, mask).digest(), compact.digest());

    const ModelState masked = state.clone();
    mask.apply_to(masked.base);
    EXPECT_EQ(dense.base.digest(), masked.base.digest());
    EXPECT_EQ(dense.config, GetParam());
  }
}

TEST_P(EveryArchitecture, ExpandFillsDroppedMomentsWithTheirNeutralValues) {
  const Mask mask = random_mask();
  const ModelState state = random_state(*model_, random_);
  const ModelState dense = expand(slice(state, *model_, mask), *model_, mask);
  std::vector<std::vector<bool>> dropped;
  for (const ArenaEntry& entry : dense.moments.layout().entries())
    dropped.emplace_back(static_cast<std::size_t>(entry.numel), false);
  for (std::size_t g = 0; g < structure_.groups.size(); ++g) {
    for (const Slice& s : structure_.groups[g].slices) {
      if (s.arena != ArenaId::kMoments || mask.groups()[g] != 0) continue;
      std::fill(dropped[static_cast<std::size_t>(s.tensor)].begin() + s.begin,
                dropped[static_cast<std::size_t>(s.tensor)].begin() + s.end, true);
    }
  }
  for (int i = 0; i < dense.moments.layout().size(); ++i) {
    const bool variance = dense.moments.layout()[i].name.ends_with("running_var");
    for (std::size_t j = 0; j < dense.moments.floats(i).size(); ++j) {
      const float neutral = variance ? 1.0F : 0.0F;
      const bool gone = dropped[static_cast<std::size_t>(i)][j];
      EXPECT_EQ(dense.moments.floats(i)[j], gone ? neutral : state.moments.floats(i)[j]);
    }
  }
}

TEST_P(EveryArchitecture, CostIsThatOfTheSlicedModel) {
  const Mask mask = random_mask();
  const std::vector<std::int64_t> widths = mask.widths(structure_);
  const std::unique_ptr<Model> small = make_model(model_->sliced_config(mask.groups()));
  const Cost cost = model_->cost(widths);
  EXPECT_EQ(cost.params, small->base_layout()->numel());
  EXPECT_EQ(cost.macs, small->cost(small->structure().full_widths()).macs);
}

TEST_P(EveryArchitecture, KeepingEverythingChangesNothing) {
  const ModelState state = random_state(*model_, random_);
  const Mask all(model_->base_layout(), structure_);
  const ModelState same = slice(state, *model_, all);
  EXPECT_EQ(same.base.digest(), state.base.digest());
  EXPECT_EQ(same.moments.digest(), state.moments.digest());
  EXPECT_EQ(make_model(same.config)->cost(structure_.full_widths()).macs, model_->cost(structure_.full_widths()).macs);
}

TEST_P(EveryArchitecture, SlicingTwiceIsSlicingOnce) {
  const ModelState state = random_state(*model_, random_);
  // One unit alone is a dim of size 1, which a graph's operations take for any other such.
  const int least = std::holds_alternative<GraphConfig>(GetParam()) ? 2 : 1;
  const auto first = random_groups(structure_, random_, least);
  const ModelState once = slice(state, *model_, Mask::of_groups(model_->base_layout(), structure_, first));
  const std::unique_ptr<Model> small = make_model(once.config);
  const auto second = random_groups(small->structure(), random_);
  const ModelState twice = slice(once, *small, Mask::of_groups(small->base_layout(), small->structure(), second));

  std::vector<std::uint8_t> both = first;
  std::size_t next = 0;
  for (std::uint8_t& flag : both) flag = flag != 0 ? second[next++] : 0;
  const ModelState direct = slice(state, *model_, Mask::of_groups(model_->base_layout(), structure_, both));
  EXPECT_EQ(twice.digest(), direct.digest());
}

TEST_P(EveryArchitecture, ElementsDroppedInsideKeptUnitsAreZeroInTheSlice) {
  const ParamId matrix = structure_.matrices.front().tensor;
  Bits bits(model_->base_layout()->entries()[static_cast<std::size_t>(matrix)].numel, true);
  for (std::int64_t i = 0; i < bits.size(); i += 2) bits.set(i, false);
  const Mask elements = Mask::of_elements(model_->base_layout(), structure_, {{matrix, bits}});
  const Mask mask = random_mask() & elements;
  const ModelState state = random_state(*model_, random_);
  const ModelState masked = state.clone();
  elements.apply_to(masked.base);
  EXPECT_EQ(slice(state, *model_, mask).digest(), slice(masked, *model_, mask).digest());
}

TEST_P(EveryArchitecture, RefusesEmptyFamiliesAndForeignStates) {
  for (const Family& family : structure_.families) {
    std::vector<std::uint8_t> kept(structure_.groups.size(), 1);
    std::fill_n(kept.begin() + family.first_group, family.num_groups, 0);
    const Mask mask = Mask::of_groups(model_->base_layout(), structure_, kept);
    const ModelState state = random_state(*model_, random_);
    EXPECT_THROW(slice(state, *model_, mask), Error);
    EXPECT_THROW(expand(state, *model_, mask), Error);
  }
  std::vector<std::uint8_t> kept(structure_.groups.size(), 1);
  for (const Family& family : structure_.families) {
    if (family.num_groups > 1) kept[static_cast<std::size_t>(family.first_group)] = 0;
  }
  const Mask mask = Mask::of_groups(model_->base_layout(), structure_, kept);
  const ModelState compact = slice(random_state(*model_, random_), *model_, mask);
  EXPECT_THROW(slice(compact, *model_, mask), Error);
  EXPECT_THROW(expand(random_state(*model_, random_), *model_, mask), Error);
}

INSTANTIATE_TEST_SUITE_P(Transform, EveryArchitecture, testing::ValuesIn(every_architecture()),
                         [](const auto& instance) { return name_of(instance.param); });

}  // namespace
}  // namespace coppice
