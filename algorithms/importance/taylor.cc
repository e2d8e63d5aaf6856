#include "algorithms/importance/taylor.h"

namespace coppice {

void TaylorConfig::visit(FieldVisitor& v) {
  v.choice("order", order, {"first", "second", "mix"}, "terms of the fine score: w g, w A w, or w g - w A w / 2");
}

GradientRule rule_of(const TaylorConfig& config) {
  switch (config.order) {
    case TaylorConfig::Order::kFirst:
      return {.first = 1.0};
    case TaylorConfig::Order::kSecond:
      return {.second = 1.0};
    case TaylorConfig::Order::kMix:
      return {.first = 1.0, .second = -0.5};
  }
  return {};
}

}  // namespace coppice
