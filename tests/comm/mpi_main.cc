// main() of the tests that run under mpirun: every rank runs every test. A failed assertion leaves a test early and the other
// ranks in a collective; so the first failure on any rank ends the whole job, after its message.
#include <exception>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_environment.h"

namespace {

class AbortOnFailure final : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& test) override {
    if (test.result()->Failed()) coppice::abort_all(1);
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const coppice::MpiEnvironment mpi;
  testing::UnitTest::GetInstance()->listeners().Append(new AbortOnFailure);
  return RUN_ALL_TESTS();
}
