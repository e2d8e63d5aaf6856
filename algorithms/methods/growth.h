// Growing a mask during training (GrowthConfig): which tensors are adjusted when, what clients send for it, and the exchange.
#pragma once

#include "algorithms/methods/federated_training.h"

namespace coppice {

bool growth_due(const GrowthConfig& config, std::int64_t round);
GrowthTask growth_task(const GrowthConfig& config, const Track& track, std::int64_t round);

// Exchanges weights of the track's mask; grown weights start at 0, the server's memory of exchanged ones is cleared.
void absorb_growth(const GrowthConfig& config, Track& track, const RoundPlan& plan, const Answer& answer,
                   StepRecord& record);

}  // namespace coppice
