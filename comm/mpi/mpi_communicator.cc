#include "comm/mpi/mpi_communicator.h"

#include <mpi.h>

#include <algorithm>
#include <exception>
#include <string>

#include "core/error.h"
#include "comm/mpi/mpi_error.h"

namespace coppice {
namespace {

class MpiCommunicator final : public Communicator {
 public:
  // Takes ownership of `comm`.
  MpiCommunicator(MPI_Comm comm, std::size_t chunk_bytes) : comm_(comm), chunk_bytes_(chunk_bytes) {
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }

  // Freeing is collective: while an exception unwinds this rank the others are elsewhere, so the handle is left to the abort
  // that follows.
  ~MpiCommunicator() override {
    if (std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void broadcast(std::span<std::byte> buffer, int root) override {
    for_each_chunk(buffer, [&](std::byte* data, int count) {
      check_mpi(MPI_Bcast(data, count, MPI_BYTE, root, comm_), "MPI_Bcast");
    });
  }

  // Summed as unsigned: MPI adds signed integers as the C language does, which leaves their overflow undefined.
  void reduce_sum(std::span<std::int64_t> buffer, int root) override {
    for_each_chunk(buffer, [&](std::int64_t* data, int count) {
      const bool here = rank_ == root;
      check_mpi(
          MPI_Reduce(here ? MPI_IN_PLACE : data, here ? data : nullptr, count, MPI_UINT64_T, MPI_SUM, root, comm_),
          "MPI_Reduce");
    });
  }

  void all_reduce_sum(std::span<std::int64_t> buffer) override { all_reduce(buffer, MPI_UINT64_T, MPI_SUM); }
  void all_reduce_max(std::span<std::int64_t> buffer) override { all_reduce(buffer, MPI_INT64_T, MPI_MAX); }

  // Point to point in rank order: MPI_Gatherv's displacements are int and could not reach beyond 2 GiB.
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine, int root) override {
    const std::uint64_t length = mine.size();
    std::vector<std::uint64_t> lengths(rank_ == root ? static_cast<std::size_t>(size_) : 0);
    check_mpi(MPI_Gather(&length, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, root, comm_), "MPI_Gather");
    if (rank_ != root) {
      for_each_chunk(mine, [&](const std::byte* data, int count) {
        check_mpi(MPI_Send(data, count, MPI_BYTE, root, 0, comm_), "MPI_Send");
      });
      return {};
    }
    std::vector<std::vector<std::byte>> all;
    for (int from = 0; from < size_; ++from) {
      if (from == rank_) {
        all.emplace_back(mine.begin(), mine.end());
        continue;
      }
      std::vector<std::byte>& theirs = all.emplace_back(lengths[static_cast<std::size_t>(from)]);
      for_each_chunk(std::span(theirs), [&](std::byte* data, int count) {
        check_mpi(MPI_Recv(data, count, MPI_BYTE, from, 0, comm_, MPI_STATUS_IGNORE), "MPI_Recv");
      });
    }
    return all;
  }

  void barrier() override { check_mpi(MPI_Barrier(comm_), "MPI_Barrier"); }

  std::unique_ptr<Communicator> split(int color) override {
    if (color < 0) throw Error("split: color " + std::to_string(color) + ", expected >= 0");
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm_, color, rank_, &part), "MPI_Comm_split");
    return std::make_unique<MpiCommunicator>(part, chunk_bytes_);
  }

 private:
  template <class T, class Visit>
  void for_each_chunk(std::span<T> buffer, Visit visit) const {
    const std::size_t limit = chunk_bytes_ / sizeof(T);
    for (std::size_t at = 0; at < buffer.size(); at += limit) {
      visit(buffer.data() + at, static_cast<int>(std::min(limit, buffer.size() - at)));
    }
  }

  void all_reduce(std::span<std::int64_t> buffer, MPI_Datatype type, MPI_Op op) {
    for_each_chunk(buffer, [&](std::int64_t* data, int count) {
      check_mpi(MPI_Allreduce(MPI_IN_PLACE, data, count, type, op, comm_), "MPI_Allreduce");
    });
  }

  MPI_Comm comm_;
  std::size_t chunk_bytes_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(std::size_t chunk_bytes) {
  if (chunk_bytes == 0 || chunk_bytes % sizeof(std::int64_t) != 0 || chunk_bytes > kCollectiveChunkBytes) {
    throw Error("chunk_bytes: " + std::to_string(chunk_bytes) + ", expected a multiple of 8 up to " +
                std::to_string(kCollectiveChunkBytes));
  }
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup");
  return std::make_unique<MpiCommunicator>(comm, chunk_bytes);
}

}  // namespace coppice
