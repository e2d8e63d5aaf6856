#include "data/shard.h"

#include <limits>

#include "tests/data/shard_bytes.h"

namespace coppice {
namespace {

ExampleSpec image_spec() {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kImage;
  spec.shape = {1, 2, 1};
  spec.num_targets = 3;
  return spec;
}

Bytes image_shard() {
  return ShardBytes(0, 0, 1, 3, 6, 1, 1)
      .section<std::uint8_t>({1, 2, 3, 4, 5, 6})
      .section<std::int32_t>({0, 2, 1})
      .section<std::int32_t>({-7, 8, 9})
      .bytes();
}

ExampleSpec token_spec() {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kTokens;
  spec.shape = {4};
  spec.vocabulary = spec.num_targets = 10;
  spec.target = ExampleSpec::Target::kNextToken;
  return spec;
}

Bytes token_shard(std::vector<std::uint64_t> offsets = {0, 2, 5}) {
  return ShardBytes(2, 3, 2, 2, 5, 0, 0).section<std::uint16_t>({1, 2, 3, 4, 9}).section(offsets).bytes();
}

ExampleSpec bag_spec() {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kBagOfWords;
  spec.shape = {10};
  spec.target = ExampleSpec::Target::kMultiLabel;
  spec.num_targets = 2;
  return spec;
}

Bytes bag_shard() {
  return ShardBytes(3, 1, 4, 2, 3, 2, 0)
      .section<std::uint32_t>({1, 9, 4})
      .section<std::uint64_t>({0, 2, 3})
      .section<std::uint32_t>({5, 6, 7})
      .section<std::uint8_t>({0, 1, 1, 1})
      .bytes();
}

template <class T>
std::vector<T> copy(std::span<const T> values) {
  return {values.begin(), values.end()};
}

TEST(Shard, ViewsImages) {
  const Bytes bytes = image_shard();
  const ShardView shard = parse_shard(bytes, image_spec(), 1, "a.shard");
  EXPECT_EQ(shard.examples, 3);
  EXPECT_EQ(shard.values.size(), 6u);
  EXPECT_EQ(shard.values[5], std::byte{6});
  EXPECT_EQ(copy(shard.classes), (std::vector<std::int32_t>{0, 2, 1}));
  EXPECT_EQ(copy(shard.columns[0]), (std::vector<std::int32_t>{-7, 8, 9}));
}

TEST(Shard, ViewsTokensAndBags) {
  const Bytes tokens = token_shard(), bags = bag_shard();
  const ShardView documents = parse_shard(tokens, token_spec(), 0, "t.shard");
  EXPECT_EQ(documents.value_bytes, 2);
  EXPECT_EQ(copy(documents.offsets), (std::vector<std::uint64_t>{0, 2, 5}));
  const ShardView words = parse_shard(bags, bag_spec(), 0, "b.shard");
  EXPECT_EQ(copy(words.counts), (std::vector<std::uint32_t>{5, 6, 7}));
  EXPECT_EQ(copy(words.labels), (std::vector<std::uint8_t>{0, 1, 1, 1}));
  check_shard_values(documents, token_spec(), "t.shard");
  check_shard_values(words, bag_spec(), "b.shard");
}

TEST(Shard, NamesWhatIsWrong) {
  const Bytes sound = image_shard();
  EXPECT_INPUT_ERROR(parse_shard(std::span(sound).first(63), image_spec(), 1, "s"), "found 63 bytes");
  EXPECT_INPUT_ERROR(parse_shard(std::span(sound).first(128), image_spec(), 1, "s"), "found 128 bytes, expected 256");
  EXPECT_INPUT_ERROR(parse_shard(sound, image_spec(), 0, "s"), "columns: found 1, expected 0");
  EXPECT_INPUT_ERROR(parse_shard(sound, token_spec(), 1, "s"), "kind of example: found 0, expected 2");
  ExampleSpec wide = image_spec();
  wide.shape = {1, 3, 1};
  EXPECT_INPUT_ERROR(parse_shard(sound, wide, 1, "s"), "values: found 6, expected 9");
  Bytes bytes = sound;
  bytes[0] = std::byte{'X'};
  EXPECT_INPUT_ERROR(parse_shard(bytes, image_spec(), 1, "s"), "no shard: found 'XPPSHARD'");
  bytes = sound;
  bytes[8] = std::byte{2};
  EXPECT_INPUT_ERROR(parse_shard(bytes, image_spec(), 1, "s"), "version of the shard format: found 2, expected 1");
  bytes = sound;
  bytes[60] = std::byte{1};
  EXPECT_INPUT_ERROR(parse_shard(bytes, image_spec(), 1, "s"), "reserved");
  bytes = sound;
  bytes.resize(bytes.size() + 64);
  EXPECT_INPUT_ERROR(parse_shard(bytes, image_spec(), 1, "s"), "found 320 bytes, expected 256");
}

TEST(Shard, RefusesSizesThatOverflow) {
  for (const std::uint64_t examples : {std::uint64_t{1} << 62, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    EXPECT_INPUT_ERROR(parse_shard(ShardBytes(0, 0, 1, examples, 2 * examples, 1, 1).bytes(), image_spec(), 1, "s"),
                       "s: ");
    EXPECT_INPUT_ERROR(parse_shard(ShardBytes(2, 3, 2, examples, 4, 0, 0).bytes(), token_spec(), 0, "s"), "s: ");
    EXPECT_INPUT_ERROR(parse_shard(ShardBytes(2, 3, 2, 4, examples, 0, 0).bytes(), token_spec(), 0, "s"), "s: ");
  }
}

TEST(Shard, RefusesBrokenOffsetsLabelsAndValues) {
  EXPECT_INPUT_ERROR(parse_shard(token_shard({0, 6, 5}), token_spec(), 0, "s"), "do not ascend from 0 to the 5");
  EXPECT_INPUT_ERROR(parse_shard(token_shard({1, 2, 5}), token_spec(), 0, "s"), "do not ascend");
  EXPECT_INPUT_ERROR(parse_shard(token_shard({0, 2, 4}), token_spec(), 0, "s"), "do not ascend");
  Bytes bags = bag_shard();
  bags[4 * 64] = std::byte{2};
  EXPECT_INPUT_ERROR(parse_shard(bags, bag_spec(), 0, "s"), "found label 2, expected 0 or 1");
  const Bytes tokens = token_shard();
  ExampleSpec small = token_spec();
  small.vocabulary = 9;
  EXPECT_INPUT_ERROR(check_shard_values(parse_shard(tokens, small, 0, "s"), small, "s"), "found token or word 9");

  ExampleSpec features;
  features.shape = {1};
  features.target = ExampleSpec::Target::kRegression;
  features.num_targets = 1;
  const float infinity = std::numeric_limits<float>::infinity();
  const Bytes floats =
      ShardBytes(1, 2, 4, 2, 2, 1, 0).section<float>({1.0F, infinity}).section<float>({1.0F, 2.0F}).bytes();
  EXPECT_INPUT_ERROR(check_shard_values(parse_shard(floats, features, 0, "s"), features, "s"), "feature 1 is inf");
}

TEST(Shard, SurvivesMutations) {
  const auto survive = [](const Bytes& bytes, const ExampleSpec& spec, std::int64_t columns) {
    survive_mutations(bytes, 20000, [&](std::span<const std::byte> mutated) {
      const ShardView shard = parse_shard(mutated, spec, columns, "m.shard");
      check_shard_values(shard, spec, "m.shard");
    });
  };
  survive(image_shard(), image_spec(), 1);
  survive(token_shard(), token_spec(), 0);
  survive(bag_shard(), bag_spec(), 0);
}

}  // namespace
}  // namespace coppice
