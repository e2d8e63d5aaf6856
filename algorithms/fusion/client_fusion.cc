#include "algorithms/fusion/client_fusion.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/error.h"

namespace coppice {
namespace {

// Positions by descending value, equal values by ascending position.
std::vector<std::size_t> by_value(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  return order;
}

void vote(std::span<double> family, double fraction) {
  const auto votes = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(family.size()) - 1e-9));
  const std::vector<std::size_t> order = by_value(family);
  for (std::size_t i = 0; i < order.size(); ++i) family[order[i]] = i < votes ? 1.0 : 0.0;
}

void rank(std::span<double> family) {
  if (family.size() == 1) {
    family[0] = 0.5;
    return;
  }
  const std::vector<std::size_t> order = by_value(family);
  const double last = static_cast<double>(family.size()) - 1.0;
  std::vector<double> ranks(family.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && family[order[end]] == family[order[begin]]) ++end;
    const double mean = last - 0.5 * static_cast<double>(begin + end - 1);
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = mean / last;
  }
  std::copy(ranks.begin(), ranks.end(), family.begin());
}

void normalise(std::span<double> values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value = sum > 0.0 ? value / sum : 0.0;
}

using Values = std::vector<std::vector<double>>;

template <class Transform>
void for_each_family(std::span<const ScoreBlock> blocks, Values& values, const Transform& transform) {
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].role != ScoreRole::kScore) continue;
    std::size_t begin = 0;
    for (const std::int64_t size : blocks[b].families) {
      transform(std::span(values[b]).subspan(begin, static_cast<std::size_t>(size)));
      begin += static_cast<std::size_t>(size);
    }
  }
}

// Each set of blocks sums to one.
void normalise_sets(std::span<const ScoreBlock> blocks, Values& values) {
  double sums[2] = {0.0, 0.0};
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].role == ScoreRole::kScore)
      sums[blocks[b].set] += std::accumulate(values[b].begin(), values[b].end(), 0.0);
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].role != ScoreRole::kScore) continue;
    const double sum = sums[blocks[b].set];
    for (double& value : values[b]) value = sum > 0.0 ? value / sum : 0.0;
  }
}

double cosine(std::span<const double> a, std::span<const double> b) {
  double dot = 0.0, norm_a = 0.0, norm_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    norm_a += a[i] * a[i];
    norm_b += b[i] * b[i];
  }
  return norm_a > 0.0 && norm_b > 0.0 ? dot / (std::sqrt(norm_a) * std::sqrt(norm_b)) : 0.0;
}

void check_blocks(const ClientFusionConfig& config, std::span<const ScoreBlock> blocks, const Values& values) {
  if (blocks.empty() || blocks.size() != values.size() || blocks.back().role != ScoreRole::kWeight) {
    throw Error("client fusion: the values do not match the score blocks");
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (static_cast<std::int64_t>(values[b].size()) != blocks[b].count) {
      throw Error("client fusion: block " + coppice::quoted(blocks[b].name) + " has " +
                  std::to_string(values[b].size()) + " values; expected " + std::to_string(blocks[b].count));
    }
    if (needs_local_form(config) && blocks[b].role == ScoreRole::kScore && blocks[b].families.empty()) {
      throw Error("client fusion: block " + coppice::quoted(blocks[b].name) +
                  " is in the signed form; this rule needs the local one");
    }
  }
}

}  // namespace

void NoFusion::visit(FieldVisitor& /*v*/) {}
void MeanFusion::visit(FieldVisitor& /*v*/) {}
void RankFusion::visit(FieldVisitor& /*v*/) {}
void AgreementFusion::visit(FieldVisitor& /*v*/) {}

void NormalisedMeanFusion::visit(FieldVisitor& v) {
  v.choice("over", over, {"family", "model"}, "what a client's scores sum to one over");
}

void VoteFusion::visit(FieldVisitor& v) {
  v.field("fraction", fraction, "of each family that a client votes for", above_to(0.0, 1.0));
}

bool needs_local_form(const ClientFusionConfig& config) {
  return std::holds_alternative<NormalisedMeanFusion>(config) || std::holds_alternative<VoteFusion>(config) ||
         std::holds_alternative<RankFusion>(config) || std::holds_alternative<Custom<ClientFusion>>(config);
}

std::vector<double> agreement_reference(std::span<const ScoreBlock> blocks, std::span<const std::vector<double>> sums) {
  std::vector<double> reference;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].role == ScoreRole::kScore && blocks[b].set == 0) {
      reference.insert(reference.end(), sums[b].begin(), sums[b].end());
    }
  }
  return reference;
}

double apply_client_transform(const ClientFusionConfig& config, std::span<const ScoreBlock> blocks, Values& values,
                              double weight, const std::vector<double>* reference) {
  check_blocks(config, blocks, values);
  const double samples = values.back()[0];
  if (samples <= 0.0) {
    for (std::vector<double>& block : values) std::fill(block.begin(), block.end(), 0.0);
    return 0.0;
  }
  double scale = weight / samples;  // numerators arrive as sums over samples
  if (std::holds_alternative<NoFusion>(config)) {
    weight = samples;
    scale = 1.0;
  } else if (const auto* mean = std::get_if<NormalisedMeanFusion>(&config)) {
    if (mean->over == NormalisedMeanFusion::Over::kModel) {
      normalise_sets(blocks, values);
    } else {
      for_each_family(blocks, values, normalise);
    }
    scale = weight;
  } else if (const auto* votes = std::get_if<VoteFusion>(&config)) {
    for_each_family(blocks, values, [votes](std::span<double> family) { vote(family, votes->fraction); });
    scale = weight;
  } else if (std::holds_alternative<RankFusion>(config)) {
    for_each_family(blocks, values, rank);
    scale = weight;
  } else if (const auto* custom = std::get_if<Custom<ClientFusion>>(&config)) {
    for_each_family(blocks, values, [custom](std::span<double> family) { (*custom)->transform(family); });
    scale = weight;
  } else if (std::holds_alternative<AgreementFusion>(config) && reference != nullptr) {
    const std::vector<double> own = agreement_reference(blocks, values);
    if (own.size() != reference->size()) {
      throw InputError("client fusion: the reference has " + std::to_string(reference->size()) + " values; expected " +
                       std::to_string(own.size()));
    }
    const double agreement = std::max(0.0, cosine(own, *reference));
    weight *= agreement;
    scale *= agreement;
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].role != ScoreRole::kScore) continue;
    for (double& value : values[b]) value *= scale;
  }
  values.back()[0] = weight;
  return weight;
}

}  // namespace coppice
