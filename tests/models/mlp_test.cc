#include "models/mlp.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

TEST(Mlp, MatchesPlainPyTorch) {
  MlpConfig config;
  config.inputs = 12;
  config.hidden = {9, 7};
  config.outputs = 5;
  expect_golden("mlp", config);
}

TEST(Mlp, TheWideWorkloadHas9_8MillionParameters) {
  MlpConfig config;
  config.hidden = {4096, 1600};
  const std::unique_ptr<Model> model = make_mlp(config);
  EXPECT_EQ(model->base_layout()->numel(), 784 * 4096 + 4096 + 4096 * 1600 + 1600 + 1600 * 10 + 10);
  EXPECT_EQ((*model->base_layout())[0].name, "layers.0.weight");
}

TEST(Mlp, ANeuronIsARowABiasAndAColumn) {
  MlpConfig config;
  config.inputs = 3;
  config.hidden = {4};
  config.outputs = 2;
  const PrunableStructure structure = make_mlp(config)->structure();
  ASSERT_EQ(structure.groups.size(), 4U);
  const std::vector<Slice>& slices = structure.groups[2].slices;
  ASSERT_EQ(slices.size(), 3U);
  for (const Slice& slice : slices) {
    EXPECT_EQ(slice.begin, 2);
    EXPECT_EQ(slice.end, 3);
    EXPECT_TRUE(slice.scored);
  }
  EXPECT_EQ(slices[0].dim, 0);
  EXPECT_EQ(slices[2].dim, 1);
}

TEST(Mlp, RefusesImpossibleWidthsAndForeignSamples) {
  MlpConfig config;
  config.hidden = {16, 0};
  EXPECT_THROW(make_mlp(config), InputError);
  config.hidden = {16};
  config.outputs = std::int64_t{1} << 40;
  EXPECT_THROW(make_mlp(config), InputError);
  config.outputs = 10;
  const std::unique_ptr<Model> model = make_mlp(config);
  const ModelState state = initial_state(*model, Seed{1});
  Tap tap;
  const Batch batch{Features{at::empty({2, 785})}, {}};
  EXPECT_THROW(model->forward(batch, state.weights(), tap, Mode::kEval), InputError);
}

}  // namespace
}  // namespace coppice
