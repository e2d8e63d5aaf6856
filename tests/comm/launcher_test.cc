#include "comm/mpi/launcher.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace coppice {
namespace {

// An environment in which only `variables` of all those that launchers set are there; restored afterwards.
class Environment {
 public:
  using Variables = std::map<std::string, std::string>;
  explicit Environment(const Variables& variables) {
    for (const char* name :
         {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      unsetenv(name);
    }
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : before_) {
      value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

TEST(Launcher, APlainProcessWasNotLaunched) {
  const Environment environment(Environment::Variables{});
  EXPECT_FALSE(launched_by_mpirun());
  EXPECT_EQ(launched_processes(), 0);
}

TEST(Launcher, ABatchScriptOrAnInteractiveShellIsNoMpiJob) {
  const Environment environment(Environment::Variables{{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}});
  EXPECT_FALSE(launched_by_mpirun());
}

TEST(Launcher, MpirunAndProcessManagersAreRecognised) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"}) {
    const Environment environment(Environment::Variables{{name, "1"}});
    EXPECT_TRUE(launched_by_mpirun()) << name;
  }
}

TEST(Launcher, SeveralSrunTasksCountEvenWithoutAProcessManager) {
  const Environment environment(Environment::Variables{{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}});
  EXPECT_TRUE(launched_by_mpirun());
  EXPECT_EQ(launched_processes(), 4);
}

TEST(Launcher, MpirunInsideAnAllocationCountsRanksNotDaemons) {
  const Environment environment({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"OMPI_COMM_WORLD_SIZE", "16"}});
  EXPECT_EQ(launched_processes(), 16);
}

}  // namespace
}  // namespace coppice
