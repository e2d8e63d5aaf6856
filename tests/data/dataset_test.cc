#include "data/dataset.h"

#include "data/bag_dataset.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

ExampleSpec colour_spec() {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kImage;
  spec.shape = {1, 2, 3};
  spec.num_targets = 2;
  spec.mean = {0.0, 0.5, 0.25};
  spec.scale = {1.0, 0.5, 2.0};
  return spec;
}

std::shared_ptr<const Dataset> colours(std::vector<SharedBytes> pieces, ExampleSpec spec = colour_spec()) {
  Rows rows(std::move(pieces), 6);
  Annotations annotations;
  annotations.classes.assign(static_cast<std::size_t>(rows.size()), 1);
  return make_images(std::move(spec), std::move(rows), std::move(annotations));
}

std::vector<std::uint8_t> pixels(int images) {
  std::vector<std::uint8_t> out;
  for (int i = 0; i < 6 * images; ++i) out.push_back(static_cast<std::uint8_t>(37 * i));
  return out;
}

TEST(Dataset, NormalisesEachChannelOfAnImage) {
  const auto data = colours({SharedBytes::of(pixels(3))});
  const std::int64_t indices[] = {2, 0};
  std::vector<float> x(12);
  data->read_inputs(indices, x.data());
  const auto raw = pixels(3);
  for (std::size_t v = 0; v < 12; ++v) {
    const std::size_t c = v % 3;
    const double byte = raw[v < 6 ? 12 + v : v - 6];
    EXPECT_EQ(x[v], static_cast<float>((byte / 255.0 - colour_spec().mean[c]) / colour_spec().scale[c])) << v;
  }
}

TEST(Dataset, IsTheSameWhateverThePieces) {
  const std::vector<std::uint8_t> all = pixels(5);
  const auto whole = colours({SharedBytes::of(all)});
  const auto split = colours({SharedBytes::of(std::vector<std::uint8_t>(all.begin(), all.begin() + 12)),
                              SharedBytes::of(std::vector<std::uint8_t>()),
                              SharedBytes::of(std::vector<std::uint8_t>(all.begin() + 12, all.end()))});
  EXPECT_EQ(whole->digest(), split->digest());
  const std::int64_t indices[] = {0, 1, 2, 3, 4, 1};
  std::vector<float> a(36), b(36);
  whole->read_inputs(indices, a.data());
  split->read_inputs(indices, b.data());
  EXPECT_EQ(a, b);
}

TEST(Dataset, DigestSeesPixelsLabelsAndSpec) {
  const auto data = colours({SharedBytes::of(pixels(2))});
  auto other_pixels = pixels(2);
  other_pixels.back() ^= 1;
  EXPECT_NE(colours({SharedBytes::of(other_pixels)})->digest(), data->digest());
  ExampleSpec spec = colour_spec();
  spec.mean[2] = 0.26;
  EXPECT_NE(colours({SharedBytes::of(pixels(2))}, spec)->digest(), data->digest());
  EXPECT_NE(labelled({0, 1}, 2)->digest(), labelled({1, 0}, 2)->digest());
  EXPECT_NE(labelled({0, 1}, 2)->digest(), labelled({0, 1}, 2, {{"who", {1, 2}, {}}})->digest());
}

TEST(Dataset, NormalisesFeatures) {
  ExampleSpec spec;
  spec.shape = {2};
  spec.target = ExampleSpec::Target::kRegression;
  spec.num_targets = 1;
  spec.mean = {1.0, 0.0};
  spec.scale = {2.0, 0.5};
  const auto data =
      make_features(spec, Rows({SharedBytes::of(std::vector<float>{3, 4, 5, 6})}, 8), {{}, {7, 8}, {}, {}});
  const std::int64_t indices[] = {1, 0};
  std::vector<float> x(4), y(2);
  data->read_inputs(indices, x.data());
  data->read_targets(indices, y.data());
  EXPECT_EQ(x, (std::vector<float>{2, 12, 1, 8}));
  EXPECT_EQ(y, (std::vector<float>{8, 7}));
}

