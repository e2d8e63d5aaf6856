#include "core/config_docs.h"

#include <gtest/gtest.h>

#include "tests/core/sample_config.h"

namespace coppice {
namespace {

using sample::Config;

std::string markdown() {
  Config config;
  return write_markdown([&](FieldVisitor& v) { config.visit(v); });
}

TEST(ConfigDocs, EveryKeyOfEveryAlternativeHasARow) {
  const std::string text = markdown();
  for (const char* row : {
           "| `seed` |  | integer | `1` | of everything random |",
           "| `kept_fraction` |  | number in (0, 1] | `0.4` | what stays |",
           "| `data.partition` |  | kind: iid, dirichlet | `dirichlet` | how samples are dealt \\| "
           "to clients |",
           "| `data.partition.alpha` | `partition: dirichlet` | number > 0 | `0.5` | "
           "concentration; smaller = more skew |",
           "| `data.clip` |  | none, or the settings below | `none` | clip the updates |",
           "| `data.clip.norm` |  | number > 0 | `1` | largest L2 norm |",
           "| `stages` |  | list of: warmup, score, export | `[]` | what to do, in order |",
           "| `stages.warmup.rounds` |  | integer >= 1 | `10` | rounds to run |",
           "| `stages.score.order` |  | first, second | `first` | order of the expansion |",
           "| `stages.score.granularity` |  | list of texts | `[coarse]` | which scores |",
           "| `stages.score.prior.alpha` | `prior: dirichlet` | number > 0 | `0.5` | "
           "concentration; smaller = more skew |",
       }) {
    EXPECT_NE(text.find(std::string("\n") + row + "\n"), std::string::npos) << row << "\nnot in\n" << text;
  }
}

TEST(ConfigDocs, TheConfigIsLeftAsItWasWhereItHeldDefaults) {
  Config config;
  write_markdown([&](FieldVisitor& v) { config.visit(v); });
  EXPECT_FALSE(config.data.clip.has_value());
  EXPECT_TRUE(config.stages.empty());
  EXPECT_TRUE(std::holds_alternative<sample::Dirichlet>(config.data.partition));
}

TEST(ConfigDocs, AnnotatedYamlReadsBackAndCarriesTheHelp) {
  Config config;
  config.seed = 77;
  config.data.clip.emplace();
  config.stages = {sample::Warmup{.rounds = 3}, sample::Score{}, sample::Export{}};
  const std::string text = write_annotated_yaml([&](FieldVisitor& v) { config.visit(v); });
  EXPECT_NE(text.find("# of everything random\nseed: 77\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  # how samples are dealt | to clients (iid | dirichlet)\n  partition:\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("      # rounds to run (>= 1)\n      rounds: 3\n"), std::string::npos) << text;
  Config back;
  read_yaml_text("init.yaml", text, {}, [&](FieldVisitor& v) { back.visit(v); });
  EXPECT_EQ(back, config);
}

}  // namespace
}  // namespace coppice
