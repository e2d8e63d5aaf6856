#include "models/vgg.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

TEST(Vgg11, MatchesPlainPyTorch) {
  const Vgg11Config config{.input = {32, 34, 2}, .channels = {3, 4, 5, 3, 4, 5, 3, 4}, .outputs = 3};
  expect_golden("vgg11", config, at::kFloat, 1e-4);  // eight batch norms of few values each, one behind the other
  expect_golden("vgg11", config, at::kDouble);
}

TEST(Vgg11, HasTheParametersOfItsFormForCifar) {
  const std::unique_ptr<Model> model = make_vgg11({});
  // Eight convolutions, two numbers a channel of their batch norms, one linear layer.
  EXPECT_EQ(model->cost(model->structure().full_widths()).params, 9217728 + 2 * 2752 + 5130);
  EXPECT_EQ(model->cost(model->structure().full_widths()).params, model->base_layout()->numel());
}

TEST(Vgg11, RefusesImagesThatPoolingLeavesNothingOf) {
  EXPECT_THROW(make_vgg11({.input = {28, 28, 1}}), InputError);
  EXPECT_THROW(make_vgg11({.channels = {64, 128}}), InputError);
}

}  // namespace
}  // namespace coppice
