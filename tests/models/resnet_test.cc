#include "models/resnet.h"

#include <zlib.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/golden_pass.h"
#include "models/measures.h"

namespace coppice {
namespace {

Resnet8Config small_resnet8() {
  Resnet8Config config;
  config.input = {9, 10, 2};
  config.outputs = 5;
  config.residual = {4, 5, 6};
  config.inner = {3, 4, 7};
  return config;
}

Resnet20Config small_resnet20() {
  Resnet20Config config;
  config.input = {8, 9, 3};
  config.outputs = 5;
  config.residual = {2, 4, 7};
  config.inner = {3, 4, 2, 4, 3, 5, 4, 5, 3};
  return config;
}

Resnet20Config resnet20_with_sources() {
  Resnet20Config config;
  config.input = {8, 8, 3};
  config.outputs = 5;
  config.residual = {3, 4, 6};
  config.inner = std::vector<std::int64_t>(9, 2);
  config.sources1 = {2, -1, 0, 1};
  config.sources2 = {-1, 1, 0, -1, 3, 2};
  return config;
}

Resnet18Config small_resnet18() {
  Resnet18Config config;
  config.input = {10, 9, 2};
  config.outputs = 3;
  config.residual = {3, 4, 6, 5};
  config.inner = {3, 2, 4, 3, 5, 4, 3, 2};
  return config;
}

TEST(Resnet, MatchesPlainPyTorch) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    expect_golden("resnet8", small_resnet8(), dtype);
    expect_golden("resnet20", small_resnet20(), dtype);
    expect_golden("resnet20_sources", resnet20_with_sources(), dtype);
    expect_golden("resnet18", small_resnet18(), dtype);
  }
}

TEST(Resnet8, HasTheParametersAndMultiplyAddsOfMlperfTiny) {
  const std::unique_ptr<Model> model = make_resnet8({});
  const Cost cost = model->cost(model->structure().full_widths());
  EXPECT_EQ(cost.params, 77658);
  EXPECT_NEAR(static_cast<double>(cost.macs), 9.35e6, 0.005e6);
}

TEST(Resnet18, HasTheParametersOfItsFormForCifar) {
  const std::unique_ptr<Model> model = make_resnet18({});
  const Cost cost = model->cost(model->structure().full_widths());
  EXPECT_EQ(cost.params, 11173962);
  EXPECT_NEAR(static_cast<double>(cost.macs), 0.555e9, 0.001e9);
  EXPECT_EQ(model->num_blocks(), 10);
}

TEST(Resnet20, HasTheParametersOfThePublishedNetwork) {
  const std::unique_ptr<Model> model = make_resnet20({});
  EXPECT_EQ(model->base_layout()->numel(), 269722);
  EXPECT_EQ(model->structure().families.size(), 12U);
}

TEST(Resnet8, AResidualChannelTakesEveryProducerAndConsumer) {
  const std::unique_ptr<Model> model = make_resnet8({});
  const PrunableStructure structure = model->structure();
  const Family& family = structure.families[2];
  EXPECT_EQ(family.name, "stage2.residual");
  std::vector<std::string> found;
  for (const Slice& slice : structure.groups[static_cast<std::size_t>(family.first_group)].slices) {
    const ArenaLayout& layout = slice.arena == ArenaId::kBase ? *model->base_layout() : *model->moments_layout();
    found.push_back(layout[slice.tensor].name + ":" + std::to_string(slice.dim) + (slice.scored ? "+" : ""));
  }
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<std::string>{
                       "layer2.0.bn2.bias:0+", "layer2.0.bn2.running_mean:0", "layer2.0.bn2.running_var:0",
                       "layer2.0.bn2.weight:0+", "layer2.0.conv2.weight:0+", "layer2.0.shortcut.bias:0+",
                       "layer2.0.shortcut.weight:0+", "layer3.0.conv1.weight:1", "layer3.0.shortcut.weight:1"}));
}

TEST(Resnet20, SlicingKeepsTheMapOfChannels) {
  const std::unique_ptr<Model> model = make_resnet20(small_resnet20());  // 2 -> 4: sources -1 0 1 -1; 4 -> 7: -1 0 1 2 3 -1 -1
  const PrunableStructure structure = model->structure();
  std::vector<std::uint8_t> kept(structure.groups.size(), 1);
  const auto drop = [&](int family, int unit) { kept[static_cast<std::size_t>(structure.families[family].first_group + unit)] = 0; };
  drop(0, 0);  // the chain of channels 0, 1 and 2 of the three stages
  drop(4, 1);  // the chain of channels 3 and 4 of stages 2 and 3
  drop(8, 1);  // channel 5 of stage 3
  const auto narrow = std::get<Resnet20Config>(model->sliced_config(kept));
  EXPECT_EQ(narrow.residual, (std::vector<std::int64_t>{1, 2, 4}));
  EXPECT_EQ(narrow.sources1, (std::vector<std::int64_t>{-1, 0}));
  EXPECT_EQ(narrow.sources2, (std::vector<std::int64_t>{}));  // -1 0 1 -1 is the even padding of two channels
}