TEST(Dataset, SpreadsBagsOverTheVocabulary) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kBagOfWords;
  spec.shape = {4};
  spec.num_targets = 1;
  const BagPiece first{SharedBytes::of(std::vector<std::uint64_t>{0, 2, 2}),
                       SharedBytes::of(std::vector<std::uint32_t>{3, 0}),
                       SharedBytes::of(std::vector<std::uint32_t>{2, 5})};
  const BagPiece second{SharedBytes::of(std::vector<std::uint64_t>{0, 1}),
                        SharedBytes::of(std::vector<std::uint32_t>{9}), SharedBytes::of(std::vector<std::uint32_t>{1})};
  const auto data = make_bags(spec, {first, second}, {{0, 0, 0}, {}, {}, {}});
  std::vector<float> x(8, -1);
  const std::int64_t sound[] = {0, 1};
  data->read_inputs(sound, x.data());
  EXPECT_EQ(x, (std::vector<float>{5, 0, 0, 2, 0, 0, 0, 0}));
  const std::int64_t broken[] = {2};
  EXPECT_INPUT_ERROR(data->read_inputs(broken, x.data()), "word 9 of example 2 is outside the vocabulary of 4");
}

TEST(Dataset, WordsAreATargetOfBagsThatHaveSome) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kBagOfWords;
  spec.shape = {4};
  spec.target = ExampleSpec::Target::kWords;
  spec.num_targets = 4;
  const auto bags = [&](std::vector<std::uint32_t> words) {
    const auto entries = static_cast<std::uint64_t>(words.size());
    const BagPiece piece{SharedBytes::of(std::vector<std::uint64_t>{0, 0, entries}), SharedBytes::of(words),
                         SharedBytes::of(std::vector<std::uint32_t>(words.size(), 1))};
    return make_bags(spec, {piece}, {});
  };
  EXPECT_EQ(bags({3})->spec().describe(), "bag-of-words 4, 4 words");
  EXPECT_INPUT_ERROR(bags({}), "found no word of the vocabulary in any of 2 documents");
  spec.num_targets = 3;
  EXPECT_INPUT_ERROR(spec.check(), "words: found 3 targets, expected the vocabulary of 4");
  spec.kind = ExampleSpec::Kind::kFeatures;
  EXPECT_INPUT_ERROR(spec.check(), "words are a target of bags of words, not of features");
}

TEST(Dataset, RefusesWhatContradictsItself) {
  EXPECT_INPUT_ERROR(labelled({0, 3}, 3), "label of example 1: found 3, expected 0..2");
  EXPECT_INPUT_ERROR(labelled({0, -1}, 3), "found -1");
  EXPECT_INPUT_ERROR(labelled({0, 1}, 2, {{"who", {1}, {}}}), "values of column 'who': found 1, expected 2");
  ExampleSpec spec = colour_spec();
  spec.scale[1] = 0.0;
  EXPECT_INPUT_ERROR(spec.check(), "scale");
  spec = colour_spec();
  spec.mean.pop_back();
  EXPECT_INPUT_ERROR(spec.check(), "entries of `mean`: found 2, expected 3");
  spec = colour_spec();
  spec.shape = {1 << 20, 1 << 20, 1 << 20};
  EXPECT_INPUT_ERROR(spec.check(), "shape of an example");
  spec = colour_spec();
  spec.target = ExampleSpec::Target::kNextToken;
  EXPECT_INPUT_ERROR(spec.check(), "next tokens are a target of tokens");
}

TEST(Dataset, MisuseIsADefectOfTheCaller) {
  const auto data = labelled({0, 1}, 2);
  std::vector<float> x(4);
  std::int64_t tokens[4];
  const std::int64_t beyond[] = {2}, negative[] = {-1}, sound[] = {0};
  EXPECT_THROW(data->read_inputs(beyond, x.data()), Error);
  EXPECT_THROW(data->read_inputs(negative, x.data()), Error);
  EXPECT_THROW(data->read_tokens(sound, tokens), Error);
  EXPECT_THROW(data->read_targets(sound, x.data()), Error);
  EXPECT_INPUT_ERROR(data->column("who"), "this data has no columns");
  EXPECT_INPUT_ERROR(labelled({0}, 1, {{"writer", {1}, {}}})->column("writter"), "did you mean 'writer'?");
}

}  // namespace
}  // namespace coppice
