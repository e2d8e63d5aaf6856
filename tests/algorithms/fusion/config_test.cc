// The YAML of a score and a prune stage.
#include <string>

#include <gtest/gtest.h>

#include "core/config_yaml.h"
#include "core/error.h"
#include "algorithms/budget/budget.h"
#include "algorithms/fusion/fusion.h"
#include "algorithms/importance/importance.h"

namespace coppice {
namespace {

struct Stage {
  ImportanceConfig importance = TaylorConfig{};
  FusionConfig fusion;
  BudgetConfig budget;
  void visit(FieldVisitor& v) {
    v.variant("importance", importance, "");
    v.group("fusion", fusion, "");
    budget.visit(v);
  }
};

Stage read(const std::string& text) {
  Stage stage;
  read_yaml_text("stage.yaml", text, {}, [&](FieldVisitor& v) { stage.visit(v); });
  return stage;
}

TEST(StageConfig, IsRead) {
  const Stage stage = read(
      "importance: {kind: taylor, order: mix}\n"
      "fusion: {granularity: {kind: fixed, alpha: 0.25}, clients: {kind: vote, fraction: 0.3}, scale: relative}\n"
      "budget: {flops: 0.4}\n"
      "floor: 0.2\n"
      "allocation: uniform\n");
  EXPECT_EQ(std::get<TaylorConfig>(stage.importance).order, TaylorConfig::Order::kMix);
  EXPECT_EQ(std::get<FixedGranularity>(stage.fusion.granularity).alpha, 0.25);
  EXPECT_EQ(std::get<VoteFusion>(stage.fusion.clients).fraction, 0.3);
  EXPECT_EQ(stage.fusion.scale, ScoreScale::kRelative);
  EXPECT_EQ(stage.budget.budget.flops, 0.4);
  EXPECT_EQ(stage.budget.floor, 0.2);
  EXPECT_EQ(stage.budget.allocation, Allocation::kUniform);
}

TEST(StageConfig, EveryNameIsKnown) {
  for (const char* name : {"taylor", "snip", "fisher", "activation", "magnitude", "random"}) {
    read("importance: " + std::string(name) + "\n");
  }
  for (const char* name : {"none", "mean", "normalised_mean", "vote", "rank", "agreement"}) {
    read("fusion: {clients: " + std::string(name) + "}\n");
  }
  for (const char* name : {"adaptive", "fixed", "attention", "uncertainty", "learned"}) {
    read("fusion: {granularity: " + std::string(name) + "}\n");
  }
  for (const char* name : {"global", "uniform", "erk"}) read("allocation: " + std::string(name) + "\n");
}

TEST(StageConfig, SlipsAreNamed) {
  const auto message = [](const std::string& text) {
    try {
      read(text);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message("importance: {kind: taylor, order: frist}\n").find("first"), std::string::npos);
  EXPECT_NE(message("importance: tailor\n").find("taylor"), std::string::npos);
  EXPECT_NE(message("importance: {kind: magnitude, order: 3}\n").find("importance.order"), std::string::npos);
  EXPECT_NE(message("fusion: {granularity: {kind: fixed, alpha: 1.5}}\n").find("in [0, 1]"), std::string::npos);
  EXPECT_NE(message("budget: {flop: 0.4}\n").find("flops"), std::string::npos);
}

}  // namespace
}  // namespace coppice
