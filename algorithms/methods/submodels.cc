#include "algorithms/methods/submodels.h"

#include <algorithm>
#include <cmath>

#include "algorithms/aggregation/pooled_moments.h"
#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/exchange/submodel.h"
#include "algorithms/methods/fedmp.h"
#include "algorithms/methods/lotteryfl.h"
#include "algorithms/methods/shares.h"
#include "core/config_text.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::uint32_t kLevelSalt = 3;  // beside the cohort's and the devices' own draws

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

void assign(const HeteroFlConfig& config, const Population& population, RoundPlan& plan) {
  const auto model = make_model(plan.values->config);
  for (const double rate : config.rates) {
    plan.variants.push_back({plain_number(rate), std::make_shared<const Mask>(nested_mask(*model, rate)), nullptr});
  }
  const std::vector<double> shares = config.shares.empty() ? std::vector<double>(config.rates.size(), 1.0) : config.shares;
  const bool drawn = population.devices.empty();
  const std::vector<double> bytes = drawn ? std::vector<double>{} : bytes_of_levels(plan, *model);
  for (const std::int64_t client : plan.cohort) {
    const Seed seed = plan.seed.with_round(0).with_client(static_cast<std::uint32_t>(client));
    plan.assignment[client] = drawn ? static_cast<std::int64_t>(drawn_by_shares(shares, seed, kLevelSalt))
                                    : fitting_level(bytes, population.devices[static_cast<std::size_t>(client)].memory_bytes);
  }
}

// Summed weights of the clients that trained each variant.
std::vector<double> held_weights(const RoundPlan& plan, const TrainSums& sums) {
  std::vector<double> weights;
  for (const Variant& variant : plan.variants) weights.push_back(sums.sum(held_block(variant)).at(0));
  return weights;
}

// Of each weight, over those who hold it.
Arena mean_over_variants(const RoundPlan& plan, const TrainSums& sums) {
  const std::vector<double> held = held_weights(plan, sums);
  const auto weights_of = [&](int tensor) {
    const std::int64_t numel = plan.values->base.layout()[tensor].numel;
    std::vector<double> weights(static_cast<std::size_t>(numel), 0.0);
    for (std::size_t v = 0; v < held.size(); ++v) {
      const Mask& mask = *plan.variants[v].mask;
      const Bits* bits = mask.keeps_all(tensor) ? nullptr : &mask.bits(tensor);
      for (std::int64_t j = 0; j < numel; ++j) {
        if (bits == nullptr || (*bits)[j]) weights[static_cast<std::size_t>(j)] += held[v];
      }
    }
    return weights;
  };
  return sums.mean_of_senders("train/delta/", weights_of, plan.values->base);
}

// Pooled over those who hold a channel.
Arena moments_of_units(const RoundPlan& plan, const TrainSums& sums) {
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

}  // namespace

bool has_submodels(const SubmodelConfig& config) { return !std::holds_alternative<WholeModels>(config); }

bool has_personal_masks(const SubmodelConfig& config) { return std::holds_alternative<LotteryFlConfig>(config); }

void assign_submodels(const SubmodelConfig& config, const Population& population, const State& state, RoundPlan& plan) {
  if (const auto* nested = std::get_if<HeteroFlConfig>(&config)) assign(*nested, population, plan);
  if (const auto* lottery = std::get_if<LotteryFlConfig>(&config)) assign_tickets(*lottery, state, plan);
  if (const auto* bandit = std::get_if<FedMpConfig>(&config)) assign_pruned(*bandit, state, plan);
}

Arena change_of_parts(const SubmodelConfig& config, const RoundPlan& plan, const TrainSums& sums) {
  if (std::holds_alternative<LotteryFlConfig>(config)) return mean_over_holders(plan, sums);
  if (std::holds_alternative<FedMpConfig>(config)) return mean_with_residuals(plan, sums);
  return mean_over_variants(plan, sums);
}

Arena moments_of_parts(const SubmodelConfig& config, const RoundPlan& plan, const TrainSums& sums) {
  if (has_personal_masks(config)) return sums.pooled_moments(sums.sum("train/weight").at(0), plan.values->moments);
  return moments_of_units(plan, sums);
}

void learn_from_parts(const SubmodelConfig& config, const Population& population, const RoundPlan& plan, const Answer& answer,
                      State& state, StepRecord& record) {
  if (has_personal_masks(config)) record.numbers["sparse/density"] = mean_density(plan, answer);
  if (const auto* bandit = std::get_if<FedMpConfig>(&config)) learn_from_times(*bandit, population, plan, answer, state, record);
}

Mask unit_mask(const Model& model, const std::function<bool(const Group& group, int width)>& choose) {
  const PrunableStructure structure = model.structure();
  if (structure.groups.empty()) throw InputError("federation.submodels: found a model without units; expected channels or neurons");
  std::vector<std::uint8_t> kept;
  for (const Group& group : structure.groups) {
    const Family& family = structure.families[static_cast<std::size_t>(group.family)];
    if (family.kind != "channel" && family.kind != "neuron") {
      throw InputError("federation.submodels: found units of kind " + family.kind + "; expected channels or neurons");
    }
    kept.push_back(choose(group, family.num_groups) ? 1 : 0);
  }
  return Mask::of_groups(model.base_layout(), structure, kept);
}

Mask nested_mask(const Model& model, double rate) {
  constexpr double kRounding = 1e-9;  // 0.1 * 30 is a little more than 3
  return unit_mask(model, [rate](const Group& group, int width) { return group.unit < static_cast<int>(std::ceil(rate * width - kRounding)); });
}

void HeteroFlConfig::visit(FieldVisitor& v) {
  v.field("rates", rates, "fraction of every layer's units at each level", above_to(0, 1));
  v.field("shares", shares, "of the clients at each level; none: equal; where devices are known, their memory decides", at_least(0));
}

}  // namespace coppice
