// SCAFFOLD at the client (Karimireddy et al., ICML 2020, Algorithm 1, option II).
//
//   every step adds c - c_k to the gradient; after S steps of rate eta:  c_k' = c_k - c + (w_received - w_trained) / (S eta)
//
// Only for plain SGD: with momentum the difference of weights is no longer a mean gradient. c is zero at dropped weights, and
// c_k is kept there too, so a weight that is grown starts without correction.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/exchange/plan.h"
#include "algorithms/exchange/report.h"
#include "client/client_store.h"

namespace coppice {

class ControlVariate {
 public:
  ControlVariate(const RoundPlan& plan, std::int64_t client, const ClientStore& store,
                 std::shared_ptr<const ArenaLayout> layout);

  const Arena& correction() const { return correction_; }  // c - c_k

  // Reports c_k' - c_k under "train/control/" and returns c_k' for the store. `steps_times_rate` = S eta.
  std::vector<Block> update(const Arena& trained, const Arena& received, double steps_times_rate, Report& report,
                            const Mask* mask);

 private:
  Arena own_;         // c_k
  Arena correction_;
};

}  // namespace coppice
