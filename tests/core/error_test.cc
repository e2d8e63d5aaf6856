#include "core/error.h"

#include <gtest/gtest.h>

namespace coppice {
namespace {

TEST(Error, ContextsChainOutermostFirstAndKeepTheType) {
  try {
    try {
      try {
        throw InputError("found 'x'; expected a number");
      } catch (Error& error) {
        error.within("stages.2.prune");
        throw;
      }
    } catch (Error& error) {
      error.within("a.yaml");
      throw;
    }
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "a.yaml: stages.2.prune: found 'x'; expected a number");
    EXPECT_EQ(error.exit_code(), ExitCode::kBadInput);
  }
}

TEST(Error, EveryKindHasItsExitCode) {
  EXPECT_EQ(static_cast<int>(Error("x").exit_code()), 1);
  EXPECT_EQ(static_cast<int>(InputError("x").exit_code()), 2);
  EXPECT_EQ(static_cast<int>(Stopped("x").exit_code()), 3);
}

TEST(NearestName, FindsSlipsOfTheFingerAndNothingElse) {
  const std::vector<std::string> names = {"alpha", "beta", "kept_fraction", "seed", "lr"};
  EXPECT_EQ(nearest_name("alhpa", names), "alpha");
  EXPECT_EQ(nearest_name("alfa", names), "alpha");
  EXPECT_EQ(nearest_name("ALPHA", names), "alpha");
  EXPECT_EQ(nearest_name("kept-fraction", names), "kept_fraction");
  EXPECT_EQ(nearest_name("kept_fractoin", names), "kept_fraction");
  EXPECT_EQ(nearest_name("sead", names), "seed");
  EXPECT_EQ(nearest_name("l", names), "lr");
  EXPECT_EQ(nearest_name("gamma", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("xy", names), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'a'), names), "");
  EXPECT_EQ(nearest_name("alpha", {}), "");
}

TEST(UnknownName, SaysWhatWasMeantAndWhatThereIs) {
  EXPECT_EQ(unknown_name("model", "resent8", {"resnet8", "mlp"}),
            "unknown model 'resent8' (did you mean 'resnet8'?); expected one of: resnet8, mlp");
  EXPECT_EQ(unknown_name("model", "llama", {"mlp"}), "unknown model 'llama'; expected one of: mlp");
  EXPECT_EQ(unknown_name("model", "llama", {}), "unknown model 'llama'");
}

TEST(Quoted, StaysOneShortPrintableLine) {
  EXPECT_EQ(quoted("a b"), "'a b'");
  EXPECT_EQ(quoted("a\nb\t\x1b[0m"), "'a\\nb\\t\\x1b[0m'");
  EXPECT_EQ(quoted("0123456789", 4), "'0123...'");
}

}  // namespace
}  // namespace coppice
