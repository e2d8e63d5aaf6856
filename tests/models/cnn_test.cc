#include "models/cnn.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

TEST(Cnn, MatchesPlainPyTorch) {
  CnnConfig config;
  config.input = {18, 20, 2};
  config.channels = {3, 4};
  config.hidden = 6;
  config.outputs = 5;
  expect_golden("cnn", config);
}

TEST(Cnn, TheDefaultHas80202Parameters) {
  const std::unique_ptr<Model> model = make_cnn({});
  const Cost cost = model->cost(model->structure().full_widths());
  EXPECT_EQ(cost.params, 80202);
  EXPECT_EQ(cost.macs, 24 * 24 * 16 * 25 + 8 * 8 * 32 * 16 * 25 + 512 * 128 + 128 * 10);
}

TEST(Cnn, AChannelBeforeTheFlatteningOwnsARangeOfColumns) {
  const PrunableStructure structure = make_cnn({})->structure();
  const Group& group = structure.groups[16 + 3];  // the fourth channel of conv2
  const Slice& columns = group.slices.back();
  EXPECT_EQ(columns.dim, 1);
  EXPECT_EQ(columns.begin, 3 * 16);
  EXPECT_EQ(columns.end, 4 * 16);
  EXPECT_FALSE(columns.scored);
}

TEST(Cnn, RefusesImagesTooSmallForTwoStages) {
  CnnConfig config;
  config.input = {28, 15, 1};
  EXPECT_THROW(make_cnn(config), InputError);
  config.input = {28, 28};
  EXPECT_THROW(make_cnn(config), InputError);
  config.input = {16, 17, 1};
  EXPECT_EQ(make_cnn(config)->base_layout()->entries()[4].shape, (std::vector<std::int64_t>{128, 32}));
}

}  // namespace
}  // namespace coppice
