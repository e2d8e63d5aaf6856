#include "algorithms/importance/taylor.h"

namespace coppice {

void TaylorConfig::visit(FieldVisitor& v) {
  v.choice("order", order, {"first", "second", "mix"}, "terms of the fine score: w g, w A w, or w g - w A w / 2");
  v.choice("weights", weights, {"own", "consumers"}, "of a unit: those that make what it puts out, or those that take it in");
}

GradientRule rule_of(const TaylorConfig& config) {
  GradientRule rule;
  if (config.order != TaylorConfig::Order::kSecond) rule.first = 1.0;
  if (config.order == TaylorConfig::Order::kSecond) rule.second = 1.0;
  if (config.order == TaylorConfig::Order::kMix) rule.second = -0.5;
  if (config.weights == TaylorConfig::Weights::kConsumers) rule.side = UnitVectors::Side::kConsumers;
  return rule;
}

}  // namespace coppice
