#include "coordinator/client_views.h"

#include <algorithm>
#include <set>

#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/plan_codec.h"
#include "algorithms/exchange/submodel.h"

namespace coppice {

ClientViews::ClientViews(const RoundPlan& plan) : plan_(plan), model_(make_model(plan.values->config)) {}

std::int64_t ClientViews::variant_of(std::int64_t client) const { return plan_.assignment.empty() ? -1 : plan_.assignment.at(client); }

const RoundPlan& ClientViews::view_of(std::int64_t variant) const {
  if (variant < 0) return plan_;
  if (!parts_.contains(variant)) parts_.emplace(variant, submodel_plan(plan_, variant));
  return parts_.at(variant);
}

std::string ClientViews::mask_of(std::int64_t client) const {
  const std::int64_t variant = variant_of(client);
  const auto [digest, unknown] = masks_.try_emplace(variant);
  const RoundPlan& view = view_of(variant);
  if (unknown && view.mask) digest->second = view.mask->digest().hex();
  return digest->second;
}

double ClientViews::bytes(std::int64_t client) const {
  const std::int64_t variant = variant_of(client);
  const auto [size, unknown] = expected_.try_emplace(variant);
  if (unknown) {
    const RoundPlan& view = view_of(variant);
    size->second = static_cast<double>(client_bytes(view, *model_, expected_report_bytes(view, *model_)).sum());
  }
  return size->second;
}

double ClientViews::most_bytes(std::uint64_t payload) const {
  std::set<std::int64_t> variants;
  for (const std::int64_t client : plan_.cohort) variants.insert(variant_of(client));
  double most = 0.0;
  for (const std::int64_t variant : variants) {
    most = std::max(most, static_cast<double>(client_bytes(view_of(variant), *model_, payload).sum()));
  }
  return most;
}

double ClientViews::bytes_down(std::int64_t client, bool holds_mask, bool holds_model) const {
  const std::int64_t variant = variant_of(client);
  const RoundPlan& view = view_of(variant);
  const auto [size, unknown] = down_.try_emplace({variant, holds_mask, holds_model});
  if (unknown) size->second = static_cast<double>(plan_bytes(view, holds_mask || view.part ? view.mask : nullptr, holds_model));
  return size->second;
}

}  // namespace coppice
