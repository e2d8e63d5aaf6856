// Augmentation against NumPy (tests/golden/data/make_augment_goldens.py), and its laws.
#include "data/augment.h"

#include <algorithm>
#include <fstream>
#include <numeric>

#include <nlohmann/json.hpp>

#include "core/draw_block.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

AugmentConfig step_of(const Json& step) {
  const auto size = step[1].get<std::int64_t>();
  if (step[0] == "crop") return CropAugment{size};
  if (step[0] == "erase") return EraseAugment{size};
  return FlipAugment{};
}

ExampleSpec image_spec(std::vector<std::int64_t> shape, std::vector<double> mean = {}, std::vector<double> scale = {}) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kImage;
  spec.shape = std::move(shape);
  spec.num_targets = 2;
  spec.mean = std::move(mean);
  spec.scale = std::move(scale);
  return spec;
}

// Images of the bytes 0, 37, 74, ... as the golden script has them.
std::vector<float> images(const ExampleSpec& spec, std::size_t count) {
  std::vector<float> x(count * static_cast<std::size_t>(spec.values_per_example()));
  const auto channels = static_cast<std::size_t>(spec.shape[2]);
  for (std::size_t v = 0; v < x.size(); ++v) {
    const double mean = spec.mean.empty() ? 0.0 : spec.mean[v % channels], scale = spec.scale.empty() ? 1.0 : spec.scale[v % channels];
    x[v] = static_cast<float>((static_cast<double>(v * 37 % 256) / 255.0 - mean) / scale);
  }
  return x;
}

TEST(Augment, AgreesWithNumPyBitForBit) {
  const Json cases = Json::parse(std::ifstream(COPPICE_GOLDEN_DIR "/data/augment.json"));
  ASSERT_EQ(cases.size(), 4u);
  for (const Json& golden : cases) {
    const ExampleSpec spec = image_spec(golden["shape"], golden["mean"], golden["scale"]);
    std::vector<AugmentConfig> steps;
    for (const Json& step : golden["steps"]) steps.push_back(step_of(step));
    const auto examples = golden["examples"].get<std::vector<std::int64_t>>();
    std::vector<float> x = images(spec, examples.size());
    const std::vector<float> before = x;
    Augmenter(steps, spec).apply({golden["run"], golden["round"], golden["client"]}, golden["epoch"], examples, x.data());
    EXPECT_EQ(x, golden["out"].get<std::vector<float>>()) << golden["steps"];
    EXPECT_NE(x, before) << golden["steps"];
  }
}

TEST(Augment, OfAnExampleDoesNotDependOnItsBatch) {
  const ExampleSpec spec = image_spec({5, 5, 1});
  const Augmenter augmenter({CropAugment{2}, FlipAugment{}, EraseAugment{2}}, spec);
  const std::vector<std::int64_t> order{4, 1, 3, 0, 2};
  std::vector<float> all = images(spec, 5);
  const std::vector<float> originals = all;
  augmenter.apply({1, 2, 3}, 0, std::vector<std::int64_t>{0, 1, 2, 3, 4}, all.data());
  for (const std::int64_t i : order) {
    std::vector<float> one(originals.begin() + i * 25, originals.begin() + (i + 1) * 25);
    augmenter.apply({1, 2, 3}, 0, std::vector<std::int64_t>{i}, one.data());
    EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + i * 25));
  }
  std::vector<float> later = originals;
  augmenter.apply({1, 2, 3}, 1, std::vector<std::int64_t>{0, 1, 2, 3, 4}, later.data());
  EXPECT_NE(later, all);  // every epoch draws anew
}

TEST(Augment, ThatDoesNothingLeavesEveryBit) {
  const ExampleSpec spec = image_spec({5, 4, 3}, {0.1, 0.2, 0.3}, {0.5, 0.5, 0.5});
  const std::vector<std::int64_t> examples{0, 1, 2};
  for (const auto& steps : {std::vector<AugmentConfig>{}, std::vector<AugmentConfig>{CropAugment{0}, EraseAugment{0}, CropAugment{0}}}) {
    std::vector<float> x = images(spec, 3);
    Augmenter(steps, spec).apply({1, 2, 3}, 7, examples, x.data());
    EXPECT_EQ(x, images(spec, 3));
  }
}

TEST(Augment, DrawsEveryShiftAndBothSidesAboutEquallyOften) {
  const ExampleSpec spec = image_spec({3, 3, 1});
  const Augmenter augmenter({CropAugment{1}}, spec), flip({FlipAugment{}}, spec);
  std::vector<int> shifts(9);
  int flipped = 0;
  constexpr int kDraws = 9000;
  for (std::int64_t i = 0; i < kDraws; ++i) {
    std::vector<float> x(9, 0.0F);
    x[4] = 1.0F;  // ends up anywhere
    augmenter.apply({1, 1, 1}, 0, std::span(&i, 1), x.data());
    ++shifts[static_cast<std::size_t>(std::find(x.begin(), x.end(), 1.0F) - x.begin())];
    std::vector<float> y{1, 0, 0, 0, 0, 0, 0, 0, 0};
    flip.apply({1, 1, 1}, 0, std::span(&i, 1), y.data());
    flipped += y[2] == 1.0F ? 1 : 0;
  }
  // Five standard deviations of a binomial.
  for (const int shift : shifts) EXPECT_NEAR(shift, 1000, 5 * 30);
  EXPECT_NEAR(flipped, kDraws / 2, 5 * 48);
}

TEST(Augment, DrawsAreWordsOfTheStream) {
  const Seed seed{123456789012345, 7, 8};
  Stream stream(seed, Purpose::kAugment, 99);
  for (std::uint32_t block = 0; block < 5; ++block) {
    for (const std::uint32_t word : draw_block(seed, Purpose::kAugment, 99, block)) EXPECT_EQ(word, stream.next_u32());
  }
  EXPECT_THROW(draw_block(seed, Purpose::kAugment, 1u << 24, 0), Error);
}

TEST(Augment, RefusesWhatItCannotDo) {
  ExampleSpec features;
  features.shape = {3};
  features.num_targets = 2;
  EXPECT_INPUT_ERROR(Augmenter({FlipAugment{}}, features), "expected images");
  EXPECT_INPUT_ERROR(Augmenter({EraseAugment{6}}, image_spec({5, 9, 1})), "expected at most 5");
}

}  // namespace
}  // namespace coppice
