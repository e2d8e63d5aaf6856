#include "data/inspect.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tests/data/samples.h"

namespace coppice {
namespace {

LoadedData data() {
  return {labelled({0, 0, 1, 1, 2, 2}, 3, {{"who", {1, 1, 1, 1, 2, 2}, {}}}), labelled({2, 2, 0}, 3), "made up"};
}

const Partition kClients({0, 4, 6}, {0, 1, 2, 3, 4, 5});

TEST(Inspect, CountsClassesAndClients) {
  const DataSummary summary = summarize(data(), kClients, 10);
  EXPECT_EQ(summary.train.class_counts, (std::vector<std::int64_t>{2, 2, 2}));
  EXPECT_EQ(summary.test.class_counts, (std::vector<std::int64_t>{1, 0, 2}));
  EXPECT_EQ(summary.num_clients, 2);
  EXPECT_EQ(summary.least, 2);
  EXPECT_EQ(summary.most, 4);
  EXPECT_NEAR(summary.mean_class_entropy, 0.5 * std::log(2.0), 1e-12);
  ASSERT_EQ(summary.clients.size(), 2u);
  EXPECT_EQ(summary.clients[0].class_counts, (std::vector<std::int64_t>{2, 2, 0}));
}

TEST(Inspect, WritesJson) {
  const auto json = nlohmann::json::parse(to_json(summarize(data(), kClients, 1)));
  EXPECT_EQ(json["examples_are"], "features 1, 3 classes");
  EXPECT_EQ(json["train"]["examples"], 6);
  EXPECT_EQ(json["train"]["digest"], data().train->digest().hex());
  EXPECT_EQ(json["clients"]["count"], 2);
  EXPECT_EQ(json["clients"]["listed"].size(), 1u);
  EXPECT_EQ(json["clients"]["listed"][0]["class_counts"], (std::vector<int>{2, 2, 0}));
  EXPECT_FALSE(nlohmann::json::parse(to_json(summarize(data()))).contains("clients"));
}

TEST(Inspect, WritesText) {
  const std::string text = to_text(summarize(data(), kClients, 1));
  EXPECT_NE(text.find("note: made up"), std::string::npos) << text;
  EXPECT_NE(text.find("columns: who"), std::string::npos) << text;
  EXPECT_NE(text.find("2 clients hold 6 examples: 2 least"), std::string::npos) << text;
  EXPECT_NE(text.find("▄▄·"), std::string::npos) << text;
  EXPECT_NE(text.find("and 1 more client"), std::string::npos) << text;
}

}  // namespace
}  // namespace coppice
