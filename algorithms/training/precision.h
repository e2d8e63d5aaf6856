// Arithmetic of a pass.
#pragma once

#include <cstdint>

#include "models/batch.h"

namespace coppice {

// Master weights, sums and optimizer state are float32 in both.
enum class Precision : std::uint8_t { kF32, kBF16 };

// The batch with its inputs in the precision's dtype; targets and tokens stay as they are.
Batch in_precision(const Batch& batch, Precision precision);

}  // namespace coppice
