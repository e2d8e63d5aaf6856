// LotteryFL (Li et al., "LotteryFL: empower edge intelligence with personalized and communication-efficient federated learning", SEC 2021):
// every client looks for a winning ticket of its own, and shares the weights of it.
//
//   client k, of the round:  theta_k = theta * m_k
//     where accuracy(theta_k) > start_accuracy and m_k is denser than `density`:
//       m_k <- m_k without the smallest |theta_k| (algorithms/training/lottery.h);  theta_k <- theta_0 * m_k
//     trains theta_k under m_k, reports it
//   coordinator:  theta_i <- sum over clients that hold i of p_k theta_k,i / sum over them of p_k;  what nobody holds stays
//
// After the published code and what is recalled of the paper, whose text was not read again. Four things of the code are left out: it prunes
// by accuracy on test samples and reports each client's best test accuracy of all rounds (here training samples decide, and the last
// model is measured on samples held out at the client); the last cut passes the target; a weight counts as pruned where it is near 0, so that
// one which passes 0 in training is frozen; clients count alike whatever they have (here by `federation.weight`). Running statistics of batch
// norms stay as received where weights go back: those of theta_0 have seen no data; they are pooled over all clients.
//
// A client's mask is its own: it is kept in its store and goes up once, as bits, in the round that makes it, because the coordinator has
// to know which values to send; after that kept values alone go either way. theta_0, the weights at the start of the first stage that trains,
// goes down once. The sums are additive: of changes, and of the weights of those who hold each entry.
// Cost beside training: a forward pass over the client's samples until it is sparse enough; sums as large as the model's matrices once more.
#pragma once

#include "algorithms/exchange/plan.h"
#include "algorithms/methods/method.h"
#include "algorithms/methods/train_sums.h"

namespace coppice {

inline constexpr const char* kOriginTrack = "origin";  // theta_0

// In the state's numbers: loss, hits and count of the last personal evaluation, of how many clients, and their mean density.
inline constexpr const char* kPersonal = "personal";

// Makes the plan's Train task one under personal masks.
void assign_tickets(const LotteryFlConfig& config, const State& state, RoundPlan& plan);

// The mean change of each weight over those who hold it; 0 where nobody does.
Arena mean_over_holders(const RoundPlan& plan, const TrainSums& sums);

// Mean kept fraction of the matrices under the masks of those who took part.
double mean_density(const RoundPlan& plan, const Answer& answer);

// Measures every client's own model on the samples that it holds out, and what its answer says: eval/personal_accuracy, _loss and _density.
RoundPlan personal_evaluation(const State& state, const std::string& stage, const EvaluationConfig& evaluation, LossKind loss,
                              const Population& population);
void record_personal(const RoundPlan& plan, const Answer& answer, State& state, StepRecord& record);

}  // namespace coppice
