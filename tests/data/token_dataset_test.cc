#include "data/token_dataset.h"

#include "tests/data/samples.h"

namespace coppice {
namespace {

constexpr std::int64_t kIgnored = Dataset::kIgnoredTarget;

ExampleSpec spec_of(ExampleSpec::Target target, std::int64_t length) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kTokens;
  spec.shape = {length};
  spec.vocabulary = 20;
  spec.pad_token = 19;
  spec.target = target;
  spec.num_targets = target == ExampleSpec::Target::kNextToken ? 20 : 2;
  return spec;
}

// Documents 1 2 3 4 5 | (none) | 6 | 7 8, the last in a piece of its own with wider tokens.
std::vector<TokenPiece> documents() {
  return {{SharedBytes::of(std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6}),
           SharedBytes::of(std::vector<std::uint64_t>{0, 5, 5, 6}), 2},
          {SharedBytes::of(std::vector<std::uint32_t>{7, 8}), SharedBytes::of(std::vector<std::uint64_t>{0, 2}), 4}};
}

using Ids = std::vector<std::int64_t>;

Ids all_of(const Dataset& data) {
  Ids indices;
  for (std::int64_t i = 0; i < data.size(); ++i) indices.push_back(i);
  return indices;
}

TEST(Tokens, PredictEveryTokenButADocumentsFirstOnce) {
  Annotations annotations;
  annotations.columns = {{"who", {10, 11, 12, 13}, {}}};
  const auto data = make_tokens(spec_of(ExampleSpec::Target::kNextToken, 3), documents(), annotations);
  ASSERT_EQ(data->size(), 3);  // 1 2 3 > 2 3 4, 4 > 5, 7 > 8
  Ids tokens(9), next(9), lengths(3);
  data->read_tokens(all_of(*data), tokens.data());
  data->read_next_tokens(all_of(*data), next.data());
  data->read_lengths(all_of(*data), lengths.data());
  EXPECT_EQ(tokens, (Ids{1, 2, 3, 4, 19, 19, 7, 19, 19}));
  EXPECT_EQ(next, (Ids{2, 3, 4, 5, kIgnored, kIgnored, 8, kIgnored, kIgnored}));
  EXPECT_EQ(lengths, (Ids{3, 1, 1}));
  EXPECT_EQ(data->column("who").values, (std::vector<std::int32_t>{10, 10, 13}));
}

TEST(Tokens, OfAClassAreWholeDocumentsCutAndPadded) {
  const auto data = make_tokens(spec_of(ExampleSpec::Target::kClass, 2), documents(), {{0, 1, 0, 1}, {}, {}, {}});
  ASSERT_EQ(data->size(), 4);
  Ids tokens(8), lengths(4);
  data->read_tokens(all_of(*data), tokens.data());
  data->read_lengths(all_of(*data), lengths.data());
  EXPECT_EQ(tokens, (Ids{1, 2, 19, 19, 6, 19, 7, 8}));
  EXPECT_EQ(lengths, (Ids{2, 0, 1, 2}));
  EXPECT_THROW(data->read_next_tokens(all_of(*data), tokens.data()), Error);
}

TEST(Tokens, OutsideTheVocabularyAreRefused) {
  ExampleSpec spec = spec_of(ExampleSpec::Target::kClass, 8);
  spec.vocabulary = 5;
  spec.pad_token = 0;
  const auto data = make_tokens(spec, documents(), {{0, 1, 0, 1}, {}, {}, {}});
  Ids tokens(8);
  const std::int64_t first[] = {0};
  EXPECT_INPUT_ERROR(data->read_tokens(first, tokens.data()), "token 5 is outside the vocabulary of 5");
  spec.pad_token = 5;
  EXPECT_INPUT_ERROR(make_tokens(spec, documents(), {}), "pad token: found 5");
}

}  // namespace
}  // namespace coppice
