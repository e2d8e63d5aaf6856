#include "algorithms/fusion/fusion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/config_text.h"
#include "core/error.h"
#include "core/portable_math.h"
#include "algorithms/importance/unit_vectors.h"

namespace coppice {
namespace {

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

// The first entry of softmax((a, b)).
double softmax_first(double a, double b) { return 1.0 / (1.0 + portable_exp(b - a)); }

double attention_alpha(std::span<const double> coarse, std::span<const double> fine, double tau) {
  double cc = 0.0, cf = 0.0, ff = 0.0;
  for (std::size_t i = 0; i < coarse.size(); ++i) {
    const double c = coarse[i] - 1.0, f = fine[i] - 1.0;
    cc += c * c;
    cf += c * f;
    ff += f * f;
  }
  const double scale = 1.0 / (tau * static_cast<double>(coarse.size()));
  return 0.5 * (softmax_first(cc * scale, cf * scale) + softmax_first(cf * scale, ff * scale));
}

double uncertainty_alpha(std::span<const double> coarse_variance, std::span<const double> fine_variance) {
  const double coarse = mean_of(coarse_variance), fine = mean_of(fine_variance);
  return coarse + fine > 0.0 ? fine / (coarse + fine) : 0.5;
}

double alpha_of(const GranularityFusionConfig& config, std::span<const double> coarse, std::span<const double> fine,
                const UnitScores& scores, std::size_t begin) {
  if (const auto* fixed = std::get_if<FixedGranularity>(&config)) return fixed->alpha;
  if (const auto* attention = std::get_if<AttentionGranularity>(&config)) {
    return attention_alpha(coarse, fine, attention->tau);
  }
  return uncertainty_alpha(std::span(scores.coarse_variance).subspan(begin, coarse.size()),
                           std::span(scores.fine_variance).subspan(begin, coarse.size()));
}

std::vector<double> own_scores(const Custom<GranularityFusion>& rule, std::span<const double> coarse, std::span<const double> fine) {
  std::vector<double> scores = rule->fuse(coarse, fine);
  if (scores.size() != coarse.size() || !std::all_of(scores.begin(), scores.end(), [](double s) { return std::isfinite(s); })) {
    throw Error("fusion: " + rule.name() + " gave " + std::to_string(scores.size()) + " scores; expected " + std::to_string(coarse.size()) +
                " finite ones");
  }
  return scores;
}

void check(const FusionConfig& config, const PrunableStructure& structure, const UnitScores& scores, std::span<const double> learned) {
  const std::size_t units = structure.groups.size();
  if (std::holds_alternative<AdaptiveGranularity>(config.granularity)) {
    throw Error("adaptive fusion is a choice among candidates, not a rule of its own");
  }
  if (std::holds_alternative<LearnedGranularity>(config.granularity) && learned.size() != structure.families.size()) {
    throw Error("fusion: found " + std::to_string(learned.size()) + " learned weights; expected one a family");
  }
  if (scores.coarse.size() != units || scores.fine.size() != units) {
    throw Error("fusion: found " + std::to_string(scores.coarse.size()) + " coarse and " +
                std::to_string(scores.fine.size()) + " fine scores; expected " + std::to_string(units) + " of each");
  }
  if (std::holds_alternative<UncertaintyGranularity>(config.granularity) &&
      (scores.coarse_variance.size() != units || scores.fine_variance.size() != units)) {
    throw InputError(
        "fusion: uncertainty needs variances between micro-batches; found at most one micro-batch a "
        "client");
  }
  if (config.confidence &&
      (scores.coarse_client_variance.size() != units || scores.fine_client_variance.size() != units)) {
    throw InputError("fusion: confidence needs variances between clients; found fewer than two clients");
  }
}

}  // namespace

void FixedGranularity::visit(FieldVisitor& v) {
  v.field("alpha", alpha, "weight of the coarse score; the fine one has the rest", within(0.0, 1.0));
}

void AttentionGranularity::visit(FieldVisitor& v) {
  v.field("tau", tau, "temperature; smaller = more weight to the more peaked score", above(0.0));
}

void UncertaintyGranularity::visit(FieldVisitor& /*v*/) {}

void LearnedGranularity::visit(FieldVisitor& v) {
  v.field("rounds", rounds, "rounds of gradients, of the score stage's cohort and batches", at_least(1));
  v.field("lr", lr, "of Adam, on the logit of each family's weight", above(0.0));
  v.field("first_temperature", first_temperature, "of gates: how softly the budget cuts at first", above(0.0));
  v.field("last_temperature", last_temperature, "and in the last round", above(0.0));
}

void AdaptiveGranularity::visit(FieldVisitor& v) {
  v.field("alphas", alphas, "fixed weights of the coarse score to try", within(0.0, 1.0));
  v.field("attention", attention, "also try attention");
  v.field("uncertainty", uncertainty, "also try inverse variances");
}

void FusionConfig::visit(FieldVisitor& v) {
  v.variant("granularity", granularity, "how the scores of whole vectors and of single weights become one");
  v.variant("clients", clients, "how clients' scores become one");
  v.choice("scale", scale, {"raw", "relative"}, "whether families keep their own magnitude under a global budget");
  v.field("confidence", confidence, "discount units on which clients disagree");
  v.field("concentration", concentration, "single weights: the power of their units' scores that theirs are multiplied by", within(0.0, 4.0));
}

FusedScores fuse(const FusionConfig& config, const PrunableStructure& structure, const UnitScores& scores, std::span<const double> learned) {
  check(config, structure, scores, learned);
  const std::vector<std::int64_t> sizes = structure.full_widths();
  const std::vector<double> coarse = normalised_by_family(scores.coarse, sizes);
  const std::vector<double> fine = normalised_by_family(scores.fine, sizes);
  FusedScores fused;
  for (const std::int64_t family_size : sizes) {
    const auto size = static_cast<std::size_t>(family_size);
    const std::size_t begin = fused.scores.size();
    const std::span coarse_of(coarse.data() + begin, size), fine_of(fine.data() + begin, size);
    const double beta = config.scale == ScoreScale::kRaw ? mean_of(std::span(scores.fine).subspan(begin, size)) : 1.0;
    if (const auto* own = std::get_if<Custom<GranularityFusion>>(&config.granularity)) {
      for (const double score : own_scores(*own, coarse_of, fine_of)) fused.scores.push_back(beta * score);
      continue;
    }
    const double alpha = std::holds_alternative<LearnedGranularity>(config.granularity)
                             ? learned[fused.alphas.size()]
                             : alpha_of(config.granularity, coarse_of, fine_of, scores, begin);
    for (std::size_t i = begin; i < begin + size; ++i) {
      double score = beta * (alpha * coarse[i] + (1.0 - alpha) * fine[i]);
      if (config.confidence) {
        const double deviation = alpha * std::sqrt(scores.coarse_client_variance[i]) +
                                 (1.0 - alpha) * std::sqrt(scores.fine_client_variance[i]);
        score /= 1.0 + deviation * deviation;
      }
      fused.scores.push_back(score);
    }
    fused.alphas.push_back(alpha);
  }
  return fused;
}

std::vector<Candidate> candidates(const FusionConfig& config, const UnitScores* scores) {
  std::vector<Candidate> all;
  const auto add = [&](std::string name, GranularityFusionConfig granularity) {
    all.push_back({std::move(name), config});
    all.back().config.granularity = std::move(granularity);
  };
  const auto name_of_alpha = [](double alpha) { return "alpha " + plain_number(alpha); };
  if (const auto* adaptive = std::get_if<AdaptiveGranularity>(&config.granularity)) {
    for (const double alpha : adaptive->alphas) add(name_of_alpha(alpha), FixedGranularity{alpha});
    if (adaptive->attention) add(AttentionGranularity::kName, AttentionGranularity{});
    const bool known = scores == nullptr || (!scores->coarse_variance.empty() && !scores->fine_variance.empty());
    if (adaptive->uncertainty && known) add(UncertaintyGranularity::kName, UncertaintyGranularity{});
    if (all.empty()) throw InputError("fusion: adaptive has no candidates; expected alphas, attention or uncertainty");
  } else if (const auto* fixed = std::get_if<FixedGranularity>(&config.granularity)) {
    add(name_of_alpha(fixed->alpha), *fixed);
  } else {
    add(kind_of(config.granularity), config.granularity);
  }
  return all;
}

std::size_t select_best(std::span<const double> losses) {
  std::size_t best = losses.size();
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (std::isfinite(losses[i]) && (best == losses.size() || losses[i] < losses[best])) best = i;
  }
  if (best == losses.size()) throw Error("none of " + std::to_string(losses.size()) + " candidates has a finite loss");
  return best;
}

bool needs_confidence(const FusionConfig& config) {
  if (config.confidence || std::holds_alternative<UncertaintyGranularity>(config.granularity)) return true;
  const auto* adaptive = std::get_if<AdaptiveGranularity>(&config.granularity);
  return adaptive != nullptr && adaptive->uncertainty;
}

}  // namespace coppice
