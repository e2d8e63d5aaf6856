#include "algorithms/topics/topic_quality.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "models/model.h"
#include "tests/data/word_bags.h"

namespace coppice {
namespace {

std::shared_ptr<const Dataset> bags_of(const std::vector<std::vector<std::uint32_t>>& documents, std::int64_t vocabulary) {
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> words;
  for (const auto& document : documents) {
    words.insert(words.end(), document.begin(), document.end());
    offsets.push_back(words.size());
  }
  std::vector<std::uint32_t> counts(words.size(), 1);
  return test::word_bags(std::move(offsets), std::move(words), std::move(counts), vocabulary);
}

// tests/golden/algorithms/make_topic_goldens.py
TEST(TopicQuality, MatchesPython) {
  const nlohmann::json golden = nlohmann::json::parse(std::ifstream(COPPICE_GOLDENS "/topic_goldens.json"));
  const Topics topics = golden.at("topics").get<Topics>();
  const auto documents = bags_of(golden.at("documents").get<std::vector<std::vector<std::uint32_t>>>(), golden.at("words"));
  const std::vector<double> found = coherences(topics, *documents), expected = golden.at("coherence");
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[k], 1e-12);
  EXPECT_DOUBLE_EQ(diversity(topics), golden.at("diversity").get<double>());
}

TEST(TopicQuality, TopWordsAreTheLikeliestOfATopicAndOfEqualsTheFirst) {
  const auto model = make_model(ProdLdaConfig{.vocabulary = 4, .hidden = {3}, .topics = 2});
  ModelState state = initial_state(*model, Seed{1});
  const float weights_VK[] = {0.1F, 5.0F, 0.7F, -1.0F, -9.0F, 5.0F, 0.2F, 6.0F};
  const int tensor = state.base.layout().find("topics.weight");
  std::copy(std::begin(weights_VK), std::end(weights_VK), state.base.floats(tensor).begin());
  // Before anything is learnt the batch norm leaves weights as they are.
  EXPECT_EQ(top_words(state, 3), (Topics{{1, 3, 0}, {3, 0, 2}}));
  // A rare word of large weights is what the batch norm scales down; a frequent one has a shift.
  state.moments.floats(state.moments.layout().find("topics_bn.running_var"))[2] = 1e4F;
  state.moments.floats(state.moments.layout().find("topics_bn.running_mean"))[0] = -4.0F;
  state.base.floats(state.base.layout().find("topics_bn.bias"))[1] = 9.0F;
  EXPECT_EQ(top_words(state, 3), (Topics{{1, 0, 3}, {0, 1, 3}}));
  EXPECT_THROW(top_words(state, 5), InputError);
  EXPECT_THROW(top_words(state, 1), InputError);
  EXPECT_THROW(top_words(initial_state(*make_model(MlpConfig{}), Seed{1}), 2), InputError);
  EXPECT_THROW(coherences({{0, 1}}, *bags_of({}, 4)), InputError);
}

}  // namespace
}  // namespace coppice
