// The coordinator's half of rounds in which each client trains a part of the model (algorithms/methods/submodel_config.h).
#pragma once

#include "algorithms/exchange/plan.h"
#include "algorithms/methods/cohort.h"
#include "algorithms/methods/submodel_config.h"
#include "algorithms/methods/train_sums.h"
#include "models/model.h"

namespace coppice {

// Whether clients train parts.
bool has_submodels(const SubmodelConfig& config);

// Gives a plan with its cohort, values and tasks the parts that its clients train; nothing where they train the whole model.
void assign_submodels(const SubmodelConfig& config, const Population& population, RoundPlan& plan);

// The mean change of each weight over those who hold it; 0 where nobody does.
Arena mean_of_parts(const RoundPlan& plan, const TrainSums& sums);
// Running statistics pooled over those who hold a channel.
Arena moments_of_parts(const RoundPlan& plan, const TrainSums& sums);

// The first ceil(rate n) units of every family. Throws InputError where the model has no units, or some that are not alike over layers.
Mask nested_mask(const Model& model, double rate);

}  // namespace coppice
