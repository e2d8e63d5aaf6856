#include "algorithms/methods/submodels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/aggregation/pooled_moments.h"
#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/exchange/submodel.h"
#include "core/config_text.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::uint32_t kLevelSalt = 3;  // beside the cohort's and the devices' own draws

std::int64_t drawn_level(const std::vector<double>& shares, Seed seed) {
  double left = std::accumulate(shares.begin(), shares.end(), 0.0) * Stream(seed, Purpose::kCohort, kLevelSalt).uniform();
  std::size_t level = 0;
  while (level + 1 < shares.size() && left >= shares[level]) left -= shares[level++];
  return static_cast<std::int64_t>(level);
}

// Bytes of a client at each level.
std::vector<double> bytes_of_levels(const RoundPlan& plan, const Model& model) {
  std::vector<double> bytes;
  for (std::size_t v = 0; v < plan.variants.size(); ++v) {
    const RoundPlan part = submodel_plan(plan, static_cast<std::int64_t>(v));
    bytes.push_back(static_cast<double>(client_bytes(part, model, expected_report_bytes(part, model)).sum()));
  }
  return bytes;
}

// The largest level that fits, else the smallest there is.
std::int64_t fitting_level(const std::vector<double>& bytes, double memory) {
  std::size_t best = 0;
  for (std::size_t v = 1; v < bytes.size(); ++v) {
    const bool fits = bytes[v] <= memory, held = bytes[best] <= memory;
    if (fits != held ? fits : fits ? bytes[v] > bytes[best] : bytes[v] < bytes[best]) best = v;
  }
  return static_cast<std::int64_t>(best);
}

void assign(const WholeModels& /*config*/, const Population& /*population*/, RoundPlan& /*plan*/) {}

void assign(const HeteroFlConfig& config, const Population& population, RoundPlan& plan) {
  const auto model = make_model(plan.values->config);
  for (const double rate : config.rates) {
    plan.variants.push_back({plain_number(rate), std::make_shared<const Mask>(nested_mask(*model, rate)), nullptr});
  }
  const std::vector<double> shares = config.shares.empty() ? std::vector<double>(config.rates.size(), 1.0) : config.shares;
  for (const std::int64_t client : plan.cohort) plan.assignment[client] = 0;
  const std::vector<double> bytes = population.devices.empty() ? std::vector<double>{} : bytes_of_levels(plan, *model);
  for (const std::int64_t client : plan.cohort) {
    plan.assignment[client] = population.devices.empty()
                                  ? drawn_level(shares, plan.seed.with_round(0).with_client(static_cast<std::uint32_t>(client)))
                                  : fitting_level(bytes, population.devices[static_cast<std::size_t>(client)].memory_bytes);
  }
}

// Summed weights of the clients that trained each variant.
std::vector<double> held_weights(const RoundPlan& plan, const TrainSums& sums) {
  std::vector<double> weights;
  for (const Variant& variant : plan.variants) weights.push_back(sums.sum(held_block(variant)).at(0));
  return weights;
}

}  // namespace

bool has_submodels(const SubmodelConfig& config) { return !std::holds_alternative<WholeModels>(config); }

void assign_submodels(const SubmodelConfig& config, const Population& population, RoundPlan& plan) {
  std::visit([&](const auto& c) { assign(c, population, plan); }, config);
}

Mask nested_mask(const Model& model, double rate) {
  const PrunableStructure structure = model.structure();
  if (structure.groups.empty()) throw InputError("federation.submodels: found a model without units; expected channels or neurons");
  std::vector<std::uint8_t> kept;
  for (const Group& group : structure.groups) {
    const Family& family = structure.families[static_cast<std::size_t>(group.family)];
    if (family.kind != "channel" && family.kind != "neuron") {
      throw InputError("federation.submodels: found units of kind " + family.kind + "; expected channels or neurons");
    }
    constexpr double kRounding = 1e-9;  // 0.1 * 30 is a little more than 3
    kept.push_back(group.unit < static_cast<int>(std::ceil(rate * family.num_groups - kRounding)) ? 1 : 0);
  }
  return Mask::of_groups(model.base_layout(), structure, kept);
}

Arena mean_of_parts(const RoundPlan& plan, const TrainSums& sums) {
  const std::vector<double> held = held_weights(plan, sums);
  const auto weights_of = [&](int tensor) {
    const std::int64_t numel = plan.values->base.layout()[tensor].numel;
    std::vector<double> weights(static_cast<std::size_t>(numel), 0.0);
    for (std::size_t v = 0; v < held.size(); ++v) {
      const Mask& mask = *plan.variants[v].mask;
      for (std::int64_t j = 0; j < numel; ++j) {
        if (mask.keeps_all(tensor) || mask.bits(tensor)[j]) weights[static_cast<std::size_t>(j)] += held[v];
      }
    }
    return weights;
  };
  return sums.mean_of_senders("train/delta/", weights_of, plan.values->base);
}

Arena moments_of_parts(const RoundPlan& plan, const TrainSums& sums) {
  Arena next = plan.values->moments.clone();
  const std::vector<std::string> norms = norm_names(next.layout());
  if (norms.empty()) return next;
  const auto model = make_model(plan.values->config);
  const std::vector<double> held = held_weights(plan, sums);
  std::vector<std::vector<Bits>> channels;
  for (const Variant& variant : plan.variants) channels.push_back(held_moments(*model, *variant.mask));
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const std::vector<double> means = sums.sum("train/mean/" + norms[i]), squares = sums.sum("train/square/" + norms[i]);
    const std::span<float> mean = next.floats(static_cast<int>(2 * i)), var = next.floats(static_cast<int>(2 * i + 1));
    for (std::size_t c = 0; c < mean.size(); ++c) {
      double weight = 0.0;
      for (std::size_t v = 0; v < held.size(); ++v) weight += channels[v][2 * i][static_cast<std::int64_t>(c)] ? held[v] : 0.0;
      if (weight > 0.0) pool_moments({&means[c], 1}, {&squares[c], 1}, weight, mean.subspan(c, 1), var.subspan(c, 1));
    }
  }
  return next;
}

void HeteroFlConfig::visit(FieldVisitor& v) {
  v.field("rates", rates, "fraction of every layer's units at each level", above_to(0, 1));
  v.field("shares", shares, "of the clients at each level; none: equal; where devices are known, their memory decides", at_least(0));
}

}  // namespace coppice
