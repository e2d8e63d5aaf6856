#include "comm/mpi/mpi_communicator.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/error.h"
#include "comm/local/local_communicator.h"
#include "comm/mpi/launcher.h"
#include "tests/comm/collective_laws.h"

namespace coppice {
namespace {

TEST(MpiCommunicator, Collectives) {
  const auto comm = make_mpi_communicator();
  ASSERT_EQ(comm->size(), launched_processes());
  check_collectives(*comm);
}

// Pieces that divide the buffers and pieces that do not.
TEST(MpiCommunicator, CollectivesInSmallChunks) {
  for (const std::size_t chunk_bytes : {8, 24, 512}) {
    const auto comm = make_mpi_communicator(chunk_bytes);
    check_collectives(*comm, 64);
    check_collectives(*comm->split(0), 64);
  }
}

TEST(MpiCommunicator, BuffersOfSeveralDefaultChunks) {
  const auto comm = make_mpi_communicator();
  const std::int64_t ranks = comm->size();
  const auto last = static_cast<int>(ranks - 1);
  std::vector<std::int64_t> buffer(2 * kCollectiveChunkBytes / sizeof(std::int64_t) + 17);
  for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = static_cast<std::int64_t>(i) * (comm->rank() + 1);
  comm->reduce_sum(buffer, last);
  for (std::size_t i = 0; i < buffer.size() && comm->rank() == last; ++i) {
    ASSERT_EQ(buffer[i], static_cast<std::int64_t>(i) * ranks * (ranks + 1) / 2) << i;
  }
  const auto bytes = std::as_writable_bytes(std::span(buffer));
  comm->broadcast(bytes, last);
  const auto all = comm->gather(bytes, 0);
  for (const auto& theirs : all) ASSERT_TRUE(std::equal(theirs.begin(), theirs.end(), bytes.begin(), bytes.end()));
}

TEST(MpiCommunicator, LocalRanksGiveTheSameBits) {
  const auto comm = make_mpi_communicator(64);
  auto over_mpi = numbers_of(comm->rank(), 1001);
  comm->reduce_sum(over_mpi, 0);
  if (comm->rank() != 0) return;
  std::vector<std::int64_t> in_process;
  run_local_ranks(comm->size(), [&](Communicator& local) {
    auto buffer = numbers_of(local.rank(), 1001);
    local.reduce_sum(buffer, 0);
    if (local.rank() == 0) in_process = buffer;
  });
  EXPECT_EQ(over_mpi, in_process);
}

TEST(MpiCommunicator, RefusesABadRootWithMpisWords) {
  const auto comm = make_mpi_communicator();
  std::int64_t number = 1;
  try {
    comm->reduce_sum({&number, 1}, comm->size());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("MPI_ERR_ROOT"), std::string::npos) << error.what();
    EXPECT_EQ(error.exit_code(), ExitCode::kDefect);
  }
}

TEST(MpiCommunicator, RefusesABadChunk) {
  for (const std::size_t chunk_bytes : {std::size_t{0}, std::size_t{12}, 2 * kCollectiveChunkBytes}) {
    EXPECT_THROW(make_mpi_communicator(chunk_bytes), Error);
  }
}

}  // namespace
}  // namespace coppice
