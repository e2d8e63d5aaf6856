#include "algorithms/importance/grasp.h"

#include <algorithm>

namespace coppice {

void GraspConfig::visit(FieldVisitor& v) { v.field("step", step, "of the difference, as a fraction of the weights' norm", above(0)); }

GradientRule rule_of(const GraspConfig& /*config*/) { return {.first = 1.0, .is_signed = true}; }

void start_at_zero(std::map<int, std::vector<float>>& scores) {
  float least = 0.0F;
  for (const auto& [tensor, values] : scores) {
    for (const float value : values) least = std::min(least, value);
  }
  for (auto& [tensor, values] : scores) {
    for (float& value : values) value -= least;
  }
}

}  // namespace coppice
