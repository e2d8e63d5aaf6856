#include "algorithms/importance/importance.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "algorithms/importance/activation_estimator.h"
#include "algorithms/importance/gradient_estimator.h"
#include "algorithms/importance/matrix_tensors.h"
#include "algorithms/importance/unit_vectors.h"

namespace coppice {
namespace {

// The program's own importance in one of its forms; null for built-in ones, and for other forms.
template <class Form>
const Form* custom(const ImportanceConfig& config) {
  const auto* held = std::get_if<Custom<Importance>>(&config);
  return held == nullptr ? nullptr : dynamic_cast<const Form*>(&**held);
}

// Nothing for methods without a gradient.
std::optional<GradientRule> gradient_rule(const ImportanceConfig& config) {
  if (const auto* own = custom<GradientImportance>(config)) return GradientRule{.first = 1.0, .product = own};
  return std::visit(
      [](const auto& method) -> std::optional<GradientRule> {
        if constexpr (requires { rule_of(method); }) return rule_of(method);
        return std::nullopt;
      },
      config);
}

// Only for those whose gradient_rule is nothing and that need a pass.
ActivationRule activation_rule(const ImportanceConfig& config) {
  return std::visit(
      [](const auto& method) -> ActivationRule {
        if constexpr (requires { activation_rule_of(method); }) return activation_rule_of(method);
        throw Error("an importance without a rule");
      },
      config);
}

void refuse_without_pass(const ImportanceConfig& config) {
  if (from_weights_alone(config))
    throw Error("this importance needs no pass over data; its scores come from the weights");
}

std::vector<float> scores_of(const WeightImportance& importance, const ArenaEntry& matrix, std::span<const float> weights) {
  std::vector<float> scores = importance.scores(matrix, weights);
  if (scores.size() != weights.size()) {
    throw Error("importance: found " + std::to_string(scores.size()) + " scores of tensor " + coppice::quoted(matrix.name) + "; expected " +
                std::to_string(weights.size()));
  }
  return scores;
}

UnitScores unit_scores_of(const WeightImportance& importance, const PrunableStructure& structure, const Arena& base) {
  const UnitVectors vectors(structure, base.layout());
  std::vector<double> sums(static_cast<std::size_t>(vectors.size()));
  for (const ParamId tensor : vectors.tensors()) {
    const std::vector<float> scores = scores_of(importance, base.layout()[tensor], base.floats(tensor));
    vectors.sum_into(tensor, std::vector<double>(scores.begin(), scores.end()), sums);
  }
  UnitScores units{.coarse = vectors.per_unit(sums), .weight = 1.0};
  units.fine = units.coarse;
  return units;
}

void check_sums(const std::vector<ScoreBlock>& blocks, std::span<const std::vector<double>> sums) {
  if (sums.size() != blocks.size()) {
    throw InputError("scores: found " + std::to_string(sums.size()) + " blocks; expected " +
                     std::to_string(blocks.size()));
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (static_cast<std::int64_t>(sums[b].size()) != blocks[b].count) {
      throw InputError("scores: block " + coppice::quoted(blocks[b].name) + " has " + std::to_string(sums[b].size()) +
                       " values; expected " + std::to_string(blocks[b].count));
    }
    for (const double value : sums[b]) {
      if (!std::isfinite(value))
        throw InputError("scores: block " + coppice::quoted(blocks[b].name) + " is not finite");
    }
  }
  if (!(sums.back()[0] > 0.0)) throw InputError("scores: the summed weight of all clients is not positive");
}

}  // namespace

bool from_weights_alone(const ImportanceConfig& config) {
  return std::holds_alternative<MagnitudeConfig>(config) || std::holds_alternative<SynFlowConfig>(config) ||
         std::holds_alternative<RandomConfig>(config) || custom<WeightImportance>(config) != nullptr;
}

bool scores_elements_alone(const ImportanceConfig& config) {
  const auto* own = custom<Importance>(config);
  return std::holds_alternative<GraspConfig>(config) || std::holds_alternative<SynFlowConfig>(config) ||
         (own != nullptr && own->scores_elements_alone());
}

std::unique_ptr<ImportanceEstimator> make_estimator(const ImportanceConfig& config, const Model& model,
                                                    const ScoreRequest& request) {
  refuse_without_pass(config);
  if (std::holds_alternative<BlockInfluenceConfig>(config)) return make_block_influence(model, request);
  if (const auto* own = custom<PassImportance>(config)) return own->make_estimator(model, request);
  if (const auto rule = gradient_rule(config)) return make_gradient_estimator(*rule, model, request);
  return make_activation_estimator(activation_rule(config), model, request);
}

std::vector<ScoreBlock> score_blocks(const ImportanceConfig& config, const Model& model, const ScoreRequest& request) {
  refuse_without_pass(config);
  if (std::holds_alternative<BlockInfluenceConfig>(config)) return gradient_blocks(model, block_influence_request(model, request));
  if (const auto* own = custom<PassImportance>(config)) return own->blocks(model, request);
  const std::optional<GradientRule> rule = gradient_rule(config);
  return rule ? gradient_blocks(model, request, rule->side) : activation_blocks(activation_rule(config), model, request);
}

UnitScores decode_unit_scores(const ImportanceConfig& config, const Model& model, const Arena& base,
                              const ScoreRequest& request, std::span<const std::vector<double>> sums) {
  check_sums(score_blocks(config, model, request), sums);
  if (std::holds_alternative<BlockInfluenceConfig>(config)) {
    return decode_gradient_units(model, block_influence_request(model, request), sums);
  }
  if (const auto* own = custom<PassImportance>(config)) return own->decode_units(model, base, request, sums);
  const std::optional<GradientRule> rule = gradient_rule(config);
  if (!rule) return decode_activation_units(activation_rule(config), model, base, request, sums);
  UnitScores scores = decode_gradient_units(model, request, sums, rule->side);
  if (std::holds_alternative<SnipConfig>(config)) normalise_snip(scores);
  return scores;
}

ElementScores decode_element_scores(const ImportanceConfig& config, const Model& model, const Arena& base,
                                    const ScoreRequest& request, std::span<const std::vector<double>> sums) {
  check_sums(score_blocks(config, model, request), sums);
  if (const auto* own = custom<PassImportance>(config)) return own->decode_elements(model, base, request, sums);
  const std::optional<GradientRule> rule = gradient_rule(config);
  if (!rule) return decode_activation_elements(activation_rule(config), model, base, request, sums);
  ElementScores scores = decode_gradient_elements(*rule, model, request, sums);
  if (std::holds_alternative<SnipConfig>(config)) normalise_snip(scores);
  if (rule->is_signed) start_at_zero(scores);
  return scores;
}

UnitScores weight_unit_scores(const ImportanceConfig& config, const Model& model, const Arena& base, Seed seed) {
  const PrunableStructure structure = model.structure();
  if (const auto* magnitude = std::get_if<MagnitudeConfig>(&config))
    return magnitude_units(*magnitude, structure, base);
  if (!from_weights_alone(config)) throw Error("this importance needs clients' data");
  if (scores_elements_alone(config)) throw InputError("importance: found one of single weights alone; expected a pattern other than channels");
  if (const auto* own = custom<WeightImportance>(config)) return unit_scores_of(*own, structure, base);
  return random_units(static_cast<std::int64_t>(structure.groups.size()), seed);
}

ElementScores weight_element_scores(const ImportanceConfig& config, const Model& model, const Arena& base, bool edge,
                                    Seed seed) {
  if (!from_weights_alone(config)) throw Error("this importance needs clients' data");
  if (const auto* synflow = std::get_if<SynFlowConfig>(&config)) return synflow_elements(*synflow, model, base, edge);
  ElementScores scores;
  for (const ParamId tensor : matrix_tensors(model, edge)) {
    const std::span<const float> weights = base.floats(tensor);
    if (const auto* own = custom<WeightImportance>(config)) {
      scores[tensor] = scores_of(*own, base.layout()[tensor], weights);
      continue;
    }
    const auto* magnitude = std::get_if<MagnitudeConfig>(&config);
    scores[tensor] = magnitude != nullptr ? magnitude_elements(*magnitude, weights)
                                          : random_elements(tensor, static_cast<std::int64_t>(weights.size()), seed);
  }
  return scores;
}

}  // namespace coppice
