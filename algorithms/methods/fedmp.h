// FedMP (Jiang et al., "FedMP: federated learning through adaptive model pruning in heterogeneous edge computing", ICDE 2022): a bandit
// at the coordinator learns how much of the model to take from each client.
//
//   client n gets the global model without the floor(a_n width) units of least l1 norm of every family, trains it, and
//   R2SP:  theta <- sum_n p_n (recovered(theta_n) + theta - theta * m_n)        what was pruned counts as it was
//   reward of a_n:  r = (fall of client n's loss) / |T_n - mean T|              T: seconds of the round
//
// E-UCB, one agent a client. Its interval [0, most) is cut where it pulled, as long as the piece is longer than `interval`; piece j has, with
// s pulls since,
//   N_j = sum over its pulls of discount^s,   R_j = sum of discount^s r / N_j,   n = sum_j N_j
//   and the next a is uniform on the piece of largest R_j + sqrt(2 ln n / N_j), or on the first that was never pulled.
//
// Recalled; not verified against the paper's text, of which the abstract alone was read: the reward, the cuts, the discount's default and the
// padding may differ. Chosen here: the gap of times is relative to the mean and at least kLeastGap, so that no reward is infinite; rewards
// are divided by the client's own largest, so that they stand beside the padding; the loss falls from the first to the second half of
// the local steps, and units' norms add up over all of their scored slices. Deviation: running statistics of batch norms are pooled over those
// who hold a channel.
//
// The coordinator learns one number of each client besides its size and its time: how far its loss fell. Times are those of the virtual clock
// (algorithms/methods/devices.h). State: two numbers a pull. Cost at the coordinator: O(pulls^2) a client and round.
#pragma once

#include <vector>

#include "algorithms/methods/method.h"
#include "algorithms/methods/train_sums.h"

namespace coppice {

struct Pull {
  double pruned = 0.0;  // fraction of every family's units
  double reward = 0.0;
};

// The piece [begin, end) of [0, most) to draw the next fraction from.
struct Piece {
  double begin = 0.0;
  double end = 0.0;
};
Piece next_piece(const FedMpConfig& config, const std::vector<Pull>& pulls);

// All but the units of least l1 norm; of equal ones the first are kept.
Mask pruned_by_norm(const Model& model, const Arena& base, double pruned);

// Gives each client of the plan a part of its own.
void assign_pruned(const FedMpConfig& config, const State& state, RoundPlan& plan);

Arena mean_with_residuals(const RoundPlan& plan, const TrainSums& sums);

// Rewards the pulls of a round. Records "sparse/density", the mean kept fraction of the weights.
void learn_from_times(const FedMpConfig& config, const Population& population, const RoundPlan& plan, const Answer& answer, State& state,
                      StepRecord& record);

}  // namespace coppice
