#include "models/initial_weights.h"

#include <algorithm>
#include <cmath>

namespace coppice {

void fill_normal(const Arena& base, ParamId tensor, Seed seed, double gain) {
  const ArenaEntry& entry = base.layout()[tensor];
  const double fan_in = static_cast<double>(entry.numel) / static_cast<double>(entry.shape.front());
  const double deviation = std::sqrt(gain / fan_in);
  Stream stream(seed, Purpose::kInit, static_cast<std::uint32_t>(tensor));
  for (float& value : base.floats(tensor)) value = static_cast<float>(deviation * stream.normal());
}

void fill_constant(const Arena& arena, int tensor, float value) {
  const std::span<float> values = arena.floats(tensor);
  std::fill(values.begin(), values.end(), value);
}

}  // namespace coppice
