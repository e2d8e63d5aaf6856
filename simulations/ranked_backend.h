// Carries plans out on trusted ranks, local threads or MPI: every rank plays its share of the cohort into one accumulator, and
// one reduce a round brings the sum to rank 0, which also plays.
//
// The answer does not depend on the number of ranks: what a client reports depends on plan and client alone, and the sums
// are integers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/exchange/plan_codec.h"
#include "algorithms/methods/method.h"
#include "client/worker.h"
#include "comm/communicator.h"
#include "comm/regional_sum.h"

namespace coppice {

struct BackendOptions {
  int regions = 1;            // of ranks, which sum first (comm/regional_sum.h); 1: all sum at once
  Extensions extensions = {};  // those that plans may name
};

class RankedBackend : public Backend {
 public:
  // One a rank. `comm` and `worker` must outlive it. In `folder` the sums of large models lie while a client trains.
  RankedBackend(Communicator& comm, Worker& worker, Population population, std::string folder, BackendOptions options = {});

  // Rank 0.
  Answer carry_out(const RoundPlan& plan, PhaseTimer& phases) override;
  void release_ranks();  // lets the other ranks' serve() return

  // All other ranks: takes part in plans until released.
  void serve();

 private:
  struct Share;  // what one rank contributes to a plan

  std::optional<RoundPlan> receive_plan();  // nothing: no more will come
  // A received model that stays as it is, from the run's checkpoint where this machine sees it: its ranks then share one copy.
  void share(std::shared_ptr<const ModelState>& values, const Digest& digest);
  Share play_share(const RoundPlan& plan, const std::vector<ReportBlock>& blocks);
  Answer join(const RoundPlan& plan, std::vector<ReportBlock> blocks, Share share);

  Communicator& comm_;
  RegionalSum sum_;
  Worker& worker_;
  Population population_;
  std::string folder_;
  Extensions extensions_;
  PlanCache masks_;
};

// The cohort's clients for each rank: longest first to the rank with the least work so far; each list ascending.
std::vector<std::vector<std::int64_t>> deal_cohort(const RoundPlan& plan, const Population& population, int ranks);

}  // namespace coppice
