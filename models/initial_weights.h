// Random initial weights that depend on the seed and the tensor's index alone.
#pragma once

#include "core/seed.h"
#include "models/arena.h"
#include "models/tap.h"

namespace coppice {

// Variance of a weight times its fan-in: 2 keeps the variance through a ReLU (He et al. 2015, eq. 10), 1 without one.
constexpr double kReluGain = 2.0;
constexpr double kLinearGain = 1.0;

// w ~ N(0, gain / fan_in), fan_in = numel / dim 0. One stream a tensor.
void fill_normal(const Arena& base, ParamId tensor, Seed seed, double gain);
void fill_constant(const Arena& arena, int tensor, float value);

}  // namespace coppice
