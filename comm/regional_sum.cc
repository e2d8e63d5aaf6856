#include "comm/regional_sum.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace coppice {

RegionalSum::RegionalSum(Communicator& comm, int regions) : comm_(comm), regions_(std::min(regions, comm.size())) {
  if (regions < 1) throw Error("regions: " + std::to_string(regions) + ", expected >= 1");
  if (is_flat()) return;
  region_ = comm_.split(static_cast<int>(static_cast<std::int64_t>(comm_.rank()) * regions_ / comm_.size()));
  heads_ = comm_.split(region_->rank() == 0 ? 0 : 1);
}

void RegionalSum::reduce(std::span<std::int64_t> buffer) {
  if (is_flat()) return comm_.reduce_sum(buffer, 0);
  region_->reduce_sum(buffer, 0);
  if (region_->rank() == 0) heads_->reduce_sum(buffer, 0);
}

double RegionalSum::bytes_to_regions(std::size_t values) const {
  return is_flat() ? 0.0 : static_cast<double>(comm_.size() - regions_) * static_cast<double>(values * sizeof(std::int64_t));
}

double RegionalSum::bytes_to_root(std::size_t values) const {
  const int senders = is_flat() ? comm_.size() : regions_;
  return static_cast<double>(senders - 1) * static_cast<double>(values * sizeof(std::int64_t));
}

}  // namespace coppice
