// What every Communicator must do, for any number of ranks; called by all ranks of `comm`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/seed.h"
#include "comm/communicator.h"
#include "comm/regional_sum.h"

namespace coppice {

inline std::vector<std::int64_t> numbers_of(int rank, std::size_t count) {
  Stream stream(Seed{.run = 7, .client = static_cast<std::uint32_t>(rank)}, Purpose::kTest);
  std::vector<std::int64_t> numbers(count);
  for (auto& number : numbers) number = static_cast<std::int64_t>(stream.next_u64());
  return numbers;
}

inline std::vector<std::byte> bytes_of(int rank, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::byte>(31 * i + 7 * static_cast<std::size_t>(rank));
  return bytes;
}

// Computed here without any communicator, from all ranks' numbers; full 64-bit random numbers, so the sums wrap.
inline std::vector<std::int64_t> expected_sum(int num_ranks, std::size_t count) {
  std::vector<std::int64_t> sum(count);
  for (int rank = 0; rank < num_ranks; ++rank) {
    const auto numbers = numbers_of(rank, count);
    for (std::size_t i = 0; i < count; ++i) {
      sum[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum[i]) + static_cast<std::uint64_t>(numbers[i]));
    }
  }
  return sum;
}

inline void check_sums(Communicator& comm, std::size_t count) {
  const auto sum = expected_sum(comm.size(), count);
  const auto mine = numbers_of(comm.rank(), count);
  for (int root = 0; root < comm.size(); ++root) {
    auto buffer = mine;
    comm.reduce_sum(buffer, root);
    EXPECT_EQ(buffer, comm.rank() == root ? sum : mine) << "root " << root << ", count " << count;
  }
  auto buffer = mine;
  comm.all_reduce_sum(buffer);
  EXPECT_EQ(buffer, sum) << "count " << count;
}

inline void check_max(Communicator& comm, std::size_t count) {
  std::vector<std::int64_t> expected(count, std::numeric_limits<std::int64_t>::min());
  for (int rank = 0; rank < comm.size(); ++rank) {
    const auto numbers = numbers_of(rank, count);
    for (std::size_t i = 0; i < count; ++i) expected[i] = std::max(expected[i], numbers[i]);
  }
  auto buffer = numbers_of(comm.rank(), count);
  comm.all_reduce_max(buffer);
  EXPECT_EQ(buffer, expected) << "count " << count;
}

inline void check_broadcast(Communicator& comm, std::size_t count) {
  for (int root = 0; root < comm.size(); ++root) {
    auto buffer = bytes_of(comm.rank(), count);
    comm.broadcast(buffer, root);
    EXPECT_EQ(buffer, bytes_of(root, count));
    auto resized = bytes_of(comm.rank(), comm.rank() == root ? count : 3);
    broadcast_bytes(comm, resized, root);
    EXPECT_EQ(resized, bytes_of(root, count));
  }
}

// Rank r brings 5 r bytes (rank 0: none), plus `extra`.
inline void check_gather(Communicator& comm, std::size_t extra) {
  const auto length = [&](int rank) { return 5 * static_cast<std::size_t>(rank) + extra; };
  for (int root = 0; root < comm.size(); ++root) {
    const auto all = comm.gather(bytes_of(comm.rank(), length(comm.rank())), root);
    ASSERT_EQ(all.size(), comm.rank() == root ? static_cast<std::size_t>(comm.size()) : 0U);
    for (std::size_t from = 0; from < all.size(); ++from) {
      EXPECT_EQ(all[from], bytes_of(static_cast<int>(from), length(static_cast<int>(from))));
    }
  }
}

// The bits of the flat sum, whatever the regions.
inline void check_regional_sums(Communicator& comm) {
  for (int regions = 1; regions <= comm.size() + 1; ++regions) {
    std::vector<std::int64_t> flat = numbers_of(comm.rank(), 301), regional = flat;
    RegionalSum sum(comm, regions);
    comm.reduce_sum(flat, 0);
    sum.reduce(regional);
    if (comm.rank() == 0) {
      EXPECT_EQ(regional, flat) << regions << " regions";
    }
    const double bytes = sum.bytes_to_regions(301) + sum.bytes_to_root(301);
    EXPECT_EQ(bytes, 8.0 * 301.0 * (comm.size() - 1));  // every rank but the root sends its sum once
  }
}

inline void check_split(Communicator& comm) {
  const auto half = comm.split(comm.rank() % 2);
  EXPECT_EQ(half->size(), (comm.size() + 1 - comm.rank() % 2) / 2);
  EXPECT_EQ(half->rank(), comm.rank() / 2);
  std::int64_t members = comm.rank() + 1;
  half->all_reduce_sum({&members, 1});
  std::int64_t expected = 0;
  for (int rank = comm.rank() % 2; rank < comm.size(); rank += 2) expected += rank + 1;
  EXPECT_EQ(members, expected);
  // The halves work at their own pace and do not disturb their parent.
  for (int i = 0; i <= comm.rank() % 2; ++i) half->barrier();
  check_sums(comm, 3);
}

inline void check_same_on_all_ranks(Communicator& comm) {
  const Digest common = digest_of("the same");
  EXPECT_TRUE(same_on_all_ranks(comm, common));
  for (int odd_one = 0; odd_one < comm.size() && comm.size() > 1; ++odd_one) {
    Digest mine = common;
    if (comm.rank() == odd_one) mine.bytes[static_cast<std::size_t>(8 * odd_one) % 32] ^= 1;
    EXPECT_FALSE(same_on_all_ranks(comm, mine));
  }
}

// Buffers of 0 to 5000 elements, or up to `most`.
inline void check_collectives(Communicator& comm, std::size_t most = 5000) {
  for (const std::size_t count : {0, 1, 2, 3, 7, 64, 1000, 5000}) {
    if (count > most) break;
    check_sums(comm, count);
    check_max(comm, count);
    check_broadcast(comm, count);
    check_gather(comm, count);
  }
  comm.barrier();
  check_split(comm);
  check_regional_sums(comm);
  check_same_on_all_ranks(comm);
}

}  // namespace coppice
