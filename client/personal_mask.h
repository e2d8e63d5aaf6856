// A mask that is the client's own (LotteryFL, algorithms/methods/lotteryfl.h), kept in its store.
#pragma once

#include <functional>
#include <memory>

#include "algorithms/exchange/plan.h"
#include "client/client_store.h"
#include "models/model.h"

namespace coppice {

// As the plan's version of the store has it; all kept where there is none. Throws InputError where it is of another model.
std::shared_ptr<const Mask> stored_mask(const RoundPlan& plan, std::int64_t client, const ClientStore& store, const Model& model);

// What the client trains: its view of the plan (personal_plan), or, where accuracy() is good enough and its mask not yet as sparse as it is
// to be, that under its next ticket, with the weights to start from as its origin.
RoundPlan ticket_plan(const RoundPlan& own, const LotteryTask& task, const Model& model, const std::function<double()>& accuracy);

}  // namespace coppice
