// The coordinator's half of rounds in which each client trains a part of the model (algorithms/methods/submodel_config.h).
#pragma once

#include <functional>

#include "algorithms/exchange/plan.h"
#include "algorithms/methods/method.h"
#include "algorithms/methods/submodel_config.h"
#include "algorithms/methods/train_sums.h"
#include "models/model.h"

namespace coppice {

// Whether clients train parts; and whether those are of masks of their own.
bool has_submodels(const SubmodelConfig& config);
bool has_personal_masks(const SubmodelConfig& config);

// Gives a plan with its cohort, values and tasks the parts that its clients train; nothing where they train the whole model.
void assign_submodels(const SubmodelConfig& config, const Population& population, const State& state, RoundPlan& plan);

// The change of each weight, and running statistics, as the clients' parts make them. What nobody holds stays.
Arena change_of_parts(const SubmodelConfig& config, const RoundPlan& plan, const TrainSums& sums);
Arena moments_of_parts(const SubmodelConfig& config, const RoundPlan& plan, const TrainSums& sums);

// What a round that counts teaches about parts.
void learn_from_parts(const SubmodelConfig& config, const Population& population, const RoundPlan& plan, const Answer& answer,
                      State& state, StepRecord& record);

// The units that choose(group, width) keeps, where a family has `width` of them. Throws InputError where the model has no units, or some that
// are not alike over layers.
Mask unit_mask(const Model& model, const std::function<bool(const Group& group, int width)>& choose);
// The first ceil(rate n) units of every family.
Mask nested_mask(const Model& model, double rate);

}  // namespace coppice
