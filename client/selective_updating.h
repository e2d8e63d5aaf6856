// Selective updating of FL-PQSU (Xu, Fang, Ding, Zou & Xiong, "Accelerating federated learning for IoT in big data analytics with pruning,
// quantization and selective updating", IEEE Access 9, 2021): a client reports only where its training loss is lower than at its last
// report; the first time always. What it withholds changes nothing, and costs nothing up.
//
// After the published code (fangvv/FL-PQSU); the paper itself was not read. The code compares the loss of the last batch alone, here it is
// the mean over the round's steps, which is less noise; and its server goes on averaging what a silent client last sent, here the mean is
// over those who report, since cohorts change.
//
// The other two stages of FL-PQSU are settings (configs/fl_pqsu.yaml): channels of smallest l1 norm are cut once, and reports travel as 8 bit
// integers. The code rounds weights, to a scale and a zero point a tensor, up and down; here changes are rounded, up alone.
#pragma once

#include "algorithms/exchange/plan.h"
#include "client/client_store.h"

namespace coppice {

// Infinite where the client has reported nothing since the model last changed its shape. Throws InputError on a malformed store.
double last_reported_loss(const RoundPlan& plan, std::int64_t client, const ClientStore& store);

// What the store remembers of a report.
Block reported_loss(double loss);

}  // namespace coppice