TEST(Resnet20, RefusesMapsThatDoNotFit) {
  Resnet20Config config = resnet20_with_sources();
  config.sources1 = {2};
  EXPECT_THROW(make_resnet20(config), InputError);
  config.sources1 = {3, -1, 0, 1};
  EXPECT_THROW(make_resnet20(config), InputError);
  config.sources1 = {1, 1, 0, 2};
  EXPECT_THROW(make_resnet20(config), InputError);
  config.sources1 = {-1, -1, 0, 1};  // channel 2 goes on as none
  EXPECT_THROW(make_resnet20(config), InputError);
  config.sources1 = {};
  config.residual = {3, 2, 6};  // three channels do not fit into two
  EXPECT_THROW(make_resnet20(config), InputError);
  config = resnet20_with_sources();
  config.inner.pop_back();
  EXPECT_THROW(make_resnet20(config), InputError);
}

TEST(Resnet8, BfloatTrainsWithFloatMoments) {
  const std::unique_ptr<Model> model = make_resnet8(small_resnet8());
  const ModelState state = initial_state(*model, Seed{5});
  const GoldenFile golden("resnet8");
  std::vector<at::Tensor> params;
  for (const at::Tensor& view : state.base.views()) params.push_back(view.to(at::kBFloat16).requires_grad_());
  Tap tap;
  const Batch batch{Images{golden["x"].to(at::kBFloat16)}, golden["y"]};
  const ModelState wide = state.clone();
  const at::Tensor logits = model->forward(batch, {params, state.moments.views()}, tap, Mode::kTrain);
  EXPECT_EQ(logits.scalar_type(), at::kFloat);
  loss_sum(LossKind::kCrossEntropy, logits, batch.targets).backward();
  for (const at::Tensor& param : params) {
    ASSERT_TRUE(param.grad().defined());
    EXPECT_EQ(param.grad().scalar_type(), at::kBFloat16);
  }
  const at::Tensor exact = model->forward({Images{golden["x"]}, {}}, wide.weights(), tap, Mode::kTrain);
  expect_close(logits, exact, 0.05, "bfloat16 logits");
  expect_close(state.moments.view(0), wide.moments.view(0), 0.02, "running mean");
}

std::vector<std::uint8_t> gunzip(const std::filesystem::path& path) {
  std::vector<std::uint8_t> bytes(1 << 23);
  gzFile file = gzopen(path.c_str(), "rb");
  bytes.resize(static_cast<std::size_t>(std::max(0, gzread(file, bytes.data(), static_cast<unsigned>(bytes.size())))));
  gzclose(file);
  return bytes;
}

// The published ResNet-20 weights score 81.0 % on all 10,000 re-encoded test images; on 1,000 the standard error is 1.2.
TEST(Resnet20, PublishedWeightsReachTheirAccuracyOnCifar10) {
  const char* folder = std::getenv("COPPICE_DATA_DIR");
  const std::filesystem::path root = folder == nullptr ? "" : folder;
  const std::filesystem::path weights = root / "models/resnet20_cifar10.safetensors";
  const std::filesystem::path images = root / "cifar10/subset_test_1000.bin.gz";
  if (!std::filesystem::exists(weights) || !std::filesystem::exists(images)) {
    GTEST_SKIP() << "COPPICE_DATA_DIR has no resnet20_cifar10.safetensors or no subset_test_1000.bin.gz";
  }
  const std::unique_ptr<Model> model = make_resnet20({});
  const SafetensorsFile file = read_safetensors(weights.string());
  ModelState state = initial_state(*model, Seed{});
  for (const Arena* arena : {&state.base, &state.moments}) {
    for (int i = 0; i < arena->layout().size(); ++i) {
      const Block* block = file.find(arena->layout()[i].name);
      ASSERT_NE(block, nullptr) << arena->layout()[i].name;
      arena->view(i).copy_(tensor_of(*block));
    }
  }
  constexpr std::size_t kPixels = 32 * 32, kRecord = 1 + 3 * kPixels, kImages = 1000;
  constexpr float kMean[] = {0.485F, 0.456F, 0.406F}, kDeviation[] = {0.229F, 0.224F, 0.225F};
  const std::vector<std::uint8_t> bytes = gunzip(images);
  ASSERT_EQ(bytes.size(), kImages * kRecord);
  const at::Tensor x = at::empty({kImages, 3, 32, 32}), y = at::empty({kImages}, at::TensorOptions().dtype(at::kLong));
  for (std::size_t i = 0; i < kImages; ++i) {
    y.mutable_data_ptr<std::int64_t>()[i] = bytes[i * kRecord];
    for (std::size_t p = 0; p < 3 * kPixels; ++p) {
      const std::size_t channel = p / kPixels;
      x.mutable_data_ptr<float>()[i * 3 * kPixels + p] =
          (static_cast<float>(bytes[i * kRecord + 1 + p]) / 255.0F - kMean[channel]) / kDeviation[channel];
    }
  }
  MeasureSums sums(LossKind::kCrossEntropy, 10);
  Tap tap;
  for (std::int64_t begin = 0; begin < static_cast<std::int64_t>(kImages); begin += 100) {
    const Batch batch{Images{x.narrow(0, begin, 100)}, y.narrow(0, begin, 100)};
    sums.add(model->forward(batch, state.weights(), tap, Mode::kEval), batch.targets);
  }
  EXPECT_NEAR(*metrics_of(sums).accuracy, 0.81, 0.04);
}

}  // namespace
}  // namespace coppice
