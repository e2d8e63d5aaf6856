#include "coordinator/report/verdict.h"

#include <cmath>

#include "coordinator/report/figures.h"

namespace coppice {
namespace {

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : kNoFigure;
}

std::string quality_alone(const VariantFigures& result) {
  if (std::isfinite(result.accuracy)) return "reaches " + show_percent(result.accuracy) + " accuracy";
  return std::isfinite(result.loss) ? "reaches a loss of " + show_significant(result.loss, 4) : "was not evaluated";
}

std::string quality_against(const VariantFigures& result, const VariantFigures& reference) {
  if (std::isfinite(result.accuracy) && std::isfinite(reference.accuracy)) {
    const double points = (result.accuracy - reference.accuracy) * 100.0;
    const std::string both =
        " (" + show_percent(result.accuracy) + " against " + show_percent(reference.accuracy) + ")";
    if (show_fixed(points, 2) == "0.00") return "is as accurate" + both;
    return "is " + show_fixed(std::abs(points), 2) + " points " + (points < 0.0 ? "less" : "more") + " accurate" + both;
  }
  if (std::isfinite(result.loss) && std::isfinite(reference.loss)) {
    return "has a loss of " + show_significant(result.loss, 4) + " against " + show_significant(reference.loss, 4);
  }
  return quality_alone(result);
}

// At the smallest batch both were measured at.
std::string speed_against(const VariantFigures& result, const VariantFigures& reference) {
  for (const auto& [batch, milliseconds] : result.latency_ms) {
    const auto other = reference.latency_ms.find(batch);
    if (other == reference.latency_ms.end() || !(milliseconds > 0.0) || !(other->second > 0.0)) continue;
    const double factor = other->second / milliseconds;
    const std::string change = factor >= 1.0 ? show_significant(factor, 3) + " times as fast"
                                             : show_significant(1.0 / factor, 3) + " times as long";
    return "answers a batch of " + std::to_string(batch) + " in " + show_milliseconds(milliseconds) + " instead of " +
           show_milliseconds(other->second) + " (" + change + ")";
  }
  return "";
}

}  // namespace

std::string verdict(const RunSummary& summary) {
  const VariantFigures& result = result_of(summary);
  const VariantFigures* reference = reference_of(summary);
  const std::string subject = "The " + result.name + " model ";
  if (reference == nullptr) {
    return subject + quality_alone(result) + " with " + show_count(static_cast<double>(result.parameters)) +
           " parameters and " + show_short_count(static_cast<double>(result.flops)) + " FLOPs a sample.";
  }
  const std::string speed = speed_against(result, *reference);
  std::string words = subject + "needs " + show_percent(share(result.flops, reference->flops)) + " of the FLOPs and " +
                      show_percent(share(result.parameters, reference->parameters)) + " of the parameters of the " +
                      reference->name + (speed.empty() ? " and " : ", ") + quality_against(result, *reference);
  return words + (speed.empty() ? "." : ", and " + speed + ".");
}

std::string caveat(const RunSummary& summary) {
  const VariantFigures* reference = reference_of(summary);
  std::string words =
      "One run with one seed: a difference counts only across seeds, with its standard error (coppice compare).";
  if (reference != nullptr && reference->name == "dense") {
    words += " The dense model here had only the rounds before pruning, so the comparison is not at equal training.";
  }
  return words;
}

}  // namespace coppice
