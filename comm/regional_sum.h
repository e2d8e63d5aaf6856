// Sums in two levels: the ranks of a region (a site, a node, a rack) add up at the region's first rank, the regions' first ranks at rank 0.
//
// Integers modulo 2^64, so the sum has the bits of the flat one whatever the regions are. Ranks that stand next to each other share a
// region, and regions differ by one rank at most.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "comm/communicator.h"

namespace coppice {

class RegionalSum {
 public:
  // 1 <= regions; more than there are ranks count as one each. One region is the flat sum. Collective; `comm` must outlive it.
  RegionalSum(Communicator& comm, int regions);

  // In place at rank 0; the other ranks' buffers are left with partial sums.
  void reduce(std::span<std::int64_t> buffer);

  // Bytes that one reduce of `values` moves to each level: every rank hands its sum on once.
  double bytes_to_regions(std::size_t values) const;
  double bytes_to_root(std::size_t values) const;
  bool is_flat() const { return regions_ == 1; }

 private:
  Communicator& comm_;
  int regions_;
  std::unique_ptr<Communicator> region_;  // null where the sum is flat
  std::unique_ptr<Communicator> heads_;   // of the regions' first ranks; the others' is of no use
};

}  // namespace coppice
