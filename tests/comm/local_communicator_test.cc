#include "comm/local/local_communicator.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/comm/collective_laws.h"

namespace coppice {
namespace {

// What the world threw, as text; "" = nothing.
std::string failure_of(int num_ranks, const std::function<void(Communicator&)>& body) {
  try {
    run_local_ranks(num_ranks, body);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

TEST(LocalCommunicator, SoloIsAWorldOfOne) {
  const auto comm = make_solo_communicator();
  EXPECT_EQ(comm->rank(), 0);
  ASSERT_EQ(comm->size(), 1);
  check_collectives(*comm);
}

class LocalWorlds : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, LocalWorlds, testing::Values(1, 2, 3, 4, 8));

TEST_P(LocalWorlds, Collectives) {
  std::atomic<int> ranks = 0;
  run_local_ranks(GetParam(), [&](Communicator& comm) {
    EXPECT_EQ(comm.size(), GetParam());
    ranks += 1 << comm.rank();
    check_collectives(comm);
    check_collectives(*comm.split(0));
  });
  EXPECT_EQ(ranks, (1 << GetParam()) - 1);
}

TEST_P(LocalWorlds, ManyRoundsInDisorder) {
  run_local_ranks(GetParam(), [](Communicator& comm) {
    std::int64_t total = 0;
    for (int round = 0; round < 200; ++round) {
      if ((round + comm.rank()) % 7 == 0) std::this_thread::yield();
      std::int64_t one = round;
      comm.all_reduce_sum({&one, 1});
      total += one;
    }
    EXPECT_EQ(total, 19900 * comm.size());
  });
}

TEST(LocalCommunicator, TheErrorOfTheLowestFailedRankComesOut) {
  for (int failing = 0; failing < 4; ++failing) {
    const std::string failure = failure_of(4, [&](Communicator& comm) {
      comm.barrier();
      if (comm.rank() >= failing) throw std::runtime_error("rank " + std::to_string(comm.rank()) + " broke");
      comm.barrier();
    });
    EXPECT_EQ(failure, "rank " + std::to_string(failing) + " broke");
  }
}

TEST(LocalCommunicator, AFailureKeepsItsType) {
  EXPECT_THROW(run_local_ranks(3,
                               [](Communicator& comm) {
                                 if (comm.rank() == 1) throw InputError("bad input");
                                 comm.gather({}, 0);
                               }),
               InputError);
}

// Ranks that never met the failed one are released too: they wait in a group of their own or come later.
TEST(LocalCommunicator, AFailureReleasesOtherGroups) {
  const std::string failure = failure_of(4, [](Communicator& comm) {
    const auto pair = comm.split(comm.rank() / 2);
    if (comm.rank() == 3) throw std::runtime_error("rank 3 broke");
    std::vector<std::int64_t> buffer(10000, 1);
    for (;;) pair->all_reduce_sum(buffer);
  });
  EXPECT_EQ(failure, "rank 3 broke");
}

TEST(LocalCommunicator, ARankThatLeavesEarlyIsNotWaitedFor) {
  EXPECT_EQ(failure_of(3,
                       [](Communicator& comm) {
                         if (comm.rank() != 1) comm.barrier();
                       }),
            "2 of 3 local ranks wait in collectives that the others did not join");
}

TEST(LocalCommunicator, GroupsThatWaitForEachOtherAreReleased) {
  EXPECT_NE(failure_of(4,
                       [](Communicator& comm) {
                         const auto pair = comm.split(comm.rank() / 2);
                         if (comm.rank() % 2 == 0) pair->barrier();
                         comm.barrier();
                         pair->barrier();
                       }),
            "");
}

TEST(LocalCommunicator, DifferentCollectivesAreAnError) {
  const std::string failure = failure_of(2, [](Communicator& comm) {
    std::int64_t number = 1;
    if (comm.rank() == 0) comm.barrier();
    if (comm.rank() == 1) comm.all_reduce_sum({&number, 1});
  });
  EXPECT_EQ(
      failure,
      "ranks disagree: rank 0 called barrier of 0 elements at root 0, rank 1 all_reduce_sum of 1 elements at root 0");
}

TEST(LocalCommunicator, DifferentLengthsAndRootsAreErrors) {
  EXPECT_NE(failure_of(3,
                       [](Communicator& comm) {
                         std::vector<std::int64_t> buffer(comm.rank() == 2 ? 4 : 5);
                         comm.reduce_sum(buffer, 0);
                       }),
            "");
  EXPECT_NE(failure_of(3,
                       [](Communicator& comm) {
                         std::vector<std::byte> buffer(8);
                         comm.broadcast(buffer, comm.rank() == 2 ? 1 : 0);
                       }),
            "");
}

TEST(LocalCommunicator, RefusesRootsColorsAndWorldsThatDoNotExist) {
  const auto comm = make_solo_communicator();
  EXPECT_THROW(comm->gather({}, 1), Error);
  EXPECT_THROW(comm->gather({}, -1), Error);
  EXPECT_THROW(comm->split(-1), Error);
  EXPECT_THROW(run_local_ranks(0, [](Communicator&) {}), InputError);
}

}  // namespace
}  // namespace coppice
