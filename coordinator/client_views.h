// What a plan costs each client of its cohort, who may each have a part of the model (algorithms/exchange/submodel.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "algorithms/exchange/plan.h"
#include "models/model.h"

namespace coppice {

// The plan must outlive it.
class ClientViews {
 public:
  explicit ClientViews(const RoundPlan& plan);

  std::string mask_of(std::int64_t client) const;  // hexadecimal digest; "" without one
  // By the cost model, with the report's bytes as foreseen.
  double bytes(std::int64_t client) const;
  // Of the client of the cohort that holds most, with a report of `payload` bytes.
  double most_bytes(std::uint64_t payload) const;
  // Down, by what the client holds already: the mask, the frozen models. A part's mask follows from its level and never travels.
  double bytes_down(std::int64_t client, bool holds_mask, bool holds_model) const;

 private:
  std::int64_t variant_of(std::int64_t client) const;  // -1: the plan as it is
  const RoundPlan& view_of(std::int64_t variant) const;

  const RoundPlan& plan_;
  std::unique_ptr<Model> model_;
  mutable std::map<std::int64_t, RoundPlan> parts_;  // each made when it is first asked for, as are sizes
  mutable std::map<std::int64_t, std::string> masks_;
  mutable std::map<std::int64_t, double> expected_;
  mutable std::map<std::tuple<std::int64_t, bool, bool>, double> down_;
};

}  // namespace coppice
