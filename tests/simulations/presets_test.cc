// Every preset of configs/ is one that a run would accept, data aside.
#include <filesystem>

#include <gtest/gtest.h>

#include "core/config_yaml.h"
#include "simulations/run_config.h"

namespace coppice::test {
namespace {

TEST(Presets, AllAreRead) {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(COPPICE_CONFIGS)) {
    SCOPED_TRACE(file.path().string());
    const auto config = read_config<RunConfig>(file.path().string(), {});
    EXPECT_NO_THROW(check_settings(config, file.path().string()));
    EXPECT_EQ(config_digest(config).size(), 64U);
    ++count;
  }
  EXPECT_GE(count, 7);
}

}  // namespace
}  // namespace coppice::test
